"""YOLOv7's model YAMLs: the classes that their rows name, and how these are constructed.

Source: https://github.com/WongKinYiu/yolov7, models/common.py and models/yolo.py at a207844 (November 2023), with the
key points of its branch pose and the segmentation of its branch u7.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from yolo_probe.model.structure import Module, Tensor
from yolo_probe.networks.constructors import (
    BLOCKS,
    REPEATING,
    SCALED,
    Act,
    BlockClass,
    Blocks,
    Dialect,
    Parsed,
    Row,
    joined,
    on_anchors,
    on_anchors_with_masks,
    width_of,
)
from yolo_probe.networks.generations import HostGenerations, host_of
from yolo_probe.networks.torch_nn import (
    ArgumentError,
    Count,
    Flag,
    Number,
    OneOrTwo,
    conv2d,
    conv_transpose2d,
    max_pool2d,
    module_list,
    parameter,
    sequential,
)


def reorganized(row: Row) -> Parsed:
    """``ReOrg``: four neighbouring pixels become one with four times the channels."""
    return row.arguments, row.inputs[0] * 4


def folded(row: Row) -> Parsed:
    """``Foldcut``: half as wide as its input."""
    return row.arguments, row.inputs[0] // 2


def on_anchors_of_half(row: Row) -> Parsed:
    """``IAuxDetect``: anchors for the first half of its inputs, and the widths of all of them."""
    anchors = row.arguments[1] if len(row.arguments) == 2 else None
    if not isinstance(anchors, list) or len(row.inputs) != 2 * len(anchors):
        levels = len(anchors) if isinstance(anchors, list) else "a number of"
        raise ArgumentError(
            f"{len(row.inputs)} rows to detect on and {levels} anchors, expected [nc, anchors] with a list of anchors "
            "for every second row"
        )
    return [*row.arguments, row.inputs], row.inputs[-1]


def on_anchors_with_points(row: Row) -> Parsed:
    """``IKeypoint``: the number of key points stands between the anchors and the widths of the inputs."""
    (classes, anchors, inputs), width = on_anchors(replace(row, arguments=row.arguments[:2]))
    points = row.whole(2, "the number of key points")
    return [classes, anchors, points, inputs, True, row.settings.get("dw_conv_kpt", False)], width


class _Inside(NamedTuple):
    """The blocks inside a stage."""

    expansion: float
    groups: int = 1
    """The default of the stage."""


_INSIDE: Mapping[str, _Inside] = {
    "Bottleneck": _Inside(1.0),
    "Res": _Inside(0.5),
    "ResX": _Inside(1.0, 32),
    "Ghost": _Inside(1.0),
    "RepBottleneck": _Inside(1.0),
    "RepRes": _Inside(0.5),
    "RepResX": _Inside(0.5, 32),
}
_STAGES = tuple(f"{inside}CSP{form}" for inside in _INSIDE for form in "ABC")
_WITHOUT_SHORTCUT = ("BottleneckCSPB", "RepBottleneckCSPB", "RepResCSPB", "RepResXCSPB")

_SHARED = (
    "Conv", "DWConv", "GhostConv", "SPP", "SPPF", "MixConv2d", "Focus", "CrossConv", "Bottleneck", "Concat", "Contract",
    "Expand", "Detect",
)  # fmt: skip
"""Those that its parser treats as YOLOv5's does."""

YOLOV7_BLOCKS: Mapping[str, BlockClass] = {
    **{name: BLOCKS[name] for name in _SHARED},
    **dict.fromkeys(_STAGES, REPEATING),
    "nn.Conv2d": SCALED,
    "RobustConv": SCALED,
    "RobustConv2": SCALED,
    "RepConv": SCALED,
    "DownC": REPEATING,
    "SPPCSPC": REPEATING,
    "GhostSPPCSPC": REPEATING,
    "Stem": SCALED,
    "GhostStem": SCALED,
    "RepBottleneck": SCALED,
    "Res": SCALED,
    "RepRes": SCALED,
    "ResX": SCALED,
    "RepResX": SCALED,
    "Ghost": SCALED,
    "MP": BlockClass(),
    "SP": BlockClass(),
    "ReOrg": BlockClass(reorganized),
    "Chuncat": BlockClass(joined, merges=True),
    "Shortcut": BlockClass(merges=True),
    "Foldcut": BlockClass(folded),
    "IDetect": BlockClass(on_anchors, merges=True),
    "IAuxDetect": BlockClass(on_anchors_of_half, merges=True),
    "IKeypoint": BlockClass(on_anchors_with_points, merges=True),
    "IBin": BlockClass(on_anchors, merges=True),
}
"""The classes of YOLOv7 that a row can name; those of Swin Transformer and ``RepConv_OREPA`` are not here."""


