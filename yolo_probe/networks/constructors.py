"""The blocks of YOLOv5 as plain data: the arguments of a row -> the ``Module`` tree that the host would construct.

Each constructor follows the class of that name in the host's ``models/common.py``, ``experimental.py`` or ``yolo.py``:
child order, parameter names, shared modules and the attributes that its forward pass reads. Where generations differ,
``Blocks`` follows the one that it is made for. Weights have no values here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import gcd

from yolo_probe.expressions import ConstructorCall
from yolo_probe.model.structure import Module, Tensor
from yolo_probe.networks import torch_nn
from yolo_probe.networks.generations import GENERATIONS, Generation, HostGenerations, is_since
from yolo_probe.networks.network import MOST_ANCHORS, NetworkRow
from yolo_probe.networks.torch_nn import (
    ArgumentError,
    Count,
    Flag,
    Number,
    OneOrTwo,
    batch_norm2d,
    conv2d,
    linear,
    max_pool2d,
    module_list,
    multihead_attention,
    parameter,
    sequential,
)

Act = object
"""Which activation: True for the default, a ``Module`` for that one, anything else for none."""

MAX_BLOCKS = 10_000
"""Most repeated blocks in one network."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row as the parser reads it."""

    inputs: list[int]
    """The output width of each of its sources, in channels."""
    arguments: list[object]
    """Its arguments, texts evaluated."""
    outputs: int
    """Outputs of the head, which are not scaled."""
    scaled: Callable[[int], int]
    """A width multiplied by the width multiple, and made divisible."""
    settings: Mapping[str, object] = field(default_factory=dict)
    """The keys of the YAML that only its dialect has."""

    def whole(self, index: int, meaning: str) -> int:
        """The argument at a place, which must be a number of channels. Raises: ArgumentError."""
        if index >= len(self.arguments):
            raise ArgumentError(f"{len(self.arguments)} arguments, expected {meaning} at place {index + 1}")
        value = self.arguments[index]
        if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= torch_nn.MAX_COUNT:
            found = torch_nn.shown(value)
            raise ArgumentError(f"{meaning} is {found}, expected a whole number from 1 to {torch_nn.MAX_COUNT:,}")
        return value


Parsed = tuple[list[object], int]
"""The arguments that a module is constructed with, and the width of its output."""


def as_written(row: Row) -> Parsed:
    """Its arguments are as written, and its output is as wide as its input."""
    return row.arguments, row.inputs[0]


def scaled(row: Row) -> Parsed:
    """Its first argument is the output width: it is scaled, and the input width is put before it."""
    width = row.whole(0, "the output width")
    width = width if width == row.outputs else row.scaled(width)
    return [row.inputs[0], width, *row.arguments[1:]], width


def joined(row: Row) -> Parsed:
    """Its output is as wide as all its inputs together."""
    return row.arguments, sum(row.inputs)


def contracted(row: Row) -> Parsed:
    """``Contract``: the square of its gain wider."""
    return row.arguments, row.inputs[0] * row.whole(0, "the gain") ** 2


def expanded(row: Row) -> Parsed:
    """``Expand``: the square of its gain narrower."""
    return row.arguments, row.inputs[0] // row.whole(0, "the gain") ** 2


def normalized(row: Row) -> Parsed:
    """``nn.BatchNorm2d``: its only argument is the input width, whatever is written."""
    return [row.inputs[0]], row.inputs[0]


def on_anchors(row: Row) -> Parsed:
    """A head with anchors: a number of them becomes a list, and the widths of all inputs are put behind."""
    return _with_anchors(row, "nc, anchors"), row.inputs[-1]


def on_anchors_with_masks(row: Row) -> Parsed:
    """``Segment``: its number of prototypes is scaled too."""
    arguments = _with_anchors(row, "nc, anchors, masks, prototypes")
    return [*arguments[:3], row.scaled(row.whole(3, "the prototypes")), *arguments[4:]], row.inputs[-1]


