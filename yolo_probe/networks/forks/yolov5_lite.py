"""YOLOv5-Lite: the classes that a row of its model YAML can name, and what each makes of its arguments.

Source: https://github.com/ppogg/YOLOv5-Lite at 9d649a6 (June 2024).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from yolo_probe.model.forks.yolov5_lite import YOLOV5_LITE as FORK
from yolo_probe.model.structure import Module
from yolo_probe.networks import torch_nn
from yolo_probe.networks.constructors import (
    BLOCKS,
    SCALED,
    BlockClass,
    Blocks,
    Dialect,
    Parsed,
    Row,
)
from yolo_probe.networks.generations import host_of
from yolo_probe.networks.torch_nn import (
    ArgumentError,
    Count,
    Flag,
    Number,
    OneOrTwo,
    conv2d,
    linear,
    max_pool2d,
    parameter,
    sequential,
)


def halved(row: Row) -> Parsed:
    """``ADD``: its output is half as wide as all its inputs together."""
    return row.arguments, sum(row.inputs) // 2


_OF_YOLOV5 = (
    "Conv GhostConv Bottleneck GhostBottleneck SPP SPPF MixConv2d Focus CrossConv BottleneckCSP C3 C3TR "
    "TransformerLayer TransformerBlock Contract Expand Concat Sum Classify Detect"
)
_OWN = (
    "Shuffle_Block conv_bn_relu_maxpool DWConvblock MBConvBlock LC3 RepVGGBlock SEBlock mobilev3_bneck Hswish SELayer "
    "stem CBH LC_Block Dense ES_Bottleneck ES_SEModule"
)

CLASSES: Mapping[str, BlockClass] = {
    **{name: BLOCKS[name] for name in _OF_YOLOV5.split()},
    **dict.fromkeys(_OWN.split(), SCALED),
    "ADD": BlockClass(halved, merges=True),
    "C3_GC": BlockClass(),
}
"""The classes that a row can name; its code has no ``DWConv``."""


Make = Callable[[], Module]


class ShuffleNetBlocks(Blocks):
    """Constructors with the two branches of ShuffleNet V2."""

    def _pointwise(self, c1: Count, c2: Count, act: Make) -> list[Module]:
        return [conv2d(c1, c2, 1, bias=False), self._batch_norm(c2), act()]

    def _inplace(self, name: str) -> Module:
        """An activation that overwrites its input."""
        return self._torch(name, True)

    def _depthwise(self, channels: Count, k: Count, stride: Count) -> list[Module]:
        padding = (k - 1) // 2
        return [
            conv2d(channels, channels, k, stride, padding, groups=channels, bias=False),
            self._batch_norm(channels),
        ]

    def _branches(
        self, inp: Count, oup: Count, stride: Count, act: Make, gate: Sequence[Module] = ()
    ) -> dict[str, Module]:
        """The branch on the right, and where it is strided the one on the left; each makes half of the output.

        ``gate``: what stands behind the depthwise convolution on the right.
        """
        if stride > 3:
            raise ArgumentError(f"stride is {stride}, expected 1 to 3")
        half, strided = divided(oup, 2), stride > 1
        right = sequential(
            *self._pointwise(inp if strided else half, half, act),
            *self._depthwise(half, 3, stride),
            *gate,
            *self._pointwise(half, half, act),
        )
        if not strided:
            return {"branch2": right}
        left = sequential(*self._depthwise(inp, 3, stride), *self._pointwise(inp, half, act))
        return {"branch1": left, "branch2": right}


def divided(channels: Count, by: Count) -> int:
    """The whole part of channels / by, at least 1. Raises: ArgumentError where none is left."""
    if channels < by:
        raise ArgumentError(f"{channels} channels / {by} leaves none inside the block")
    return channels // by


def check_halves(inp: Count, oup: Count, stride: Count) -> None:
    """Raises: ArgumentError where a block that passes half of its input on is to change its width."""
    if stride == 1 and inp != oup // 2 * 2:
        raise ArgumentError(f"{inp} channels in and {oup} out, expected the same even number at stride 1")


class LiteBlocks(ShuffleNetBlocks):
    """The constructors of YOLOv5-Lite; those that it shares with YOLOv5 are of v5.0."""

    def _constructors(self) -> dict[str, Callable[..., Module]]:
        return {
            **super()._constructors(),
            "GhostBottleneck": self.ghost_bottleneck,
            "Shuffle_Block": self.shuffle_block,
            "conv_bn_relu_maxpool": self.conv_bn_relu_maxpool,
            "DWConvblock": self.dw_conv_block,
            "MBConvBlock": self.mb_conv_block,
            "LC3": self.lc3,
            "RepVGGBlock": self.rep_vgg_block,
            "SEBlock": self.se_block,
            "mobilev3_bneck": self.mobilev3_bneck,
            "Hswish": self.hswish,
            "SELayer": self.se_layer,
            "stem": self.stem,
            "CBH": self.cbh,
            "LC_Block": self.lc_block,
            "Dense": self.dense,
            "ES_Bottleneck": self.es_bottleneck,
            "ES_SEModule": self.es_se_module,
            "ADD": self.add,
            "C3_GC": self.c3_gc,
        }

    def ghost_bottleneck(self, c1: Count, c2: Count, k: OneOrTwo = 3, s: OneOrTwo = 1) -> Module:
        """``GhostBottleneck``; its code fails with NameError at stride 2, which needs ``DWConv``."""
        if s == 2:
            raise ArgumentError("s is 2, but YOLOv5-Lite has no DWConv for it and fails with NameError")
        return super().ghost_bottleneck(c1, c2, k, s)

    # ShuffleNet, MobileNet, EfficientNet

    def shuffle_block(self, inp: Count, oup: Count, stride: Count) -> Module:
        """``Shuffle_Block``."""
        check_halves(inp, oup, stride)
        children = self._branches(inp, oup, stride, lambda: self._inplace("nn.ReLU"))
        return Module("models.common.Shuffle_Block", {"stride": stride}, children=children)

    def conv_bn_relu_maxpool(self, c1: Count, c2: Count) -> Module:
        """``conv_bn_relu_maxpool``: a quarter of the height and width."""
        children = {"conv": self._halving(c1, c2), "maxpool": max_pool2d(3, 2, 1)}
        return Module("models.common.conv_bn_relu_maxpool", children=children)

    def _halving(self, c1: Count, c2: Count) -> Module:
        return sequential(conv2d(c1, c2, 3, 2, 1, bias=False), self._batch_norm(c2), self._inplace("nn.ReLU"))

    def stem(self, c1: Count, c2: Count) -> Module:
        """``stem``: it takes three channels, whatever comes."""
        return Module("models.common.stem", children={"conv": self._halving(3, c2)})

    def dw_conv_block(self, in_channels: Count, out_channels: Count, k: Count, s: OneOrTwo) -> Module:
        """``DWConvblock``: a depthwise convolution, then a pointwise one."""
        depthwise = conv2d(in_channels, in_channels, k, s, k // 2, groups=in_channels, bias=False)
        return Module(
            "models.common.DWConvblock",
            {"p": k // 2},
            children={
                "conv1": depthwise,
                "bn1": self._batch_norm(in_channels),
                "conv2": conv2d(in_channels, out_channels, 1, bias=False),
                "bn2": self._batch_norm(out_channels),
            },
        )

    def mb_conv_block(self, inp: Count, oup: Count, k: Count, s: Count) -> Module:
        """``MBConvBlock``: its convolutions are as wide as its output."""
        depthwise, first = self._depthwise(oup, k, s)
        return Module(
            "models.common.MBConvBlock",
            {
                "_momentum": 0.01,
                "_epsilon": 1e-3,
                "input_filters": inp,
                "output_filters": oup,
                "stride": s,
                "id_skip": True,
            },
            children={
                "_depthwise_conv": depthwise,
                "_bn1": first,
                "_project_conv": conv2d(oup, oup, 1, bias=False),
                "_bn2": self._batch_norm(oup),
                "_relu": self._inplace("nn.ReLU"),
            },
        )

    def mobilev3_bneck(
        self, inp: Count, oup: Count, hidden_dim: Count, kernel_size: Count, stride: Count, use_se: Flag, use_hs: Flag
    ) -> Module:
        """``mobilev3_bneck``: it widens to ``hidden_dim``, unless its input is as wide already."""
        if stride > 2:
            raise ArgumentError(f"stride is {stride}, expected 1 or 2")
        gate = self.se_layer(hidden_dim) if use_se else sequential()
        depthwise = self._depthwise(hidden_dim, kernel_size, stride)
        narrowing = [conv2d(hidden_dim, oup, 1, bias=False), self._batch_norm(oup)]
        if inp == hidden_dim:
            parts = [*depthwise, self._hard(use_hs), gate, *narrowing]
        else:
            widening = [conv2d(inp, hidden_dim, 1, bias=False), self._batch_norm(hidden_dim), self._hard(use_hs)]
            parts = [*widening, *depthwise, gate, self._hard(use_hs), *narrowing]
        identity = stride == 1 and inp == oup
        return Module("models.common.mobilev3_bneck", {"identity": identity}, children={"conv": sequential(*parts)})

    def _hard(self, use_hs: Flag) -> Module:
        return self.hswish() if use_hs else self._inplace("nn.ReLU")

    def hswish(self, inplace: Flag = True) -> Module:
        """``Hswish``."""
        return Module("models.common.Hswish", children={"relu": self._torch("nn.ReLU6", inplace)})

    def se_layer(self, channel: Count, reduction: Count = 4) -> Module:
        """``SELayer``: a gate for each channel, from two linear layers."""
        hidden = divided(channel, reduction)
        gate = sequential(linear(channel, hidden), self._inplace("nn.ReLU"), linear(hidden, channel), self.hswish())
        return Module(
            "models.common.SELayer", children={"avg_pool": self._torch("nn.AdaptiveAvgPool2d", 1), "fc": gate}
        )

    # RepVGG

    def rep_vgg_block(
        self,
        in_channels: Count,
        out_channels: Count,
        kernel_size: Count = 3,
        stride: Count = 1,
        padding: Count = 1,
        dilation: Count = 1,
        groups: Count = 1,
        padding_mode: str = "zeros",
        deploy: Flag = False,
        use_se: Flag = False,
    ) -> Module:
        """``RepVGGBlock``: branches of a large kernel, of one pixel, and where it keeps its shape the input itself."""
        attributes: dict[str, object] = {"deploy": deploy, "groups": groups, "in_channels": in_channels}
        gate = self.se_block(out_channels, divided(out_channels, 16)) if use_se else torch_nn.identity()
        children = {"nonlinearity": self._torch("nn.SiLU"), "se": gate}
        if deploy:
            children["rbr_reparam"] = conv2d(
                in_channels, out_channels, kernel_size, stride, padding, dilation, groups, padding_mode=padding_mode
            )
            return Module("models.common.RepVGGBlock", attributes, children=children)
        if in_channels == out_channels and stride == 1:
            children["rbr_identity"] = self._batch_norm(in_channels)
        else:
            attributes["rbr_identity"] = None
        rest = padding - kernel_size // 2
        if rest < 0:
            raise ArgumentError(
                f"padding is {padding}, expected at least {kernel_size // 2} for a kernel of {kernel_size}"
            )
        for name, k, around in (("rbr_dense", kernel_size, padding), ("rbr_1x1", 1, rest)):
            convolution = conv2d(in_channels, out_channels, k, stride, around, groups=groups, bias=False)
            norm = self._batch_norm(out_channels)
            children[name] = Module(sequential().class_path, children={"conv": convolution, "bn": norm})
        return Module("models.common.RepVGGBlock", attributes, children=children)

    def se_block(self, input_channels: Count, internal_neurons: Count) -> Module:
        """``SEBlock``: a gate for each channel, from two convolutions."""
        return Module(
            "models.common.SEBlock",
            {"input_channels": input_channels},
            children={
                "down": conv2d(input_channels, internal_neurons, 1),
                "up": conv2d(internal_neurons, input_channels, 1),
            },
        )

    # PP-LCNet and PicoDet

    def cbh(
        self, num_channels: Count, num_filters: Count, filter_size: Count, stride: OneOrTwo, num_groups: Count = 1
    ) -> Module:
        """``CBH``: convolution, batch normalization, Hardswish."""
        padding = (filter_size - 1) // 2
        return Module(
            "models.common.CBH",
            children={
                "conv": conv2d(num_channels, num_filters, filter_size, stride, padding, groups=num_groups, bias=False),
                "bn": self._batch_norm(num_filters),
                "hardswish": self._torch("nn.Hardswish"),
            },
        )

    def lc_block(
        self, num_channels: Count, num_filters: Count, stride: OneOrTwo, dw_size: Count, use_se: Flag = False
    ) -> Module:
        """``LC_Block``: a depthwise ``CBH``, a gate if wanted, a pointwise ``CBH``."""
        children = {"dw_conv": self.cbh(num_channels, num_channels, dw_size, stride, num_channels)}
        if use_se:
            children["se"] = self._gate("LC_SEModule", num_channels, 4, {"SiLU": self._torch("nn.SiLU")})
        children["pw_conv"] = self.cbh(num_channels, num_filters, 1, 1)
        return Module("models.common.LC_Block", {"use_se": use_se}, children=children)

    def es_se_module(self, channel: Count, reduction: Count = 4) -> Module:
        """``ES_SEModule``."""
        return self._gate("ES_SEModule", channel, reduction, {"hardsigmoid": self._torch("nn.Hardsigmoid")})

    def _gate(self, name: str, channel: Count, reduction: Count, last: Mapping[str, Module]) -> Module:
        hidden = divided(channel, reduction)
        return Module(
            f"models.common.{name}",
            children={
                "avg_pool": self._torch("nn.AdaptiveAvgPool2d", 1),
                "conv1": conv2d(channel, hidden, 1),
                "relu": self._torch("nn.ReLU"),
                "conv2": conv2d(hidden, channel, 1),
                **last,
            },
        )

    def dense(self, num_channels: Count, num_filters: Count, filter_size: OneOrTwo, dropout_prob: Number) -> Module:
        """``Dense``: a convolution without batch normalization, Hardswish, dropout."""
        return Module(
            "models.common.Dense",
            children={
                "dense_conv": conv2d(num_channels, num_filters, filter_size, bias=False),
                "hardswish": self._torch("nn.Hardswish"),
                "dropout": self._torch("nn.Dropout", dropout_prob),
            },
        )

    def es_bottleneck(self, inp: Count, oup: Count, stride: Count) -> Module:
        """``ES_Bottleneck``: every stride has branches that its forward pass leaves idle."""
        half = divided(oup, 2)

        def act() -> Module:
            return self._inplace("nn.Hardswish")

        children = self._branches(inp, oup, stride, act, [self.es_se_module(half)])
        children["branch3"] = sequential(
            self._own_ghost_conv(half), self.es_se_module(half), *self._pointwise(half, half, act)
        )
        children["branch4"] = sequential(*self._depthwise(oup, 3, 1), *self._pointwise(oup, oup, act))
        return Module("models.common.ES_Bottleneck", {"stride": stride}, children=children)

    def _own_ghost_conv(self, channels: Count) -> Module:
        """The ``GhostConv`` of its ``common.py``, with a smaller kernel; rows get that of ``experimental.py``."""
        half = divided(channels, 2)
        return Module(
            "models.common.GhostConv",
            children={"cv1": self.conv(channels, half), "cv2": self.conv(half, half, 3, 1, None, half)},
        )

    # Variants of C3

    def lc3(self, c1: Count, c2: Count, n: int = 1, shortcut: Flag = True, g: Count = 1, e: Number = 0.5) -> Module:
        """``LC3``: a ``C3`` that adds its halves; the row's number makes whole blocks, not repeats inside."""
        like = self.c3(c1, c2, n, shortcut, g, e)
        hidden = like.child("cv1").child("conv").parameters["weight"].shape[0]
        return Module("models.common.LC3", children={**like.children, "cv3": self.conv(hidden, c2)})

    def add(self, alpha: Number = 0.5) -> Module:
        """``ADD``: the second input, times a number, onto the first."""
        return Module("models.common.ADD", {"a": alpha})

    def c3_gc(self, c1: Count, c2: Count, n: int = 1, shortcut: Flag = True, g: Count = 1, e: Number = 0.5) -> Module:
        """``C3_GC``: a ``C3`` with a context block; its row has to name the input width too."""
        like = self.c3(c1, c2, n, shortcut, g, e)
        return Module("models.common.C3_GC", children={"gc": self._context_block(c1), **like.children})

    def _context_block(self, inplanes: Count) -> Module:
        """``ContextBlock2d``: attention over all pixels, then what to multiply and to add."""
        planes = divided(inplanes, 4)
        return Module(
            "models.common.ContextBlock2d",
            {"inplanes": inplanes, "planes": planes, "pool": "att", "fusions": ["channel_add", "channel_mul"]},
            children={
                "conv_mask": conv2d(inplanes, 1, 1),
                "softmax": self._torch("nn.Softmax", 2),
                "channel_add_conv": self._transform(inplanes, planes),
                "channel_mul_conv": self._transform(inplanes, planes),
            },
        )

    def _transform(self, inplanes: Count, planes: Count) -> Module:
        shape = (planes, 1, 1)
        norm = Module(
            "torch.nn.modules.normalization.LayerNorm",
            {"normalized_shape": shape, "eps": 1e-5, "elementwise_affine": True},
            {"weight": parameter(*shape), "bias": parameter(*shape)},
        )
        return sequential(conv2d(inplanes, planes, 1), norm, self._inplace("nn.ReLU"), conv2d(planes, inplanes, 1))


YOLOV5_LITE = Dialect(CLASSES, LiteBlocks, host_of("v5.0"), FORK.name, marks=FORK.marks)