class CspBlocks(Blocks):
    """The constructors that YOLOv7 and YOLOv9 have alike."""

    def mp(self, k: Count = 2) -> Module:
        """``MP``: the largest of each square of pixels."""
        return Module("models.common.MP", children={"m": max_pool2d(k, k)})

    def reorg(self) -> Module:
        """``ReOrg``: four neighbouring pixels become one with four times the channels."""
        return Module("models.common.ReOrg")

    def shortcut(self, dimension: int = 0) -> Module:
        """``Shortcut``: the sum of its first two inputs."""
        return Module("models.common.Shortcut", {"d": dimension})

    def sppcspc(self, name: str, conv: Callable[..., Module]) -> Callable[..., Module]:
        """The constructor of ``SPPCSPC``, or of one of ``GhostConv``: poolings of several sizes on one of two branches.

        It uses neither its repeats nor ``shortcut`` nor ``g``.
        """

        def spp(
            c1: Count,
            c2: Count,
            n: int = 1,
            shortcut: Flag = False,
            g: Count = 1,
            e: Number = 0.5,
            k: Sequence[int] = (5, 9, 13),
        ) -> Module:
            hidden = width_of(2 * c2, e)
            return Module(
                f"models.common.{name}",
                children={
                    "cv1": conv(c1, hidden),
                    "cv2": conv(c1, hidden),
                    "cv3": conv(hidden, hidden, 3),
                    "cv4": conv(hidden, hidden),
                    "m": module_list([max_pool2d(size, 1, size // 2) for size in k]),
                    "cv5": conv(4 * hidden, hidden),
                    "cv6": conv(hidden, hidden, 3),
                    "cv7": conv(2 * hidden, c2),
                },
            )

        return spp


class Yolov7Blocks(CspBlocks):
    """The constructors of YOLOv7."""

    def _constructors(self) -> dict[str, Callable[..., Module]]:
        return {
            **super()._constructors(),
            **{name: self._stage(name) for name in _STAGES},
            "RobustConv": self.robust_conv,
            "RobustConv2": self.robust_conv2,
            "RepConv": self.rep_conv,
            "DownC": self.down_c,
            "SPPCSPC": self.sppcspc("SPPCSPC", self.conv),
            "GhostSPPCSPC": self.sppcspc("GhostSPPCSPC", self.ghost_conv),
            "Stem": self._stem("Stem", self.conv),
            "GhostStem": self._stem("GhostStem", self.ghost_conv),
            "RepBottleneck": self.rep_bottleneck,
            "Res": self._res("Res", self.conv, 1),
            "RepRes": self._res("RepRes", self.rep_conv, 1),
            "ResX": self._res("ResX", self.conv, 32),
            "RepResX": self._res("RepResX", self.rep_conv, 32),
            "Ghost": self.ghost,
            "MP": self.mp,
            "SP": self.sp,
            "ReOrg": self.reorg,
            "Chuncat": self.chuncat,
            "Shortcut": self.shortcut,
            "Foldcut": self.foldcut,
            "IDetect": self.i_detect,
            "IAuxDetect": self.i_aux_detect,
            "IKeypoint": self.i_keypoint,
            "IBin": self.i_bin,
        }

    def _experimental_to_v5(self, name: str) -> str:
        return f"models.common.{name}"

    # models/common.py

    def sp(self, k: Count = 3, s: Count = 1) -> Module:
        """``SP``: pooling that keeps height and width at stride 1."""
        return Module("models.common.SP", children={"m": max_pool2d(k, s, k // 2)})

    def chuncat(self, dimension: int = 1) -> Module:
        """``Chuncat``: the first halves of its inputs, then the second ones."""
        return Module("models.common.Chuncat", {"d": dimension})

    def foldcut(self, dimension: int = 0) -> Module:
        """``Foldcut``: the sum of the two halves of its input."""
        return Module("models.common.Foldcut", {"d": dimension})

    def robust_conv(
        self,
        c1: Count,
        c2: Count,
        k: OneOrTwo = 7,
        s: OneOrTwo = 1,
        p: OneOrTwo | None = None,
        g: Count = 1,
        act: Act = True,
        layer_scale_init_value: Number = 1e-6,
    ) -> Module:
        """``RobustConv``: a depthwise ``Conv``, a convolution of single pixels, and a factor for each channel."""
        children = {"conv_dw": self.conv(c1, c1, k, s, p, c1, act=act), "conv1x1": conv2d(c1, c2, 1)}
        return _with_factors("RobustConv", children, c2, layer_scale_init_value)

    def robust_conv2(
        self,
        c1: Count,
        c2: Count,
        k: OneOrTwo = 7,
        s: OneOrTwo = 4,
        p: OneOrTwo | None = None,
        g: Count = 1,
        act: Act = True,
        layer_scale_init_value: Number = 1e-6,
    ) -> Module:
        """``RobustConv2``: a depthwise ``Conv`` with a stride, and a transposed convolution that takes it back."""
        children = {
            "conv_strided": self.conv(c1, c1, k, s, p, c1, act=act),
            "conv_deconv": conv_transpose2d(c1, c2, s, s),
        }
        return _with_factors("RobustConv2", children, c2, layer_scale_init_value)

    def rep_conv(
        self,
        c1: Count,
        c2: Count,
        k: OneOrTwo = 3,
        s: OneOrTwo = 1,
        p: OneOrTwo | None = None,
        g: Count = 1,
        act: Act = True,
        deploy: Flag = False,
    ) -> Module:
        """``RepConv``: a 3x3 and a 1x1 convolution side by side, and the input itself where its shape stays."""
        if k != 3 or p not in (None, 1):
            raise ArgumentError(f"kernel {k} and padding {p}, expected 3 and 1")
        attributes = {"deploy": deploy, "groups": g, "in_channels": c1, "out_channels": c2}
        children = {"act": self._activation(act)}
        if deploy:
            children["rbr_reparam"] = conv2d(c1, c2, 3, s, 1, groups=g)
            return Module("models.common.RepConv", attributes, children=children)
        if c1 == c2 and s == 1:
            children["rbr_identity"] = self._batch_norm(c1)
        else:
            attributes["rbr_identity"] = None
        children["rbr_dense"] = sequential(conv2d(c1, c2, 3, s, 1, groups=g, bias=False), self._batch_norm(c2))
        children["rbr_1x1"] = sequential(conv2d(c1, c2, 1, s, 0, groups=g, bias=False), self._batch_norm(c2))
        return Module("models.common.RepConv", attributes, children=children)

    def down_c(self, c1: Count, c2: Count, n: int = 1, k: Count = 2) -> Module:
        """``DownC``: half of the output from a convolution with a stride, half from a pooling."""
        half = width_of(c2, 0.5)
        return Module(
            "models.common.DownC",
            children={
                "cv1": self.conv(c1, c1),
                "cv2": self.conv(c1, half, 3, k),
                "cv3": self.conv(c1, half),
                "mp": max_pool2d(k, k),
            },
        )

    def _stem(self, name: str, conv: Callable[..., Module]) -> Callable[..., Module]:
        """The constructor of ``Stem``, or of one of ``GhostConv``: it uses no argument after its widths."""

        def stem(
            c1: Count,
            c2: Count,
            k: OneOrTwo = 1,
            s: OneOrTwo = 1,
            p: OneOrTwo | None = None,
            g: Count = 1,
            act: Act = True,
        ) -> Module:
            hidden = width_of(c2, 0.5)
            return Module(
                f"models.common.{name}",
                children={
                    "cv1": conv(c1, hidden, 3, 2),
                    "cv2": conv(hidden, hidden),
                    "cv3": conv(hidden, hidden, 3, 2),
                    "pool": max_pool2d(2, 2),
                    "cv4": conv(2 * hidden, c2),
                },
            )

        return stem

    def ghost(self, c1: Count, c2: Count, k: OneOrTwo = 3, s: OneOrTwo = 1) -> Module:
        """``Ghost``: YOLOv5's ``GhostBottleneck``."""
        return replace(self.ghost_bottleneck(c1, c2, k, s), class_path="models.common.Ghost")

    def rep_bottleneck(self, c1: Count, c2: Count, shortcut: Flag = True, g: Count = 1, e: Number = 0.5) -> Module:
        """``RepBottleneck``: a ``Bottleneck`` whose first ``Conv`` halves the width, whatever ``e`` is."""
        return Module(
            "models.common.RepBottleneck",
            {"add": c1 == c2},
            children={"cv1": self.conv(c1, width_of(c2, 0.5)), "cv2": self.rep_conv(width_of(c2, e), c2, g=g)},
        )

    def _res(self, name: str, middle: Callable[..., Module], groups: Count) -> Callable[..., Module]:
        """The constructor of ``Res``: one pixel, three by three, one pixel. ``middle``: the kind of the second."""

        def res(c1: Count, c2: Count, shortcut: Flag = True, g: Count = groups, e: Number = 0.5) -> Module:
            hidden = width_of(c2, e)
            return Module(
                f"models.common.{name}",
                {"add": shortcut and c1 == c2},
                children={
                    "cv1": self.conv(c1, hidden),
                    "cv2": middle(hidden, hidden, 3, g=g),
                    "cv3": self.conv(hidden, c2),
                },
            )

        return res

    def _stage(self, name: str) -> Callable[..., Module]:
        """The constructor of a stage, such as ``ResCSPA``: blocks on one of two branches, in one of three forms."""
        block, form = name[:-4], name[-1]

        def stage(
            c1: Count,
            c2: Count,
            n: int = 1,
            shortcut: Flag = name not in _WITHOUT_SHORTCUT,
            g: Count = _INSIDE[block].groups,
            e: Number = 0.5,
        ) -> Module:
            hidden = c2 if form == "B" else width_of(c2, e)
            blocks = sequential(*self._repeated(n, lambda: self._inside(block, hidden, shortcut, g)))
            children = {"cv1": self.conv(c1, hidden), "cv2": self.conv(hidden if form == "B" else c1, hidden)}
            if form == "C":
                children |= {"cv3": self.conv(hidden, hidden), "cv4": self.conv(2 * hidden, c2)}
            else:
                children["cv3"] = self.conv(2 * hidden, c2)
            return Module(f"models.common.{name}", children={**children, "m": blocks})

        return stage

    def _inside(self, name: str, width: Count, shortcut: Flag, g: Count) -> Module:
        """One of the blocks inside a stage; those in a stage of ``ResX`` are ``Res``."""
        if name == "Ghost":
            return self.ghost(width, width)
        make = self._constructors()["Res" if name == "ResX" else name]
        return make(width, width, shortcut, g, _INSIDE[name].expansion)

    # models/yolo.py

    def i_detect(self, nc: Count, anchors: object, ch: Sequence[int]) -> Module:
        """``IDetect``: ``Detect`` with an implicit tensor before and behind each convolution."""
        head = self.detect(nc, anchors, ch)
        return replace(head, class_path="models.yolo.IDetect", children={**head.children, **_implicit(head, ch)})

    def i_aux_detect(self, nc: Count, anchors: object, ch: Sequence[int]) -> Module:
        """``IAuxDetect``: ``IDetect`` on the first half of its inputs; the other half is for training."""
        levels = len(ch) // 2
        lead, auxiliary = self.detect(nc, anchors, ch[:levels]), self.detect(nc, anchors, ch[levels:])
        children = {"m": lead.child("m"), "m2": auxiliary.child("m"), **_implicit(lead, ch[:levels])}
        return replace(lead, class_path="models.yolo.IAuxDetect", children=children)

    def i_keypoint(
        self,
        nc: Count,
        anchors: object,
        nkpt: Count,
        ch: Sequence[int],
        inplace: Flag = True,
        dw_conv_kpt: Flag = False,
    ) -> Module:
        """``IKeypoint``: ``IDetect`` beside convolutions for key points, three numbers for each."""
        head = self.i_detect(nc, anchors, ch)
        outputs = 3 * nkpt
        points = [self._points(width, outputs * _anchors_of(head), bool(dw_conv_kpt)) for width in ch]
        sizes = {"nkpt": nkpt, "dw_conv_kpt": dw_conv_kpt, "no_det": nc + 5, "no_kpt": outputs, "no": nc + 5 + outputs}
        return replace(
            head,
            class_path="models.yolo.IKeypoint",
            attributes={**head.attributes, **sizes, "flip_test": False, "inplace": inplace},
            children={**head.children, "m_kpt": module_list(points)},
        )

    def _points(self, width: Count, outputs: Count, deep: bool) -> Module:
        """The convolution for key points of one level, or six pairs of them, the last without an activation."""
        last = conv2d(width, outputs, 1)
        if not deep:
            return last
        pairs = [make(width, width, k) for _ in range(5) for make, k in ((self.dw_conv, 3), (self.conv, 1))]
        return sequential(*pairs, self.dw_conv(width, width, 3), last)

    def i_bin(self, nc: Count, anchors: object, ch: Sequence[int], bin_count: Count = 21) -> Module:
        """``IBin``: ``IDetect`` that finds width and height among a number of bins."""
        outputs = nc + 3 + 2 * (bin_count + 1)
        head = self.i_detect(outputs - 5, anchors, ch)
        bins = {"w_bin_sigmoid": _sigmoid_bin(bin_count), "h_bin_sigmoid": _sigmoid_bin(bin_count)}
        return replace(
            head,
            class_path="models.yolo.IBin",
            attributes={**head.attributes, "nc": nc, "bin_count": bin_count},
            children={**bins, **head.children},
        )


def _with_factors(name: str, children: Mapping[str, Module], channels: Count, start: Number) -> Module:
    if start > 0:
        return Module(f"models.common.{name}", {}, {"gamma": parameter(channels)}, children=children)
    return Module(f"models.common.{name}", {"gamma": None}, children=children)


def _anchors_of(head: Module) -> int:
    anchors = head.attributes["na"]
    assert isinstance(anchors, int)
    return anchors


def _implicit(head: Module, widths: Sequence[int]) -> dict[str, Module]:
    """The implicit tensors of a head: ``ia`` is added to an input, ``im`` multiplies an output."""
    outputs = head.attributes["no"]
    assert isinstance(outputs, int)
    added = [_implicit_tensor("ImplicitA", width) for width in widths]
    factors = [_implicit_tensor("ImplicitM", outputs * _anchors_of(head)) for _ in widths]
    return {"ia": module_list(added), "im": module_list(factors)}


def _implicit_tensor(name: str, channels: Count) -> Module:
    return Module(f"models.common.{name}", {"channel": channels}, {"implicit": parameter(1, channels, 1, 1)})


def _sigmoid_bin(bins: Count) -> Module:
    """``SigmoidBin`` of utils/loss.py: bins from 0 to 4, with the two losses that it trains with."""
    losses = {
        "BCEbins": Module(
            "torch.nn.modules.loss.BCEWithLogitsLoss",
            {"reduction": "mean", "weight": None},
            buffers={"pos_weight": Tensor((1,))},
        ),
        "MSELoss": Module("torch.nn.modules.loss.MSELoss", {"reduction": "mean"}),
    }
    attributes = {
        "bin_count": bins,
        "length": bins + 1,
        "reg_scale": 2.0,
        "step": 4.0 / bins,
        "use_fw_regression": True,
    }
    return Module("utils.loss.SigmoidBin", attributes, buffers={"bins": Tensor((bins,))}, children=losses)


class Yolov7SegmentationBlocks(Yolov7Blocks):
    """The constructors of YOLOv7's branch u7: YOLOv5's blocks, with a few of YOLOv7's."""

    def _constructors(self) -> dict[str, Callable[..., Module]]:
        return {**super()._constructors(), "ISegment": self.i_segment}

    def i_segment(self, nc: Count, anchors: object, nm: Count, npr: Count, ch: Sequence[int]) -> Module:
        """``ISegment``: ``IDetect`` with mask coefficients, and the prototypes."""
        masks = self.segment(nc, anchors, nm, npr, ch)
        implicit = _implicit(self.detect(nc, anchors, ch), ch)
        children = {"m": masks.child("m"), **implicit, "proto": masks.child("proto")}
        attributes = {**masks.attributes, "detect": "IDetect.forward"}
        return replace(masks, class_path="models.yolo.ISegment", attributes=attributes, children=children)


U7_BLOCKS: Mapping[str, BlockClass] = {
    **BLOCKS,
    "SPPCSPC": REPEATING,
    "MP": BlockClass(),
    "SP": BlockClass(),
    "IDetect": BlockClass(on_anchors, merges=True),
    "ISegment": BlockClass(on_anchors_with_masks, merges=True),
}
"""The classes of YOLOv7's branch u7 that a row can name."""

YOLOV7 = Dialect(
    YOLOV7_BLOCKS,
    Yolov7Blocks,
    host=host_of("v5.0"),
    name="YOLOv7",
    heads={"Detect": 2},
    settings=("nkpt", "dw_conv_kpt"),
)

YOLOV7_U7 = Dialect(
    U7_BLOCKS,
    Yolov7SegmentationBlocks,
    host=HostGenerations("v7.0", modules="v6.2", heads="v7.0", root="v7.0"),
    name="YOLOv7 (branch u7)",
    marks=frozenset({"ISegment"}),  # its other classes are pasted into YOLOv5 too
    heads={"Detect": 2, "Segment": 4},
)
