"""A network of rows, with ``fuse()``."""

from torch import nn
from utils.torch_utils import fuse_conv_and_bn, model_info


class Conv(nn.Module):
    def __init__(self, c1, c2, s):
        super().__init__()
        self.conv = nn.Conv2d(c1, c2, 3, s, 1, bias=False)
        self.bn = nn.BatchNorm2d(c2)
        self.act = nn.SiLU()

    def forward(self, x):
        return self.act(self.bn(self.conv(x)))

    def fuseforward(self, x):
        return self.act(self.conv(x))


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.model = nn.Sequential(Conv(3, 8, 2), Conv(8, 16, 2), Conv(16, 16, 1), nn.Conv2d(16, 7, 1))
        self.info()

    def forward(self, x):
        return self.model(x)

    def fuse(self):
        print("Fusing layers... ")
        for module in self.modules():
            if type(module) is Conv and hasattr(module, "bn"):
                module.conv = fuse_conv_and_bn(module.conv, module.bn)
                delattr(module, "bn")
                module.forward = module.fuseforward
        self.info()
        return self

    def info(self, verbose=False, img_size=640):
        model_info(self, verbose, img_size)