def _with_anchors(row: Row, expected: str) -> list[object]:
    arguments = list(row.arguments)
    if len(arguments) != expected.count(",") + 1:
        raise ArgumentError(f"{len(arguments)} arguments, expected {expected.count(',') + 1} ({expected})")
    if isinstance(arguments[1], int) and 1 <= arguments[1] <= MOST_ANCHORS:
        arguments[1] = [list(range(arguments[1] * 2))] * len(row.inputs)
    if isinstance(arguments[1], list) and len(arguments[1]) != len(row.inputs):
        raise ArgumentError(f"{len(row.inputs)} rows to detect on, but anchors for {len(arguments[1])}")
    return [*arguments, row.inputs]


@dataclass(frozen=True, slots=True)
class BlockClass:
    """How a host's parser treats a class that a row can name."""

    parse: Callable[[Row], Parsed] = as_written
    """From the row to the arguments of the constructor and the width of the output."""
    repeats: bool = False
    """Whether the number of the row becomes the third argument; else the module is repeated so often."""
    merges: bool = False
    """Whether it takes a list of rows."""
    since: Generation = "v5.0"
    """The first generation of YOLOv5 from v5.0 on that has it."""
    place: Callable[[int], int] | None = None
    """From a source to its place in the list of widths in which the parser looks, the image's first; None: its own."""
    finds: Callable[[Sequence[int], int, int], tuple[int, ...]] | None = None
    """Finds the sources where none are written, from the widths (the image's first), the row and the outputs."""


SCALED = BlockClass(scaled)
REPEATING = BlockClass(scaled, repeats=True)

BLOCKS: Mapping[str, BlockClass] = {
    "Conv": SCALED,
    "DWConv": SCALED,
    "GhostConv": SCALED,
    "GhostBottleneck": SCALED,
    "Bottleneck": SCALED,
    "BottleneckCSP": REPEATING,
    "CrossConv": SCALED,
    "MixConv2d": SCALED,
    "C3": REPEATING,
    "C3TR": REPEATING,
    "C3Ghost": BlockClass(scaled, repeats=True, since="v6.0"),
    "C3SPP": BlockClass(scaled, since="v6.0"),
    "C3x": BlockClass(scaled, repeats=True, since="v6.2"),
    "SPP": SCALED,
    "SPPF": BlockClass(scaled, since="v6.0"),
    "Focus": SCALED,
    "DWConvTranspose2d": BlockClass(scaled, since="v6.2"),
    "TransformerLayer": BlockClass(),
    "TransformerBlock": BlockClass(),
    "Contract": BlockClass(contracted),
    "Expand": BlockClass(expanded),
    "Concat": BlockClass(joined, merges=True),
    "Sum": BlockClass(),
    "Classify": BlockClass(),
    "Proto": BlockClass(since="v7.0"),
    "Detect": BlockClass(on_anchors, merges=True),
    "Segment": BlockClass(on_anchors_with_masks, merges=True, since="v7.0"),
}
"""The classes of YOLOv5 that a row can name."""

_INPLACE = ("nn.Hardswish", "nn.LeakyReLU", "nn.ReLU", "nn.ReLU6", "nn.SiLU")


