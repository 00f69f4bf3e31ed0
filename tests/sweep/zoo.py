"""Networks of torchvision and of timm, each with an image of its own size: `python -m tests.sweep --cases zoo fvcore`.

A run takes minutes, so no test has it.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import timm
import torchvision
from torch import nn

from tests.sweep.case import Case

TORCHVISION = """
alexnet convnext_tiny densenet121 efficientnet_b0 googlenet inception_v3 maxvit_t mnasnet0_5 mobilenet_v2
mobilenet_v3_small regnet_x_400mf resnet18 resnext50_32x4d shufflenet_v2_x0_5 squeezenet1_1 swin_t swin_v2_t vgg11_bn
vit_b_32
""".split()

TIMM = """
cait_xxs24_224 coat_tiny coatnet_nano_rw_224 convit_tiny convnextv2_atto crossvit_tiny_240 cspresnet50 davit_tiny
deit_tiny_patch16_224 dla34 dpn48b edgenext_xx_small efficientformer_l1 ese_vovnet19b_dw eva02_tiny_patch14_224
fastvit_t8 focalnet_tiny_srf ghostnet_050 gmlp_ti16_224 halonet26t hiera_tiny_224 hrnet_w18_small lambda_resnet26t
levit_128s mixer_s32_224 mobilevit_xxs mobilevitv2_050 mvitv2_tiny nf_resnet26 pit_ti_224 poolformer_s12 pvt_v2_b0
repvgg_a0 resmlp_12_224 selecsls42 sequencer2d_s skresnet18 tiny_vit_5m_224 tnt_s_patch16_224 tresnet_m twins_svt_small
volo_d1_224 xception41 xcit_nano_12_p16_224
bat_resnext26ts caformer_s18 efficientformerv2_s0 efficientvit_b0 efficientvit_m0 fasternet_t0 ghostnetv2_100 hgnetv2_b0
inception_next_atto mambaout_femto maxvit_rmlp_pico_rw_256 mobilenetv4_conv_small mobileone_s0 nest_tiny repvit_m0_9
resnest14d shvit_s1 starnet_s1 swiftformer_xs swinv2_cr_tiny_ns_224 swinv2_tiny_window8_256 visformer_tiny
""".split()


def of_torchvision(name: str) -> nn.Module:
    """A network of torchvision; the two of Inception would draw their weights for minutes."""
    drawn = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
    return torchvision.models.get_model(name, weights=None, **drawn)


CASES: Mapping[str, Case] = {
    **{
        f"torchvision {name}": Case(
            partial(of_torchvision, name), ((1, 3, *[299 if name == "inception_v3" else 224] * 2),)
        )
        for name in TORCHVISION
    },
    **{
        f"timm {name}": Case(partial(timm.create_model, name), ((1, *timm.get_pretrained_cfg(name).input_size),))
        for name in TIMM
    },
}
