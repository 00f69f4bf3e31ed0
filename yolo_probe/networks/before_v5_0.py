"""YOLOv5 before v5.0: the classes that a model YAML of v1.0, v2.0, v3.0, v3.1 and v4.0 can name, and how they differ.

Source: models/common.py, models/experimental.py and models/yolo.py of those tags. All that is not here is as in v5.0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from yolo_probe.model.structure import Module
from yolo_probe.networks import torch_nn
from yolo_probe.networks.constructors import (
    REPEATING,
    SCALED,
    Act,
    BlockClass,
    Blocks,
    Dialect,
    Parsed,
    Row,
    contracted,
    expanded,
    joined,
    normalized,
    on_anchors,
)
from yolo_probe.networks.generations import Generation, is_since
from yolo_probe.networks.torch_nn import ArgumentError, Count, Flag, Number, OneOrTwo, conv2d


def host_before(attributes: Mapping[str, object], root: Generation) -> dict[str, object]:
    """The attributes that a host of that generation sets on the whole model, of those that v5.0 sets."""
    kept = dict(attributes)
    if not is_since(root, "v4.0"):
        yaml = kept["yaml"]
        assert isinstance(yaml, dict)
        kept["yaml"] = {key: value for key, value in yaml.items() if key != "ch"}
        del kept["names"]
    if root == "v1.0":
        kept["md"] = kept.pop("yaml")
        kept.pop("yaml_file", None)
    return kept


# where the parser looks up the width of a source: its list has the image's width first, which shifts the rows by one


def _unshifted(source: int) -> int:
    """What stands at the number itself: for a row counted from the start, the width of the row before it."""
    return source


def _shifted(source: int) -> int:
    return source if source < 0 else source + 1


def _of_concat(source: int) -> int:
    """``Concat`` to v3.1: right for -1 and for rows counted from the start, one too late for -2 and before."""
    return -1 if source == -1 else source + 1


def _of_detect(source: int) -> int:
    """``Detect`` to v4.0: right for rows counted from the start alone."""
    return source + 1


def on_rows_of_convolutions(row: Row) -> Parsed:
    """``Detect`` of v1.0: it has no convolutions of its own, and takes no widths."""
    if len(row.arguments) != 2 or not isinstance(row.arguments[1], list):
        raise ArgumentError(f"{len(row.arguments)} arguments, expected nc and a list of anchors")
    if len(row.arguments[1]) != len(row.inputs):
        raise ArgumentError(f"{len(row.inputs)} rows to detect on, but anchors for {len(row.arguments[1])}")
    return row.arguments, row.inputs[-1]


def rows_of_convolutions(widths: Sequence[int], index: int, outputs: int) -> tuple[int, ...]:
    """The rows that ``Detect`` of v1.0 takes where none are written: all as wide as its outputs, the last first.

    Raises: ArgumentError where there are none.
    """
    found = [-1 if place == index else place - 1 for place, width in enumerate(widths) if width == outputs]
    if not found:
        raise ArgumentError(f"from is an empty list, and no row has {outputs} channels, as Detect takes")
    return tuple(reversed(found))


_CSP = replace(REPEATING, place=_unshifted)
_SCALED = replace(SCALED, place=_unshifted)
_TO_V3_1 = BlockClass(place=_unshifted)
_CONCAT = BlockClass(joined, merges=True, place=_of_concat)
_DETECT = BlockClass(on_anchors, merges=True, place=_of_detect)

_ALL: Mapping[str, BlockClass] = {
    **dict.fromkeys(("Conv", "DWConv", "Bottleneck", "MixConv2d", "SPP", "Focus"), _SCALED),
    "BottleneckCSP": _CSP,
    "Concat": _CONCAT,
    "Detect": _DETECT,
    "nn.BatchNorm2d": BlockClass(normalized, place=_unshifted),
}
_V3_0: Mapping[str, BlockClass] = {**_ALL, "CrossConv": _SCALED, "C3": _CSP, "nn.Conv2d": _SCALED}
_GHOSTS = dict.fromkeys(("GhostConv", "GhostBottleneck"), _TO_V3_1)

BLOCKS_BEFORE: Mapping[Generation, Mapping[str, BlockClass]] = {
    "v1.0": {
        **_ALL,
        **_GHOSTS,
        "nn.Conv2d": _SCALED,
        "ConvPlus": _SCALED,
        "Detect": BlockClass(on_rows_of_convolutions, merges=True, finds=rows_of_convolutions),
    },
    "v2.0": {**_V3_0, **_GHOSTS, "Classify": _TO_V3_1},
    "v3.0": _V3_0,
    "v3.1": {name: block for name, block in _V3_0.items() if name != "nn.Conv2d"},
    "v4.0": {
        **_ALL,
        "CrossConv": _SCALED,
        "C3": _CSP,
        "Concat": BlockClass(joined, merges=True, place=_shifted),
        "Contract": BlockClass(contracted, place=_shifted),
        "Expand": BlockClass(expanded, place=_shifted),
        "Classify": BlockClass(place=_shifted),
    },
}
"""What a row can name; v3.0 and later no longer import every class of their modules."""


class BlocksBefore(Blocks):
    """The constructors of one model before v5.0."""

    def _constructors(self) -> dict[str, Callable[..., Module]]:
        table = super()._constructors()
        if not self._is_since("v4.0"):
            table["C3"] = self.c3_of_crosses
        if self._is("v2.0"):
            table["Classify"] = self.classify_of_v2_0
        if self._is("v1.0"):
            table |= {"Conv": self.conv_of_v1_0, "Focus": self.focus_of_v1_0, "Detect": self.detect_of_v1_0}
            table["ConvPlus"] = self.conv_plus
        return table

    def _is(self, generation: Generation) -> bool:
        return self._host.modules == generation

    def _as_initialized(self, name: str, module: Module) -> Module:
        if name == "nn.Hardswish" and not self._is_since("v3.1"):
            return module
        module = super()._as_initialized(name, module)
        if name == "nn.BatchNorm2d" and self._is("v1.0"):
            return replace(module, attributes={**module.attributes, "eps": 1e-4})
        return module

    def _activation(self, act: Act) -> Module:
        if self._is_since("v4.0"):
            return super()._activation(act)
        if not act:
            return torch_nn.identity()
        return self._torch("nn.Hardswish") if self._is_since("v3.1") else self._torch("nn.LeakyReLU", 0.1, True)

    # models/common.py

    def conv_of_v1_0(
        self, c1: Count, c2: Count, k: OneOrTwo = 1, s: OneOrTwo = 1, g: Count = 1, act: Act = True
    ) -> Module:
        """``Conv`` of v1.0: always padded to keep height and width."""
        return self.conv(c1, c2, k, s, None, g, 1, act)

    def focus_of_v1_0(self, c1: Count, c2: Count, k: OneOrTwo = 1) -> Module:
        """``Focus`` of v1.0."""
        return self.focus(c1, c2, k)

    def bottleneck_csp(
        self, c1: Count, c2: Count, n: int = 1, shortcut: Flag = True, g: Count = 1, e: Number = 0.5
    ) -> Module:
        """``BottleneckCSP``; in v1.0 its last convolution takes as many channels as it gives."""
        module = super().bottleneck_csp(c1, c2, n, shortcut, g, e)
        if not self._is("v1.0"):
            return module
        return replace(module, children={**module.children, "cv4": self.conv(c2, c2)})

    def classify_of_v2_0(
        self, c1: Count, c2: Count, k: OneOrTwo = 1, s: OneOrTwo = 1, p: OneOrTwo | None = None, g: Count = 1
    ) -> Module:
        """``Classify`` of v2.0: without a bias, and with a ``Flatten`` of its own."""
        module = self.classify_to_v6_1(c1, c2, k, s, p, g)
        convolution = module.child("conv")
        bare = replace(convolution, parameters={"weight": convolution.parameters["weight"]})
        return replace(module, children={**module.children, "conv": bare, "flat": Module("models.common.Flatten")})

    # models/experimental.py

    def c3_of_crosses(
        self, c1: Count, c2: Count, n: int = 1, shortcut: Flag = True, g: Count = 1, e: Number = 0.5
    ) -> Module:
        """``C3`` of v2.0 to v3.1: ``BottleneckCSP`` around ``CrossConv``."""
        module = self.bottleneck_csp(c1, c2, 0, shortcut, g, e)
        width = module.child("cv3").parameters["weight"].shape[0]
        crosses = self._repeated(n, lambda: self.cross_conv(width, width, 3, 1, g, 1.0, shortcut))
        return Module("models.experimental.C3", children={**module.children, "m": torch_nn.sequential(*crosses)})

    def ghost_conv(
        self, c1: Count, c2: Count, k: OneOrTwo = 1, s: OneOrTwo = 1, g: Count = 1, act: Act = True
    ) -> Module:
        """``GhostConv``; that of v2.0 passes its groups as the padding, and ``act`` as the groups."""
        if not self._is("v2.0"):
            return super().ghost_conv(c1, c2, k, s, g, act)
        if act is not True:
            raise ArgumentError("act is no True, and v2.0 takes it as the number of groups: it fails there")
        half = c2 // 2
        children = {"cv1": self.conv(c1, half, k, s, g), "cv2": self.conv(half, half, 5, 1, half)}
        return Module("models.experimental.GhostConv", children=children)

    def conv_plus(self, c1: Count, c2: Count, k: Count = 3, s: OneOrTwo = 1, g: Count = 1, bias: Flag = True) -> Module:
        """``ConvPlus``: a column and a row of the kernel, added up."""
        children = {
            "cv1": conv2d(c1, c2, (k, 1), s, (k // 2, 0), groups=g, bias=bias),
            "cv2": conv2d(c1, c2, (1, k), s, (0, k // 2), groups=g, bias=bias),
        }
        return Module("models.experimental.ConvPlus", children=children)

    # models/yolo.py

    def detect(self, nc: Count, anchors: object, ch: Sequence[int]) -> Module:
        """``Detect``; to v3.0 it notes on itself that it is not for export."""
        return self._with_export(super().detect(nc, anchors, ch))

    def detect_of_v1_0(self, nc: Count, anchors: object) -> Module:
        """``Detect`` of v1.0, which holds no convolutions."""
        module = super().detect(nc, anchors, ())
        return self._with_export(replace(module, children={}))

    def _with_export(self, head: Module) -> Module:
        if self._is_since("v3.1"):
            return head
        return replace(head, attributes={**head.attributes, "export": False})


BEFORE: Mapping[Generation, Dialect] = {
    generation: Dialect(blocks, BlocksBefore, other=BlockClass(place=_shifted if generation == "v4.0" else _unshifted))
    for generation, blocks in BLOCKS_BEFORE.items()
}
"""How each of these generations reads a model YAML."""


def generations_that_name(name: str) -> tuple[Generation, ...]:
    """The generations before v5.0 whose model YAMLs can name a class, the oldest first."""
    return tuple(generation for generation, blocks in BLOCKS_BEFORE.items() if name in blocks)
