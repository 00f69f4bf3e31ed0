"""yolov5-face: the classes that a row of its model YAML can name, and what each makes of its arguments.

Source: https://github.com/deepcam-cn/yolov5-face at 84ef013 (April 2023).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from yolo_probe.model.forks.yolov5_face import LANDMARKS
from yolo_probe.model.forks.yolov5_face import YOLOV5_FACE as FORK
from yolo_probe.model.structure import Module
from yolo_probe.networks.constructors import BLOCKS, SCALED, BlockClass, Dialect
from yolo_probe.networks.forks.yolov5_lite import ShuffleNetBlocks, check_halves, divided
from yolo_probe.networks.generations import host_of
from yolo_probe.networks.torch_nn import (
    ArgumentError,
    Count,
    OneOrTwo,
    conv2d,
    max_pool2d,
    module_list,
    sequential,
)

_OF_YOLOV5 = "Conv Bottleneck SPP DWConv MixConv2d Focus CrossConv BottleneckCSP C3 Concat Detect"

CLASSES: Mapping[str, BlockClass] = {
    **{name: BLOCKS[name] for name in _OF_YOLOV5.split()},
    **dict.fromkeys(("ShuffleV2Block", "StemBlock", "BlazeBlock", "DoubleBlazeBlock"), SCALED),
}
"""The classes that a row can name: those that its ``yolo.py`` imports."""


class FaceBlocks(ShuffleNetBlocks):
    """The constructors of yolov5-face; those that it shares with YOLOv5 are of v5.0."""

    def _constructors(self) -> dict[str, Callable[..., Module]]:
        return {
            **super()._constructors(),
            "StemBlock": self.stem_block,
            "ShuffleV2Block": self.shuffle_v2_block,
            "BlazeBlock": self.blaze_block,
            "DoubleBlazeBlock": self.double_blaze_block,
        }

    def stem_block(
        self,
        c1: Count,
        c2: Count,
        k: OneOrTwo = 3,
        s: OneOrTwo = 2,
        p: OneOrTwo | None = None,
        g: Count = 1,
        act: object = True,
    ) -> Module:
        """``StemBlock``: a strided ``Conv``, then convolutions and a pooling side by side."""
        half = divided(c2, 2)
        return Module(
            "models.common.StemBlock",
            children={
                "stem_1": self.conv(c1, c2, k, s, p, g, act=act),
                "stem_2a": self.conv(c2, half),
                "stem_2b": self.conv(half, c2, 3, 2),
                "stem_2p": max_pool2d(2, 2, ceil_mode=True),
                "stem_3": self.conv(c2 * 2, c2),
            },
        )

    def shuffle_v2_block(self, inp: Count, oup: Count, stride: Count) -> Module:
        """``ShuffleV2Block``: without a stride its left branch is there, but empty."""
        check_halves(inp, oup, stride)
        children = {"branch1": sequential(), **self._branches(inp, oup, stride, lambda: self._torch("nn.SiLU"))}
        return Module("models.common.ShuffleV2Block", {"stride": stride}, children=children)

    def blaze_block(
        self, in_channels: Count, out_channels: Count, mid_channels: Count | None = None, stride: Count = 1
    ) -> Module:
        """``BlazeBlock``: a large depthwise convolution, then a pointwise one."""
        middle = mid_channels or in_channels
        parts = [
            *self._convolution(in_channels, middle, 5, stride, groups=in_channels),
            *self._convolution(middle, out_channels, 1),
        ]
        return self._blaze("BlazeBlock", in_channels, out_channels, stride, parts)

    def double_blaze_block(
        self, in_channels: Count, out_channels: Count, mid_channels: Count | None = None, stride: Count = 1
    ) -> Module:
        """``DoubleBlazeBlock``: two large convolutions, of which the second is not depthwise."""
        middle = mid_channels or in_channels
        parts = [
            *self._convolution(in_channels, in_channels, 5, stride, groups=in_channels),
            *self._convolution(in_channels, middle, 1),
            self._inplace("nn.SiLU"),
            *self._convolution(middle, middle, 5),
            *self._convolution(middle, out_channels, 1),
        ]
        return self._blaze("DoubleBlazeBlock", in_channels, out_channels, stride, parts)

    def _convolution(self, c1: Count, c2: Count, k: Count, s: Count = 1, groups: Count = 1) -> list[Module]:
        return [conv2d(c1, c2, k, s, k // 2, groups=groups), self._batch_norm(c2)]

    def _blaze(self, name: str, c1: Count, c2: Count, stride: Count, parts: Sequence[Module]) -> Module:
        if stride > 2:
            raise ArgumentError(f"stride is {stride}, expected 1 or 2")
        children = {"branch1": sequential(*parts)}
        if stride == 2:
            children["shortcut"] = sequential(max_pool2d(2, 2), *self._convolution(c1, c2, 1))
        children["relu"] = self._inplace("nn.SiLU")
        return Module(f"models.common.{name}", {"use_pool": stride == 2}, children=children)

    def detect(self, nc: Count, anchors: object, ch: Sequence[int]) -> Module:
        """``Detect``: ten more numbers for each box, its five landmarks."""
        head = super().detect(nc, anchors, ch)
        outputs, per_output = nc + 5 + LANDMARKS, head.attributes["na"]
        assert isinstance(per_output, int)
        convolutions = [conv2d(width, outputs * per_output, 1) for width in ch]
        return replace(head, attributes={**head.attributes, "no": outputs}, children={"m": module_list(convolutions)})


YOLOV5_FACE = Dialect(CLASSES, FaceBlocks, host_of("v5.0"), FORK.name, marks=FORK.marks)