_OF_TORCH = {"nn.BatchNorm2d": BlockClass(normalized), "nn.ConvTranspose2d": BlockClass(scaled)}
"""The classes of torch.nn that a parser does not take as written; ``nn.ConvTranspose2d`` since v6.2."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one family of hosts reads a model YAML: YOLOv5's own, or that of a fork."""

    blocks: Mapping[str, BlockClass]
    """The classes that a row can name, beside those of torch.nn."""
    constructors: Callable[[HostGenerations, ConstructorCall | None], Blocks]
    """Makes their constructors for one model."""
    host: HostGenerations | None = None
    """The generations of YOLOv5 that a fork's own parts follow; None for YOLOv5."""
    name: str = "YOLOv5"
    other: BlockClass = BlockClass()
    """How its parser treats every other class: arguments as they are written."""
    marks: frozenset[str] = frozenset()
    """Classes of which a YAML of a fork names at least one; where there are none, any that YOLOv5 has not."""
    heads: Mapping[str, int] = field(default_factory=dict)
    """How many arguments its heads take, where hosts have different heads of one name."""
    settings: tuple[str, ...] = ()
    """Keys of its YAML that YOLOv5 does not have; a row can name them as it names ``nc``."""

    def fit(self, rows: Sequence[NetworkRow]) -> tuple[bool, bool, int]:
        """How well it reads these rows, the least is the best: whether it lacks a class, its heads differ; how many."""
        lacking = {row.module for row in rows if not _is_of_torch(row.module) and row.module not in self.blocks}
        numbers = ((len(row.arguments), self.heads.get(row.module)) for row in rows)
        return bool(lacking), any(number not in (found, None) for found, number in numbers), len(lacking)

    def block(self, name: str, modules: Generation) -> BlockClass:
        """How its parser treats a class."""
        if name in self.blocks:
            return self.blocks[name]
        if name in _OF_TORCH and (name != "nn.ConvTranspose2d" or is_since(modules, "v6.2")):
            return _OF_TORCH[name]
        return self.other


def generations_with(name: str) -> tuple[Generation, ...]:
    """The generations from v5.0 on that have a class, and of torch's all; empty if none has it."""
    if name in torch_nn.TORCH_NAMES:
        return GENERATIONS
    block = BLOCKS.get(name)
    return tuple(g for g in GENERATIONS if is_since(g, block.since)) if block else ()


