"""How YOLOv9 reads a model YAML: the classes that a row can name, and the ``Module`` trees that it makes of them.

Source: models/yolo.py and models/common.py of https://github.com/WongKinYiu/yolov9 at 5b1ea9a (June 2024). Its
BottleneckCSP, Contract, Concat, Conv, DWConv, DWConvTranspose2d, Expand, Proto, SPP and SPPF are those of YOLOv5 v7.0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from yolo_probe.expressions import ConstructorCall
from yolo_probe.model.structure import Module, Tensor
from yolo_probe.networks.constructors import (
    REPEATING,
    SCALED,
    Act,
    BlockClass,
    Dialect,
    Parsed,
    Row,
    contracted,
    expanded,
    half_of,
    joined,
    same_padding,
    width_of,
)
from yolo_probe.networks.forks.yolov7 import CspBlocks, reorganized
from yolo_probe.networks.generations import HostGenerations, host_of
from yolo_probe.networks.torch_nn import (
    ArgumentError,
    Count,
    Flag,
    Number,
    OneOrTwo,
    conv2d,
    conv_transpose2d,
    identity,
    max_pool2d,
    module_list,
    sequential,
    shown,
    upsample,
)

REG_MAX = 16
"""Values of which a head makes each side of a box."""


def as_last(row: Row) -> Parsed:
    """Its output is as wide as the last of its inputs."""
    return row.arguments, row.inputs[-1]


def divided(row: Row) -> Parsed:
    """``CBLinear``: the widths of its outputs are as written; only a ``CBFuse`` can take them."""
    widths = row.arguments[0] if row.arguments else None
    if not isinstance(widths, list) or not all(isinstance(width, int) for width in widths):
        raise ArgumentError(f"the output widths are {shown(widths)}, expected a list of whole numbers")
    return [row.inputs[0], *row.arguments], sum(widths)


def on_levels(row: Row) -> Parsed:
    """A head without anchors: the widths of its inputs are put behind."""
    return _with_levels(row, "nc"), row.inputs[-1]


def on_levels_with_masks(row: Row) -> Parsed:
    """A head with masks: its number of prototypes is scaled too."""
    return _third_scaled(row, "nc, masks, prototypes"), row.inputs[-1]


def on_levels_with_areas(row: Row) -> Parsed:
    """``Panoptic``: its number of masks is scaled, that of its prototypes is not."""
    return _third_scaled(row, "nc, classes of areas, masks, prototypes"), row.inputs[-1]


def _third_scaled(row: Row, expected: str) -> list[object]:
    arguments = _with_levels(row, expected)
    return [*arguments[:2], row.scaled(row.whole(2, expected.split(", ")[2])), *arguments[3:]]


def _with_levels(row: Row, expected: str) -> list[object]:
    number = expected.count(",") + 1
    if len(row.arguments) != number:
        raise ArgumentError(f"{len(row.arguments)} arguments, expected {number} ({expected})")
    return [*row.arguments, row.inputs]


_HEAD = BlockClass(on_levels, merges=True)
_HEAD_WITH_MASKS = BlockClass(on_levels_with_masks, merges=True)

BLOCKS: Mapping[str, BlockClass] = {
    "Conv": SCALED,
    "AConv": SCALED,
    "ADown": SCALED,
    "ConvTranspose": SCALED,
    "DWConv": SCALED,
    "DWConvTranspose2d": SCALED,
    "Bottleneck": SCALED,
    "BottleneckCSP": REPEATING,
    "SPP": SCALED,
    "SPPF": SCALED,
    "SPPCSPC": REPEATING,
    "SPPELAN": SCALED,
    "ELAN1": SCALED,
    "RepNCSPELAN4": SCALED,
    "MP": BlockClass(),
    "ReOrg": BlockClass(reorganized),
    "Contract": BlockClass(contracted),
    "Expand": BlockClass(expanded),
    "Concat": BlockClass(joined, merges=True),
    "Shortcut": BlockClass(merges=True),
    "Silence": BlockClass(),
    "CBLinear": BlockClass(divided),
    "CBFuse": BlockClass(as_last, merges=True),
    "Detect": _HEAD,
    "DDetect": _HEAD,
    "DualDetect": _HEAD,
    "DualDDetect": _HEAD,
    "TripleDetect": _HEAD,
    "TripleDDetect": _HEAD,
    "Segment": _HEAD_WITH_MASKS,
    "DSegment": _HEAD_WITH_MASKS,
    "DualDSegment": _HEAD_WITH_MASKS,
    "Panoptic": BlockClass(on_levels_with_areas, merges=True),
}
"""The classes that its parser treats by name, and the others that its model YAMLs have."""


class Yolov9Blocks(CspBlocks):
    """The constructors of YOLOv9."""

    def __init__(self, host: HostGenerations, activation: ConstructorCall | None = None) -> None:
        super().__init__(host, activation)
        # each of these classes has an activation of its own; the YAML sets that of Conv and of RepConvN
        self._act_of_rep_conv_n = self.make_call(activation or ConstructorCall("nn.SiLU", (), {}))
        self._act_of_conv_transpose = self._torch("nn.SiLU")

    def _constructors(self) -> dict[str, Callable[..., Module]]:
        return {
            **super()._constructors(),
            "AConv": self.a_conv,
            "ADown": self.a_down,
            "ConvTranspose": self.conv_transpose,
            "Bottleneck": self.bottleneck_of_two_kernels,
            "SPPCSPC": self.sppcspc("SPPCSPC", self.conv),
            "SPPELAN": self.spp_elan,
            "ELAN1": self.elan1,
            "RepNCSPELAN4": self.rep_ncsp_elan4,
            "MP": self.mp,
            "ReOrg": self.reorg,
            "Shortcut": self.shortcut,
            "Silence": self.silence,
            "CBLinear": self.cb_linear,
            "CBFuse": self.cb_fuse,
            "Detect": self.detect_without_anchors,
            "DDetect": self.d_detect,
            "DualDetect": self.dual_detect,
            "DualDDetect": self.dual_d_detect,
            "TripleDetect": self.triple_detect,
            "TripleDDetect": self.triple_d_detect,
            "Segment": self.segment_without_anchors,
            "DSegment": self.d_segment,
            "DualDSegment": self.dual_d_segment,
            "Panoptic": self.panoptic,
        }

    # models/common.py

    def a_conv(self, c1: Count, c2: Count) -> Module:
        """``AConv``: an average over two by two pixels, then a convolution of stride 2."""
        return Module("models.common.AConv", children={"cv1": self.conv(c1, c2, 3, 2, 1)})

    def a_down(self, c1: Count, c2: Count) -> Module:
        """``ADown``: as ``AConv`` for half of the channels; the largest pixel, then a convolution, for the others."""
        inside, each = half_of(c1), half_of(c2)
        children = {"cv1": self.conv(inside, each, 3, 2, 1), "cv2": self.conv(inside, each, 1, 1, 0)}
        return Module("models.common.ADown", {"c": each}, children=children)

    def rep_conv_n(self, c1: Count, c2: Count) -> Module:
        """``RepConvN``: a 3x3 and a 1x1 convolution whose outputs are added, which ``fuse()`` makes one."""
        return Module(
            "models.common.RepConvN",
            {"g": 1, "c1": c1, "c2": c2, "bn": None},
            children={
                "act": self._act_of_rep_conv_n,
                "conv1": self.conv(c1, c2, 3, 1, 1, act=False),
                "conv2": self.conv(c1, c2, 1, 1, 0, act=False),
            },
        )

    def conv_transpose(
        self,
        c1: Count,
        c2: Count,
        k: OneOrTwo = 2,
        s: OneOrTwo = 2,
        p: OneOrTwo = 0,
        bn: Flag = True,
        act: Act = True,
    ) -> Module:
        """``ConvTranspose``."""
        return Module(
            "models.common.ConvTranspose",
            children={
                "conv_transpose": conv_transpose2d(c1, c2, k, s, p, bias=not bn),
                "bn": self._batch_norm(c2) if bn else identity(),
                "act": self._act_of_conv_transpose if act is True else self._activation(act),
            },
        )

    def bottleneck_of_two_kernels(
        self,
        c1: Count,
        c2: Count,
        shortcut: Flag = True,
        g: Count = 1,
        k: Sequence[int] = (3, 3),
        e: Number = 0.5,
    ) -> Module:
        """``Bottleneck``, which has a kernel size for each of its convolutions."""
        if len(k) < 2:
            raise ArgumentError(f"k is {shown(k)}, expected the kernel sizes of two convolutions")
        hidden = width_of(c2, e)
        children = {"cv1": self.conv(c1, hidden, k[0]), "cv2": self.conv(hidden, c2, k[1], g=g)}
        return Module("models.common.Bottleneck", {"add": shortcut and c1 == c2}, children=children)

    def _bottlenecks(self, width: Count, n: int, shortcut: Flag, g: Count) -> Module:
        blocks = self._repeated(n, lambda: self.bottleneck_of_two_kernels(width, width, shortcut, g, e=1.0))
        return sequential(*blocks)

    def _rep_ncsp(self, c1: Count, c2: Count, n: int) -> Module:
        """``RepNCSP``: ``C3`` around bottlenecks whose first convolution is a ``RepConvN``."""

        def bottleneck(width: Count) -> Module:
            children = {"cv1": self.rep_conv_n(width, width), "cv2": self.conv(width, width, 3)}
            return Module("models.common.RepNBottleneck", {"add": True}, children=children)

        def inner(width: Count) -> Module:
            return sequential(*self._repeated(n, lambda: bottleneck(width)))

        return self._c3("RepNCSP", c1, c2, 0.5, inner)

    def spp_elan(self, c1: Count, c2: Count, c3: Count) -> Module:
        """``SPPELAN``: three pools, one after the other, and all four outputs together."""
        pools = {
            name: Module("models.common.SP", children={"m": max_pool2d(5, 1, 2)}) for name in ("cv2", "cv3", "cv4")
        }
        children = {"cv1": self.conv(c1, c3), **pools, "cv5": self.conv(4 * c3, c2)}
        return Module("models.common.SPPELAN", {"c": c3}, children=children)

    def elan1(self, c1: Count, c2: Count, c3: Count, c4: Count) -> Module:
        """``ELAN1``."""
        return self._elan("ELAN1", c1, c2, c3, self.conv(half_of(c3), c4, 3), self.conv(c4, c4, 3), c4)

    def rep_ncsp_elan4(self, c1: Count, c2: Count, c3: Count, c4: Count, c5: int = 1) -> Module:
        """``RepNCSPELAN4``: as ``ELAN1``, with a ``RepNCSP`` of ``c5`` bottlenecks before each inner convolution."""
        second = sequential(self._rep_ncsp(half_of(c3), c4, c5), self.conv(c4, c4, 3))
        third = sequential(self._rep_ncsp(c4, c4, c5), self.conv(c4, c4, 3))
        return self._elan("RepNCSPELAN4", c1, c2, c3, second, third, c4)

    def _elan(self, name: str, c1: Count, c2: Count, c3: Count, second: Module, third: Module, c4: Count) -> Module:
        """A block of four: the halves of the first, the second, the third, and all of these together."""
        children = {"cv1": self.conv(c1, c3), "cv2": second, "cv3": third, "cv4": self.conv(c3 + 2 * c4, c2)}
        return Module(f"models.common.{name}", {"c": c3 // 2}, children=children)

    def silence(self) -> Module:
        """``Silence``: its input, unchanged."""
        return Module("models.common.Silence")

    def cb_linear(
        self, c1: Count, c2s: Sequence[int], k: OneOrTwo = 1, s: OneOrTwo = 1, p: OneOrTwo | None = None, g: Count = 1
    ) -> Module:
        """``CBLinear``: one convolution, whose output is divided into parts of ``c2s`` channels."""
        convolution = conv2d(c1, sum(c2s), k, s, same_padding(k, p, 1), groups=g)
        return Module("models.common.CBLinear", {"c2s": list(c2s)}, children={"conv": convolution})

    def cb_fuse(self, idx: object) -> Module:
        """``CBFuse``: of each input but the last the part of that number is resized to the last, and all are added."""
        if not isinstance(idx, list) or not all(isinstance(each, int) for each in idx):
            raise ArgumentError(f"idx is {shown(idx)}, expected a list of whole numbers")
        return Module("models.common.CBFuse", {"idx": list(idx)})

    def _u_conv(self, c1: Count, c_: Count, c2: Count) -> Module:
        """``UConv``."""
        larger = upsample(scale_factor=2, mode="bilinear", align_corners=True)
        return Module(
            "models.common.UConv", children={"cv1": self.conv(c1, c_, 3), "cv2": conv2d(c_, c2, 1), "up": larger}
        )

    # models/yolo.py

    def detect_without_anchors(self, nc: Count, ch: Sequence[int]) -> Module:
        """``Detect``."""
        return self._heads("Detect", nc, [ch], 1)

    def d_detect(self, nc: Count, ch: Sequence[int]) -> Module:
        """``DDetect``: the convolutions for boxes are in four groups."""
        return self._heads("DDetect", nc, [ch], 4)

    def dual_detect(self, nc: Count, ch: Sequence[int]) -> Module:
        """``DualDetect``: two heads, each on half of the inputs."""
        return self._heads("DualDetect", nc, _halves(ch), 1)

    def dual_d_detect(self, nc: Count, ch: Sequence[int]) -> Module:
        """``DualDDetect``."""
        return self._heads("DualDDetect", nc, _halves(ch), 4)

    def triple_detect(self, nc: Count, ch: Sequence[int]) -> Module:
        """``TripleDetect``: three heads, each on a third of the inputs."""
        return self._heads("TripleDetect", nc, _thirds(ch), 1)

    def triple_d_detect(self, nc: Count, ch: Sequence[int]) -> Module:
        """``TripleDDetect``."""
        return self._heads("TripleDDetect", nc, _thirds(ch), 4)

    def segment_without_anchors(self, nc: Count, nm: Count, npr: Count, ch: Sequence[int]) -> Module:
        """``Segment``."""
        more = {"proto": self.proto(ch[0], npr, nm), "cv4": self._masks(ch, nm)}
        return self._heads("Segment", nc, [ch], 1, more, nm=nm, npr=npr)

    def d_segment(self, nc: Count, nm: Count, npr: Count, ch: Sequence[int]) -> Module:
        """``DSegment``: its prototypes are made of the last input, which has no boxes."""
        *levels, last = _at_least(ch, 2)
        more = {"proto": self.conv(last, nm), "cv4": self._masks(levels, nm)}
        return self._heads("DSegment", nc, [levels], 4, more, nm=nm, npr=npr)

    def dual_d_segment(self, nc: Count, nm: Count, npr: Count, ch: Sequence[int]) -> Module:
        """``DualDSegment``: two heads, whose prototypes are made of the last two inputs."""
        *levels, first, second = _at_least(ch, 4)
        heads = _halves(levels)
        more = {"proto": self.conv(first, nm), "proto2": self.conv(second, nm)}
        more |= {"cv6": self._masks(heads[0], nm), "cv7": self._masks(heads[1][: len(heads[0])], nm)}
        return self._heads("DualDSegment", nc, heads, 4, more, nm=nm, npr=npr)

    def panoptic(self, nc: Count, sem_nc: Count, nm: Count, npr: Count, ch: Sequence[int]) -> Module:
        """``Panoptic``: ``Segment`` with a map of areas."""
        more = {
            "proto": self.proto(ch[0], npr, nm),
            "uconv": self._u_conv(ch[0], width_of(ch[0], 0.25), sem_nc + nc),
            "cv4": self._masks(ch, nm),
        }
        return self._heads("Panoptic", nc, [ch], 1, more, sem_nc=sem_nc, nm=nm, npr=npr)

    def _heads(
        self,
        name: str,
        nc: Count,
        heads: Sequence[Sequence[int]],
        groups: int,
        more: Mapping[str, Module] | None = None,
        **attributes: int,
    ) -> Module:
        """A head, or several side by side; ``heads``: the widths of the inputs of each."""
        levels = len(heads[0])
        numbers: dict[str, object] = {"nc": nc, "nl": levels, "reg_max": REG_MAX, "no": nc + 4 * REG_MAX}
        numbers |= {"inplace": True, "stride": Tensor((levels,)), **attributes}
        children: dict[str, Module] = {}
        for number, widths in enumerate(heads):
            first = widths[0]
            boxes = -(-max(first // 4, 4 * REG_MAX) // groups) * groups
            classes = max(first, min(2 * nc, 128))
            children[f"cv{2 * number + 2}"] = self._branches(widths, boxes, 4 * REG_MAX, groups)
            children[f"cv{2 * number + 3}"] = self._branches(widths, classes, nc)
        children |= {f"dfl{number or ''}": _dfl() for number in (0, *range(2, len(heads) + 1))}
        return Module(f"models.yolo.{name}", numbers, children={**children, **(more or {})})

    def _branches(self, widths: Sequence[int], hidden: int, outputs: int, groups: int = 1) -> Module:
        """For each level two convolutions of 3x3 and one of 1x1."""
        return module_list(
            [
                sequential(
                    self.conv(width, hidden, 3),
                    self.conv(hidden, hidden, 3, g=groups),
                    conv2d(hidden, outputs, 1, groups=groups),
                )
                for width in widths
            ]
        )

    def _masks(self, widths: Sequence[int], masks: int) -> Module:
        """The coefficients of the masks of each level."""
        return self._branches(widths, max(widths[0] // 4, masks), masks)


def _dfl() -> Module:
    """``DFL``: the mean of a distribution, whose weights 0 to 15 are never trained."""
    convolution = conv2d(REG_MAX, 1, 1, bias=False)
    frozen = {"weight": Tensor(convolution.parameters["weight"].shape)}
    convolution = Module(convolution.class_path, convolution.attributes, frozen)
    return Module("models.common.DFL", {"c1": REG_MAX}, children={"conv": convolution})


def _halves(ch: Sequence[int]) -> list[Sequence[int]]:
    """The widths of the inputs of two heads; the second one also has the input that is left over."""
    levels = len(_at_least(ch, 2)) // 2
    return [ch[:levels], ch[levels:]]


def _thirds(ch: Sequence[int]) -> list[Sequence[int]]:
    """The widths of the inputs of three heads."""
    levels = len(_at_least(ch, 3)) // 3
    return [ch[start : start + levels] for start in (0, levels, 2 * levels)]


def _at_least(ch: Sequence[int], number: int) -> Sequence[int]:
    if len(ch) < number:
        raise ArgumentError(f"{len(ch)} rows to detect on, expected at least {number}")
    return ch


YOLOV9 = Dialect(
    BLOCKS,
    Yolov9Blocks,
    host=host_of("v7.0"),
    name="YOLOv9",
    heads={"Detect": 1, "Segment": 3},
)
