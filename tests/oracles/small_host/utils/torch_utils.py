"""What a training prints of a model, and the average of its weights."""

import copy
import logging

from torch import nn

logger = logging.getLogger(__name__)


def model_info(model, verbose=False, img_size=640):
    parameters = sum(each.numel() for each in model.parameters())
    gradients = sum(each.numel() for each in model.parameters() if each.requires_grad)
    logger.info(f"Model Summary: {len(list(model.modules()))} layers, {parameters} parameters, {gradients} gradients")


def fuse_conv_and_bn(conv, bn):
    fused = nn.Conv2d(conv.in_channels, conv.out_channels, conv.kernel_size, conv.stride, conv.padding, bias=True)
    scale = bn.weight / (bn.running_var + bn.eps).sqrt()
    fused.weight.data = conv.weight.data * scale.data.view(-1, 1, 1, 1)
    fused.bias.data = bn.bias.data - bn.running_mean * scale.data
    return fused.requires_grad_(conv.weight.requires_grad)


class ModelEMA:
    def __init__(self, model):
        self.ema = copy.deepcopy(model.module if hasattr(model, "module") else model).eval().requires_grad_(False)

    def update(self, model):
        inner = model.module if hasattr(model, "module") else model
        for average, new in zip(self.ema.state_dict().values(), inner.state_dict().values()):
            if average.dtype.is_floating_point:
                average.mul_(0.9).add_(new.detach(), alpha=0.1)