class Blocks:
    """The constructors of one model; modules that a host shares between blocks are shared here too."""

    def __init__(self, host: HostGenerations, activation: ConstructorCall | None = None) -> None:
        self._host = host
        self._blocks_left = MAX_BLOCKS
        self._default_act: Module | None = None
        if self._is_since("v7.0"):
            self._default_act = self.make_call(activation or ConstructorCall("nn.SiLU", (), {}))

    def _is_since(self, first: Generation) -> bool:
        return is_since(self._host.modules, first)

    def make(self, name: str, arguments: Sequence[object], keywords: Mapping[str, object] | None = None) -> Module:
        """The module that a class makes of its arguments; a ``ConstructorCall`` among them becomes a module first.

        Raises: ArgumentError where the class does not take them.
        """
        values = [self.make_call(value) if isinstance(value, ConstructorCall) else value for value in arguments]
        if name in torch_nn.TORCH_NAMES:
            return self._as_initialized(name, torch_nn.make(name, values, keywords))
        constructor = self._constructors()[name]
        return constructor(**torch_nn.bound(constructor, values, keywords or {}))

    def make_call(self, call: ConstructorCall) -> Module:
        """The module that a constructor written as text makes.

        Raises: ArgumentError where it does not take these arguments, or cannot be made here.
        """
        if call.name not in torch_nn.TORCH_NAMES:
            raise ArgumentError(f"{call.name}() is no module that can be made here")
        return self.make(call.name, call.arguments, call.keywords)

    def row(self, modules: Callable[[], Module], number: int) -> Module:
        """The module of a row: one, or a sequence of ``number`` of them."""
        return sequential(*self._repeated(number, modules)) if number > 1 else modules()

    def _repeated(self, number: int, make: Callable[[], Module]) -> list[Module]:
        self._blocks_left -= max(number, 0)
        if self._blocks_left < 0:
            raise ArgumentError(f"more than {MAX_BLOCKS} repeated blocks in one network")
        return [make() for _ in range(number)]

    def _as_initialized(self, name: str, module: Module) -> Module:
        """A module after the host's ``initialize_weights``."""
        changed: dict[str, object] = {}
        if name == "nn.BatchNorm2d":
            changed = {"eps": 1e-3, "momentum": 0.03}
        elif name in _INPLACE and (name != "nn.SiLU" or self._is_since("v6.1")):
            changed = {"inplace": True}
        if not changed:
            return module
        return Module(module.class_path, {**module.attributes, **changed}, module.parameters, module.buffers)

    def _torch(self, name: str, *arguments: object) -> Module:
        return self._as_initialized(name, torch_nn.make(name, arguments))

    def _batch_norm(self, channels: Count) -> Module:
        return self._as_initialized("nn.BatchNorm2d", batch_norm2d(channels))

    def _activation(self, act: Act) -> Module:
        if act is True:
            return self._default_act or self._torch("nn.SiLU")
        return act if isinstance(act, Module) else torch_nn.identity()

    def _constructors(self) -> dict[str, Callable[..., Module]]:
        late = self._is_since("v7.0")
        return {
            "Conv": self.conv if late else self.conv_without_dilation,
            "DWConv": self.dw_conv if late else self.dw_conv_without_dilation,
            "GhostConv": self.ghost_conv,
            "GhostBottleneck": self.ghost_bottleneck,
            "Bottleneck": self.bottleneck,
            "BottleneckCSP": self.bottleneck_csp,
            "CrossConv": self.cross_conv,
            "MixConv2d": self.mix_conv2d,
            "C3": self.c3,
            "C3TR": self.c3_transformer,
            "C3Ghost": self.c3_ghost,
            "C3SPP": self.c3_spp,
            "C3x": self.c3_cross,
            "SPP": self.spp,
            "SPPF": self.sppf,
            "Focus": self.focus,
            "DWConvTranspose2d": self.dw_conv_transpose2d,
            "TransformerLayer": self.transformer_layer,
            "TransformerBlock": self.transformer_block,
            "Contract": self.contract,
            "Expand": self.expand,
            "Concat": self.concat,
            "Sum": self.sum,
            "Classify": self.classify if is_since(self._host.heads, "v6.2") else self.classify_to_v6_1,
            "Proto": self.proto,
            "Detect": self.detect,
            "Segment": self.segment,
        }

    # models/common.py

    def conv(
        self,
        c1: Count,
        c2: Count,
        k: OneOrTwo = 1,
        s: OneOrTwo = 1,
        p: OneOrTwo | None = None,
        g: Count = 1,
        d: Count = 1,
        act: Act = True,
    ) -> Module:
        """``Conv``: convolution, batch normalization, activation."""
        convolution = conv2d(c1, c2, k, s, same_padding(k, p, d), d, g, bias=False)
        return self._conv("Conv", convolution, act)

    def conv_without_dilation(
        self,
        c1: Count,
        c2: Count,
        k: OneOrTwo = 1,
        s: OneOrTwo = 1,
        p: OneOrTwo | None = None,
        g: Count = 1,
        act: Act = True,
    ) -> Module:
        """``Conv`` to v6.2."""
        return self.conv(c1, c2, k, s, p, g, 1, act)

    def _conv(self, name: str, convolution: Module, act: Act) -> Module:
        norm = self._batch_norm(convolution.parameters["weight"].shape[0])
        children = {"conv": convolution, "bn": norm, "act": self._activation(act)}
        return Module(f"models.common.{name}", children=children)

    def dw_conv(self, c1: Count, c2: Count, k: OneOrTwo = 1, s: OneOrTwo = 1, d: Count = 1, act: Act = True) -> Module:
        """``DWConv``: a ``Conv`` with as many groups as its widths allow; in v5.0 a function that makes a ``Conv``."""
        convolution = conv2d(c1, c2, k, s, same_padding(k, None, d), d, gcd(c1, c2), bias=False)
        return self._conv("DWConv" if self._is_since("v6.0") else "Conv", convolution, act)

    def dw_conv_without_dilation(
        self, c1: Count, c2: Count, k: OneOrTwo = 1, s: OneOrTwo = 1, act: Act = True
    ) -> Module:
        """``DWConv`` to v6.2."""
        return self.dw_conv(c1, c2, k, s, 1, act)

    def dw_conv_transpose2d(
        self, c1: Count, c2: Count, k: OneOrTwo = 1, s: OneOrTwo = 1, p1: OneOrTwo = 0, p2: OneOrTwo = 0
    ) -> Module:
        """``DWConvTranspose2d``."""
        module = torch_nn.conv_transpose2d(c1, c2, k, s, p1, p2, gcd(c1, c2))
        return Module("models.common.DWConvTranspose2d", module.attributes, module.parameters)

    def transformer_layer(self, c: Count, num_heads: Count) -> Module:
        """``TransformerLayer``."""
        return Module(
            "models.common.TransformerLayer",
            children={
                "q": linear(c, c, bias=False),
                "k": linear(c, c, bias=False),
                "v": linear(c, c, bias=False),
                "ma": multihead_attention(c, num_heads),
                "fc1": linear(c, c, bias=False),
                "fc2": linear(c, c, bias=False),
            },
        )

    def transformer_block(self, c1: Count, c2: Count, num_heads: Count, num_layers: int) -> Module:
        """``TransformerBlock``."""
        layers = self._repeated(num_layers, lambda: self.transformer_layer(c2, num_heads))
        children = {"linear": linear(c2, c2), "tr": sequential(*layers)}
        if c1 == c2:
            return Module("models.common.TransformerBlock", {"conv": None, "c2": c2}, children=children)
        return Module("models.common.TransformerBlock", {"c2": c2}, children={"conv": self.conv(c1, c2)} | children)

    def bottleneck(self, c1: Count, c2: Count, shortcut: Flag = True, g: Count = 1, e: Number = 0.5) -> Module:
        """``Bottleneck``."""
        hidden = width_of(c2, e)
        return Module(
            "models.common.Bottleneck",
            {"add": shortcut and c1 == c2},
            children={"cv1": self.conv(c1, hidden), "cv2": self.conv(hidden, c2, 3, g=g)},
        )

    def _bottlenecks(self, width: Count, n: int, shortcut: Flag, g: Count) -> Module:
        return sequential(*self._repeated(n, lambda: self.bottleneck(width, width, shortcut, g, e=1.0)))

    def bottleneck_csp(
        self, c1: Count, c2: Count, n: int = 1, shortcut: Flag = True, g: Count = 1, e: Number = 0.5
    ) -> Module:
        """``BottleneckCSP``: its own batch normalization and activation follow a concatenation."""
        hidden = width_of(c2, e)
        return Module(
            "models.common.BottleneckCSP",
            children={
                "cv1": self.conv(c1, hidden),
                "cv2": conv2d(c1, hidden, 1, bias=False),
                "cv3": conv2d(hidden, hidden, 1, bias=False),
                "cv4": self.conv(2 * hidden, c2),
                "bn": self._batch_norm(2 * hidden),
                "act": self._own_activation(),
                "m": self._bottlenecks(hidden, n, shortcut, g),
            },
        )

    def _own_activation(self) -> Module:
        """The activation that ``BottleneckCSP`` and ``MixConv2d`` make themselves, whatever the default is."""
        return self._torch("nn.SiLU") if self._is_since("v6.1") else self._torch("nn.LeakyReLU", 0.1, True)

    def _c3(self, name: str, c1: Count, c2: Count, e: Number, inner: Callable[[Count], Module]) -> Module:
        hidden = width_of(c2, e)
        return Module(
            f"models.common.{name}",
            children={
                "cv1": self.conv(c1, hidden),
                "cv2": self.conv(c1, hidden),
                "cv3": self.conv(2 * hidden, c2),
                "m": inner(hidden),
            },
        )

    def c3(self, c1: Count, c2: Count, n: int = 1, shortcut: Flag = True, g: Count = 1, e: Number = 0.5) -> Module:
        """``C3``."""
        return self._c3("C3", c1, c2, e, lambda width: self._bottlenecks(width, n, shortcut, g))

    def c3_cross(
        self, c1: Count, c2: Count, n: int = 1, shortcut: Flag = True, g: Count = 1, e: Number = 0.5
    ) -> Module:
        """``C3x``: ``C3`` around ``CrossConv``."""

        def crosses(width: Count) -> Module:
            return sequential(*self._repeated(n, lambda: self.cross_conv(width, width, 3, 1, g, 1.0, shortcut)))

        return self._c3("C3x", c1, c2, e, crosses)

    def c3_transformer(
        self, c1: Count, c2: Count, n: int = 1, shortcut: Flag = True, g: Count = 1, e: Number = 0.5
    ) -> Module:
        """``C3TR``: ``C3`` around a ``TransformerBlock`` of four heads."""
        return self._c3("C3TR", c1, c2, e, lambda width: self.transformer_block(width, width, 4, n))

    def c3_ghost(
        self, c1: Count, c2: Count, n: int = 1, shortcut: Flag = True, g: Count = 1, e: Number = 0.5
    ) -> Module:
        """``C3Ghost``: ``C3`` around ``GhostBottleneck``."""

        def ghosts(width: Count) -> Module:
            return sequential(*self._repeated(n, lambda: self.ghost_bottleneck(width, width)))

        return self._c3("C3Ghost", c1, c2, e, ghosts)

    def c3_spp(
        self,
        c1: Count,
        c2: Count,
        k: Sequence[int] = (5, 9, 13),
        n: int = 1,
        shortcut: Flag = True,
        g: Count = 1,
        e: Number = 0.5,
    ) -> Module:
        """``C3SPP``: ``C3`` around ``SPP``, which takes neither repeats nor a shortcut."""
        return self._c3("C3SPP", c1, c2, e, lambda width: self.spp(width, width, k))

    def spp(self, c1: Count, c2: Count, k: Sequence[int] = (5, 9, 13)) -> Module:
        """``SPP``."""
        hidden = half_of(c1)
        pools = [max_pool2d(size, 1, size // 2) for size in k]
        return Module(
            "models.common.SPP",
            children={
                "cv1": self.conv(c1, hidden),
                "cv2": self.conv(hidden * (len(k) + 1), c2),
                "m": module_list(pools),
            },
        )

    def sppf(self, c1: Count, c2: Count, k: Count = 5) -> Module:
        """``SPPF``: one pooling, applied three times."""
        hidden = half_of(c1)
        return Module(
            "models.common.SPPF",
            children={
                "cv1": self.conv(c1, hidden),
                "cv2": self.conv(hidden * 4, c2),
                "m": max_pool2d(k, 1, k // 2),
            },
        )

    def focus(
        self,
        c1: Count,
        c2: Count,
        k: OneOrTwo = 1,
        s: OneOrTwo = 1,
        p: OneOrTwo | None = None,
        g: Count = 1,
        act: Act = True,
    ) -> Module:
        """``Focus``: four neighbouring pixels become one with four times the channels."""
        return Module("models.common.Focus", children={"conv": self.conv(c1 * 4, c2, k, s, p, g, act=act)})

    def ghost_conv(
        self, c1: Count, c2: Count, k: OneOrTwo = 1, s: OneOrTwo = 1, g: Count = 1, act: Act = True
    ) -> Module:
        """``GhostConv``: half of the output from the input, the other half from the first."""
        half = half_of(c2)
        return Module(
            self._experimental_to_v5("GhostConv"),
            children={
                "cv1": self.conv(c1, half, k, s, None, g, act=act),
                "cv2": self.conv(half, half, 5, 1, None, half, act=act),
            },
        )

    def ghost_bottleneck(self, c1: Count, c2: Count, k: OneOrTwo = 3, s: OneOrTwo = 1) -> Module:
        """``GhostBottleneck``."""
        half = half_of(c2)
        strided = s == 2
        inner = sequential(
            self.ghost_conv(c1, half),
            self.dw_conv(half, half, k, s, act=False) if strided else torch_nn.identity(),
            self.ghost_conv(half, c2, act=False),
        )
        shortcut = torch_nn.identity()
        if strided:
            shortcut = sequential(self.dw_conv(c1, c1, k, s, act=False), self.conv(c1, c2, act=False))
        path = self._experimental_to_v5("GhostBottleneck")
        return Module(path, children={"conv": inner, "shortcut": shortcut})

    def _experimental_to_v5(self, name: str) -> str:
        return f"models.common.{name}" if self._is_since("v6.0") else f"models.experimental.{name}"

    def contract(self, gain: Count = 2) -> Module:
        """``Contract``: width and height become channels."""
        return Module("models.common.Contract", {"gain": gain})

    def expand(self, gain: Count = 2) -> Module:
        """``Expand``: channels become width and height."""
        return Module("models.common.Expand", {"gain": gain})

    def concat(self, dimension: int = 1) -> Module:
        """``Concat``."""
        return Module("models.common.Concat", {"d": dimension})

    def proto(self, c1: Count, c_: Count = 256, c2: Count = 32) -> Module:
        """``Proto``: the mask prototypes of ``Segment``."""
        return Module(
            "models.common.Proto",
            children={
                "cv1": self.conv(c1, c_, 3),
                "upsample": self._torch("nn.Upsample", None, 2, "nearest"),
                "cv2": self.conv(c_, c_, 3),
                "cv3": self.conv(c_, c2),
            },
        )

    def classify(
        self,
        c1: Count,
        c2: Count,
        k: OneOrTwo = 1,
        s: OneOrTwo = 1,
        p: OneOrTwo | None = None,
        g: Count = 1,
        dropout_p: Number = 0.0,
    ) -> Module:
        """``Classify`` from v6.2: 1,280 channels, one pixel, one linear layer."""
        return Module(
            "models.common.Classify",
            children={
                "conv": self.conv(c1, 1280, k, s, same_padding(k, p, 1), g),
                "pool": self._torch("nn.AdaptiveAvgPool2d", 1),
                "drop": self._torch("nn.Dropout", dropout_p, True),
                "linear": linear(1280, c2),
            },
        )

    def classify_to_v6_1(
        self, c1: Count, c2: Count, k: OneOrTwo = 1, s: OneOrTwo = 1, p: OneOrTwo | None = None, g: Count = 1
    ) -> Module:
        """``Classify`` up to v6.1: one pixel, one convolution."""
        return Module(
            "models.common.Classify",
            children={
                "aap": self._torch("nn.AdaptiveAvgPool2d", 1),
                "conv": conv2d(c1, c2, k, s, same_padding(k, p, 1), groups=g),
                "flat": self._torch("nn.Flatten"),
            },
        )

    # models/experimental.py

    def cross_conv(
        self,
        c1: Count,
        c2: Count,
        k: Count = 3,
        s: Count = 1,
        g: Count = 1,
        e: Number = 1.0,
        shortcut: Flag = False,
    ) -> Module:
        """``CrossConv``: a row of the kernel, then a column."""
        hidden = width_of(c2, e)
        return Module(
            "models.common.CrossConv" if self._is_since("v6.2") else "models.experimental.CrossConv",
            {"add": shortcut and c1 == c2},
            children={
                "cv1": self.conv(c1, hidden, (1, k), (1, s)),
                "cv2": self.conv(hidden, c2, (k, 1), (s, 1), g=g),
            },
        )

    def sum(self, n: Count, weight: Flag = False) -> Module:
        """``Sum``: the inputs added; with ``weight``, each but the first has a weight."""
        parameters = {"w": parameter(n - 1)} if weight else {}
        return Module("models.experimental.Sum", {"weight": weight, "iter": range(n - 1)}, parameters)

    def mix_conv2d(
        self, c1: Count, c2: Count, k: Sequence[int] = (1, 3), s: OneOrTwo = 1, equal_ch: Flag = True
    ) -> Module:
        """``MixConv2d``: one convolution per kernel size, each for a part of the output; up to v6.0 without groups."""
        widths = _equal_widths(c2, len(k)) if equal_ch else _equal_weights(c2, k)
        if 0 in widths:
            raise ArgumentError(f"{c2} channels, too few for {len(k)} kernel sizes")
        grouped = self._is_since("v6.1")
        convolutions = [
            conv2d(c1, width, size, s, size // 2, groups=gcd(c1, width) if grouped else 1, bias=False)
            for size, width in zip(k, widths, strict=True)
        ]
        children = {"m": module_list(convolutions), "bn": self._batch_norm(c2), "act": self._own_activation()}
        return Module("models.experimental.MixConv2d", children=children)

    # models/yolo.py

    def detect(self, nc: Count, anchors: object, ch: Sequence[int]) -> Module:
        """``Detect``; up to v5.0 its grid of anchors is a buffer."""
        head = _Head(nc, anchors)
        attributes: dict[str, object] = {"nc": nc, "no": nc + 5, "nl": head.outputs, "na": head.anchors}
        return self._head("Detect", head, attributes, ch, {})

    def segment(self, nc: Count, anchors: object, nm: Count, npr: Count, ch: Sequence[int]) -> Module:
        """``Segment``: ``Detect`` with mask coefficients, and the prototypes."""
        head = _Head(nc, anchors)
        attributes: dict[str, object] = {"nc": nc, "no": 5 + nc + nm, "nl": head.outputs, "na": head.anchors}
        attributes |= {"nm": nm, "npr": npr}
        return self._head("Segment", head, attributes, ch, {"proto": self.proto(ch[0], npr, nm)})

    def _head(
        self, name: str, head: _Head, attributes: dict[str, object], ch: Sequence[int], more: dict[str, Module]
    ) -> Module:
        outputs = attributes["no"]
        assert isinstance(outputs, int)
        buffers = {"anchors": Tensor((head.outputs, head.anchors, 2))}
        if is_since(self._host.root, "v6.0"):
            attributes["inplace"] = True
        if not is_since(self._host.heads, "v6.0"):
            buffers["anchor_grid"] = Tensor((head.outputs, 1, head.anchors, 1, 1, 2))
        convolutions = [conv2d(width, outputs * head.anchors, 1) for width in ch]
        children = {"m": module_list(convolutions), **more}
        return Module(f"models.yolo.{name}", attributes, buffers=buffers, children=children)


class _Head:
    """Number of outputs, and number of anchors of each, from the argument ``anchors``."""

    def __init__(self, nc: Count, anchors: object) -> None:
        rows = anchors if isinstance(anchors, (list, tuple)) else ()
        lengths = {len(row) if isinstance(row, (list, tuple)) else 0 for row in rows}
        if len(lengths) != 1 or min(lengths) < 2 or min(lengths) % 2:
            raise ArgumentError("anchors that are no list with as many pairs (width, height) for each output")
        self.outputs = len(rows)
        self.anchors = lengths.pop() // 2


def width_of(channels: Count, expansion: Number) -> int:
    """The channels inside a block. Raises: ArgumentError where there is none."""
    hidden = int(channels * expansion)
    if hidden < 1:
        raise ArgumentError(f"{channels} channels x {expansion} leaves none inside the block")
    return hidden


def half_of(channels: Count) -> int:
    """Half of a number of channels, rounded down. Raises: ArgumentError where there is nothing to halve."""
    if channels < 2:
        raise ArgumentError(f"{channels} channel cannot be halved")
    return channels // 2


def same_padding(k: OneOrTwo, p: OneOrTwo | None, d: Count) -> OneOrTwo:
    """The padding of the host's ``autopad``: it keeps height and width at stride 1."""
    if p is not None:
        return p
    if isinstance(k, int):
        return (d * (k - 1) + 1) // 2
    return [(d * (size - 1) + 1) // 2 for size in k]


def _equal_widths(channels: Count, parts: int) -> list[int]:
    """Channels of each part where the host cuts ``linspace(0, parts - 1e-6, channels)`` at whole numbers."""
    last = max(channels - 1, 1)
    members = [0] + [(index * parts - 1) // last for index in range(1, channels)]
    return [members.count(part) for part in range(parts)]


def _equal_weights(channels: Count, k: Sequence[int]) -> list[int]:
    """Channels of each part where every part has as many weights, rounded half to even.

    Formula: channels / k^2 over the sum of 1 / k^2, the exact solution of the system that the host solves.
    """
    shares = [Fraction(1, size * size) for size in k]
    return [round(channels * share / sum(shares)) for share in shares]


def _is_of_torch(name: str) -> bool:
    return name.startswith(("nn.", "torch.nn."))


YOLOV5 = Dialect(BLOCKS, Blocks, heads={"Detect": 2, "Segment": 4})
