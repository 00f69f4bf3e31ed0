"""The forward pass of each module of YOLOv5 and of torch, on shapes.

A block is a function of a ``Frame`` (the module, its path, the pass in progress) and the input's shape; it returns the
output's shape and adds one ``OpRecord`` for every operator to the pass. The table ``RECIPES`` has one for each kind of
module that a YAML of YOLOv5 v5.0 to HEAD can name, with what such a module holds: a class of the same name that holds
anything else is not YOLOv5's. A block does what the ``forward`` of that class does in YOLOv5's models/common.py,
models/experimental.py and models/yolo.py.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from math import prod
from typing import Literal, NamedTuple, TypeAlias, TypeVar, cast

from yolo_probe.errors import TraceError, UnknownModuleError, shown
from yolo_probe.model import operators
from yolo_probe.model.operators import Followed, OpRecord, ShapeError
from yolo_probe.model.structure import Module, Shape, Tensor, named_modules
from yolo_probe.model.user_rules import ModuleRule, OwnRules, ruled_record, shape_out

Value = Shape | list[Shape]
"""What flows between modules: a tensor's shape, or several. To a block that takes it, a list may bring lists."""

Block = Callable[["Frame", Shape], Value]
F = TypeVar("F", bound=Block)
T = TypeVar("T")


class ModuleCall(NamedTuple):
    """One call of a module in a forward pass."""

    path: str
    input: Value
    output: Value


class Move(NamedTuple):
    """A copy of values that no counter charges: a tensor made contiguous."""

    place: int
    """How many records are before it."""
    source: int
    """Number of the tensor that is read."""
    output: Followed
    path: str


@dataclass(frozen=True, slots=True)
class Pass:
    """A forward pass in progress: the records so far, and in how many places of the model each module is."""

    records: list[OpRecord]
    slots: Mapping[int, int]
    training: bool = False
    """Whether the model is in training mode, in which a head makes no boxes."""
    calls: list[ModuleCall] = field(default_factory=list)
    """In the order in which they return."""
    moves: list[Move] = field(default_factory=list)
    followed: bool = False
    """Whether shapes are ``Followed``, so that they say which tensor they are of."""
    rules: OwnRules | None = None
    """The user's own counting rules, for classes that have no block here or are to be counted in another way."""

    def new(self, shape: Shape) -> Shape:
        """Shape of a new tensor, with a number of its own; each record and each move makes at most one."""
        return Followed.of(shape, len(self.records) + len(self.moves) + 1) if self.followed else shape

    def call(self, module: Module, path: str, x: Value) -> Value:
        """Run one module: its output, with its operators recorded."""
        rule = self.rules.rule_for(module.class_path) if self.rules else None
        return self._run(module, path, x) if rule is None else self._ruled(rule, module, path, x)

    def _ruled(self, rule: ModuleRule, module: Module, path: str, x: Value) -> Value:
        """Run a module that a rule of the user's counts; the rule replaces all that is inside."""
        rules, before = self.rules, (len(self.records), len(self.moves), len(self.calls))
        assert rules is not None
        inputs = x if isinstance(x, list) else [x]
        if rule.output is None or recipe_of(module):
            out = self._run(module, path, x)
            if rule.count is None:
                return out
        else:
            out = shape_out(rules, rule.output, module, path, inputs[0])
        del self.records[before[0] :], self.moves[before[1] :], self.calls[before[2] :]
        out = [self.new(each) for each in out] if isinstance(out, list) else self.new(out)
        first = (out[0] if out else ()) if isinstance(out, list) else out
        self.calls.append(ModuleCall(path, list(x) if isinstance(x, list) else x, out))
        slots = self.slots.get(id(module), 1)
        self.records.append(ruled_record(rules, rule, module, path, tuple(inputs), first, slots))
        return out

    def _run(self, module: Module, path: str, x: Value) -> Value:
        recipe = recipe_of(module)
        if recipe is None:
            found = f"{module.class_path}{unlike(module)}"
            raise UnknownModuleError(f"{path}: found a module of class {found}, expected one of YOLOv5's")
        if isinstance(x, list) and recipe.takes == "one":
            raise TraceError(f"{path}: found {len(x)} inputs, expected one, as {module.kind} takes")
        if recipe.takes == "several" and isinstance(x, list) and any(isinstance(each, list) for each in x):
            raise TraceError(f"{path}: found an input from a row with several outputs, expected one with one")
        try:
            out = recipe.block(Frame(module, path, self), cast(Shape, x))
        except KeyError as error:
            raise TraceError(f"{path}: found no {error} in a {module.kind}, expected one: edited or damaged") from None
        except ShapeError as error:
            raise TraceError(f"{path}: {error}") from None
        self.calls.append(ModuleCall(path, list(x) if isinstance(x, list) else x, out))
        return out


@dataclass(slots=True)  # not frozen, which takes twice as long to make: there is one for each module
class Frame:
    """One module while it runs: what a block asks of it, and where it adds its records."""

    module: Module
    path: str
    current: Pass

    def __call__(self, name: str, x: Value) -> Shape:
        """Run the child of that name: the shape of its one output."""
        out = self.current.call(self.module.child(name), f"{self.path}.{name}" if self.path else name, x)
        if isinstance(out, list):
            raise ShapeError(f"{name}: found {len(out)} outputs, expected one")
        return out

    def inside(self, name: str) -> Frame:
        """The frame of a child that is not run itself, such as a list of modules."""
        return Frame(self.module.child(name), f"{self.path}.{name}", self.current)

    def has(self, name: str) -> bool:
        """Whether there is a child of that name."""
        return self.module.children.get(name) is not None

    def get(self, name: str, expected: type[T]) -> T:
        """An attribute of the module; ShapeError if it is not of that type."""
        value = self.module.attributes[name]
        if not isinstance(value, expected):
            raise ShapeError(f"found {name}={shown(value)}, expected {expected.__name__}")
        return value

    def flag(self, name: str) -> bool:
        """An attribute as True or False: YOLOv5 saves ``shortcut and ...``, which may be 0 or None."""
        value = self.module.attributes[name]
        if not (value is None or isinstance(value, int)):
            raise ShapeError(f"found {name}={shown(value)}, expected True or False")
        return bool(value)

    def weight(self) -> Shape:
        """The shape of the weight, also where pruning or weight norm has made it a plain attribute."""
        parameter = self.module.parameters.get("weight")
        if parameter is not None:
            return tuple(parameter.shape)  # that of a live model is torch's own
        weight = self.module.attributes["weight"]
        if not isinstance(weight, Tensor):
            raise ShapeError(f"found weight={shown(weight)}, expected a tensor")
        return weight.shape

    def pair(self, name: str) -> tuple[int, int]:
        """An attribute that is one integer or two, always as two."""
        value = self.module.attributes[name]
        if type(value) is tuple and len(value) == 2 and type(value[0]) is int and type(value[1]) is int:
            return value
        both = (value, value) if isinstance(value, int) else value
        if not (isinstance(both, tuple | list) and len(both) == 2 and all(isinstance(i, int) for i in both)):
            raise ShapeError(f"found {name}={shown(value)}, expected one or two integers")
        return both[0], both[1]

    def record(
        self, operator: str, inputs: Sequence[Shape], output: Shape, weight: Shape = (), **options: object
    ) -> Shape:
        """Add the record of an operator of this module: its output."""
        if output and max(output) > operators.MAX_OUTPUT_SIDE:
            limit = f"{operators.MAX_OUTPUT_SIDE:,}"
            raise ShapeError(f"{operator}: found an output of more than {limit} values on an axis")
        module, current = self.module, self.current
        made = current.new(output) if current.followed else output
        slots = current.slots.get(id(module), 1)
        current.records.append(OpRecord(operator, self.path, module.kind, tuple(inputs), made, weight, options, slots))
        return made

    def function(self, operator: str, inputs: Sequence[Shape], output: Shape, **options: object) -> Shape:
        """Add the record of a function that the module calls itself: its output."""
        return self.with_weight((), operator, inputs, output, **options)

    def with_weight(
        self, weight: Shape, operator: str, inputs: Sequence[Shape], output: Shape, /, **options: object
    ) -> Shape:
        """As ``function``, of a function that is given a weight of this shape."""
        made = self.current.new(output)
        record = OpRecord(operator, self.path, self.module.kind, tuple(inputs), made, weight, options, functional=True)
        self.current.records.append(record)
        return made

    def called(self, x: Value, out: Shape) -> Shape:
        """Add a call of this module that did not go through its parent's frame: its output."""
        self.current.calls.append(ModuleCall(self.path, x, out))
        return out

    def keep(self, operator: str, x: Shape, output: Shape, **options: object) -> Shape:
        """Add the record of an operator that returns the memory of its input: its output."""
        module, current = self.module, self.current
        slots, same = current.slots.get(id(module), 1), self.view(x, output)
        current.records.append(OpRecord(operator, self.path, module.kind, (x,), same, (), options, slots))
        return same

    def view(self, x: Shape, shape: Shape) -> Shape:
        """The same values under another shape."""
        return Followed.of(shape, x.tensor) if isinstance(x, Followed) else shape

    def copy(self, x: Shape, shape: Shape) -> Shape:
        """The same values in another order, in memory of their own."""
        current, made = self.current, self.current.new(shape)
        if isinstance(x, Followed) and isinstance(made, Followed):
            current.moves.append(Move(len(current.records), x.tensor, made, self.path))
        return made

    def cat(self, inputs: Sequence[Shape], dim: int = 1) -> Shape:
        """Concatenation of several tensors."""
        return self.function("cat", inputs, operators.cat(inputs, dim))

    def halves(self, x: Shape, dim: int = 1) -> tuple[Shape, Shape]:
        """The two halves of a tensor along an axis, which are views of it; the first may be larger by one."""
        before, size, after = x[:dim], x[dim], x[dim + 1 :]
        return self.view(x, (*before, (size + 1) // 2, *after)), self.view(x, (*before, size // 2, *after))

    def add(self, a: Shape, b: Shape) -> Shape:
        """Sum of two tensors."""
        return self.function("add", (a, b), operators.broadcast(a, b))

    def mul(self, a: Shape, b: Shape) -> Shape:
        """Product of two tensors, value by value."""
        return self.function("mul", (a, b), operators.broadcast(a, b))


_ROW_ATTRIBUTES = frozenset({"training", "i", "f", "type", "np"})
"""What torch or YOLOv5's builder sets on any module."""
_PROFILED = frozenset({"total_ops", "total_params"})
"""Buffers that thop may leave behind in any module."""

Takes: TypeAlias = Literal["one", "several", "several of several"]


class Names(NamedTuple):
    """Names that a module has, and those that it may have."""

    needed: tuple[str, ...]
    known: frozenset[str]

    @classmethod
    def of(cls, text: str, usual: frozenset[str] = frozenset()) -> Names:
        """The names in a text such as ``conv bn? act``; a question mark after those that may be missing.

        ``usual``: those that any module may have.
        """
        words = text.split()
        needed = tuple(word for word in words if not word.endswith("?"))
        return cls(needed, usual.union(word.rstrip("?") for word in words))

    def fit(self, there: Set[str]) -> bool:
        """Whether these are the names."""
        return there <= self.known and all(name in there for name in self.needed)


@dataclass(frozen=True, slots=True)
class Recipe:
    """How the modules of a class compute, and what they hold."""

    block: Block
    takes: Takes
    """Whether its ``forward`` can take a list of tensors, or one with lists of tensors in it."""
    children: Names | None
    """None: any, as a container or a class of torch."""
    attributes: Names
    tensors: Names
    """Parameters and buffers."""
    when: Callable[[Module], bool] | None
    """What else a module of the class has."""
    anywhere: bool = False
    """Whether the class may be in any module of ``models``: no ``fuse()`` asks for it."""

    def fits(self, module: Module) -> bool:
        """Whether a module of that name holds what the class holds, and nothing else."""
        if own_code(module):
            return False
        if self.children is None:
            return not module.children or module.kind == "nn.Sequential"
        return (
            self.children.fit(module.children.keys())
            and self.attributes.fit(module.attributes.keys())
            and self.tensors.fit(module.parameters.keys() | module.buffers.keys())
            and (self.when is None or self.when(module))
        )

    def unlike(self, module: Module) -> tuple[list[str], list[str]]:
        """Names that the module has and the class has not, and the reverse."""
        if self.children is None:
            return list(module.children), []
        groups: list[tuple[Collection[str], Names]] = [
            (module.children, self.children),
            (module.attributes, self.attributes),
            ([*module.parameters, *module.buffers], self.tensors),
        ]
        more = [name for there, names in groups for name in there if name not in names.known]
        less = [name for there, names in groups for name in names.needed if name not in there]
        return more, less


RECIPES: dict[str, list[Recipe]] = {}
"""By the short name of the class; several where hosts have different classes of one name."""


def block(
    *kinds: str, holds: str | None = "", sets: str = "", tensors: str = "", takes: Takes = "one",
    when: Callable[[Module], bool] | None = None, anywhere: bool = False,
) -> Callable[[F], F]:  # fmt: skip
    """Register a function as the block of these kinds of modules.

    ``holds``, ``sets``, ``tensors``: the names of their children, of their attributes and of their parameters and
    buffers, as ``Names.of`` reads them. A class of torch is known by its name alone, and one that holds None.
    """

    def register(function: F) -> F:
        for kind in kinds:
            children = None if holds is None or kind.startswith("nn.") else Names.of(holds)
            recipe = Recipe(
                function, takes, children, Names.of(sets, _ROW_ATTRIBUTES), Names.of(tensors, _PROFILED), when, anywhere
            )
            RECIPES.setdefault(kind, []).append(recipe)
        return function

    return register


def torch_block(name: str) -> Block | None:
    """The block of a class of torch, by its name alone; None where there is none."""
    recipes = RECIPES.get(f"nn.{name}")
    return recipes[0].block if recipes else None


def recipe_of(module: Module) -> Recipe | None:
    """The recipe of a module; None where none is known, or those of its class's name hold something else."""
    return next((recipe for recipe in _recipes_for(module) if recipe.fits(module)), None)


def _recipes_for(module: Module) -> Sequence[Recipe]:
    """The recipes of the name of a module's class, of any module of a fork's ``models`` for a pasted block."""
    if (found := RECIPES.get(module.kind)) or not module.class_path.startswith("models."):
        return found or ()
    return [recipe for recipe in RECIPES.get(module.class_path.rpartition(".")[2], ()) if recipe.anywhere]


_FUSED_FORWARDS = frozenset({"forward_fuse", "fuseforward", "fusevggforward"})
"""Functions of the hosts' blocks that ``fuse()`` sets in the place of their ``forward``."""


FORWARD_HOOKS = frozenset({"_forward_hooks", "_forward_pre_hooks"})
"""Attributes of a module that has a hook."""


def own_code(module: Module) -> str:
    """The name under which a module alone, not its class, has a function; empty where it has none.

    What ``fuse()`` of a host sets in the place of ``forward`` is not meant; a hook that changes the input or the output
    is.
    """
    for name, value in module.attributes.items():
        if name in FORWARD_HOOKS:
            return "forward hook"
        if name in ("forward", "fuse") or getattr(value, "is_bound", False):
            function = str(getattr(value, "name", value)).rpartition(".")[2]
            if name != "forward" or function not in _FUSED_FORWARDS:
                return name
    return ""


def hooked(root: Module) -> str:
    """The path of the first module that has a forward hook; empty where none has."""
    return next(
        (path or "the model" for path, module in named_modules(root) if FORWARD_HOOKS & module.attributes.keys()), ""
    )


def unlike(module: Module) -> str:
    """What a module has that its class has not in YOLOv5, or lacks, in words; empty for a class that it has not."""
    if name := own_code(module):
        return f" with a {name} of its own"
    recipes = _recipes_for(module)
    if not recipes:
        return ""
    more, less = min((recipe.unlike(module) for recipe in recipes), key=lambda names: len(names[0]) + len(names[1]))
    parts = [f"{word} {', '.join(names[:3])}" for word, names in (("with", more), ("without", less)) if names]
    return f" {' and '.join(parts)}" if parts else " of another size"


# Convolution and its relatives


def is_whole(module: Module) -> bool:
    """Whether a Conv that has a BatchNorm runs it: what ``fuse()`` sets in the place of its forward does not."""
    return "forward" not in module.attributes or module.children.get("bn") is None


@block("Conv", "DWConv", holds="conv bn? act", sets="forward? bn?", when=is_whole)
def conv(f: Frame, x: Shape) -> Shape:
    x = f("conv", x)
    # fuse() removes the name, or, to v3.0, sets another forward; else a bn that is None fails, as in the host
    if "bn" in f.module.children and (f.has("bn") or "forward" not in f.module.attributes):
        x = f("bn", x)
    return f("act", x)


@block("Focus", holds="conv")
def focus(f: Frame, x: Shape) -> Shape:
    convolution = f.module.child("conv").children.get("conv")
    if convolution and convolution.attributes.get("stride") == (2, 2):
        return f("conv", x)  # a fork for NPUs has a stride of 2 in place of the slices
    return f("conv", corners(f, x))


@block("Focus", holds="conv_slice conv")
def focus_of_convolutions(f: Frame, x: Shape) -> Shape:
    return f("conv", f("conv_slice", x))


def corners(f: Frame, x: Shape) -> Shape:
    """The four pixels of each square of two by two, as channels."""
    places = [(0, 0), (1, 0), (0, 1), (1, 1)]
    return f.cat([f.view(x, operators.every_second(x, row, column)) for row, column in places])


@block("GhostConv", holds="cv1 cv2")
def ghost_conv(f: Frame, x: Shape) -> Shape:
    y = f("cv1", x)
    return f.cat([y, f("cv2", y)])


@block("MixConv2d", holds="m bn act")
def mix_conv2d(f: Frame, x: Shape) -> Shape:
    branches = f.inside("m")
    y = f("act", f("bn", f.cat([branches(name, x) for name in branches.module.children])))
    # up to v6.0 the input is added, and the activation is a LeakyReLU
    return f.add(x, y) if f.module.child("act").kind == "nn.LeakyReLU" else y


# Bottlenecks


@block("Bottleneck", "CrossConv", holds="cv1 cv2", sets="add")
def bottleneck(f: Frame, x: Shape) -> Shape:
    y = f("cv2", f("cv1", x))
    return f.add(x, y) if f.flag("add") else y


@block("GhostBottleneck", holds="conv shortcut")
def ghost_bottleneck(f: Frame, x: Shape) -> Shape:
    return f.add(f("conv", x), f("shortcut", x))


@block("BottleneckCSP", "C3", holds="cv1 cv2 cv3 cv4 bn act m")  # C3 up to v3.1
def bottleneck_csp(f: Frame, x: Shape) -> Shape:
    y1 = f("cv3", f("m", f("cv1", x)))
    y2 = f("cv2", x)
    return f("cv4", f("act", f("bn", f.cat([y1, y2]))))


@block("C3", "C3x", "C3TR", "C3SPP", "C3Ghost", holds="cv1 cv2 cv3 m")
def c3(f: Frame, x: Shape) -> Shape:
    return f("cv3", f.cat([f("m", f("cv1", x)), f("cv2", x)]))


# Pyramid pooling


@block("SPP", holds="cv1 cv2 m")
def spp(f: Frame, x: Shape) -> Shape:
    return f("cv2", with_pools(f, f("cv1", x)))


def with_pools(f: Frame, x: Shape) -> Shape:
    """A tensor, and what each pool in ``m`` makes of it, as channels."""
    pools = f.inside("m")
    return f.cat([x, *(pools(name, x) for name in pools.module.children)])


@block("SPPF", holds="cv1 cv2 m")
def sppf(f: Frame, x: Shape) -> Shape:
    x = f("cv1", x)
    y1 = f("m", x)
    y2 = f("m", y1)
    return f("cv2", f.cat([x, y1, y2, f("m", y2)]))


# Attention


@block("TransformerBlock", holds="conv? linear tr", sets="conv? c2")
def transformer_block(f: Frame, x: Shape) -> Shape:
    if f.has("conv"):
        x = f("conv", x)
    n, c, h, w = x
    tokens = f.view(x, (h * w, n, c))
    # the axes are permuted, so the linear layer gets a tensor that is not contiguous
    tokens = f("tr", f.add(tokens, from_scattered(f.inside("linear"), tokens)))
    return f.view(tokens, (n, tokens[2], h, w))


@block("TransformerLayer", holds="q k v ma fc1 fc2")
def transformer_layer(f: Frame, x: Shape) -> Shape:
    attention = f.inside("ma")
    x = f.add(multi_head_attention(attention, f("q", x), f("k", x), f("v", x)), x)
    return f.add(f("fc2", f("fc1", x)), x)


def multi_head_attention(
    f: Frame, q: Shape, k: Shape, v: Shape, *, operator: str = "multi_head_attention", **path: object
) -> Shape:
    """The first output of ``nn.MultiheadAttention``: query (L, N, E), key and value (S, N, E) give (L, N, E).

    ``path``: options for what it runs inside, where that is not the usual.
    """
    heads = f.get("num_heads", int)
    zeros = bool(f.module.attributes.get("add_zero_attn"))
    appended = ("bias_k" in f.module.parameters) + zeros
    bias = "in_proj_bias" in f.module.parameters
    out = f.record(operator, (q, k, v), q, (), heads=heads, bias=bias, appended=appended, zeros=zeros, **path)
    return f.called([q, k, v], out)


# Between rows


@block("Concat", sets="d", takes="several")
def concat(f: Frame, x: Value) -> Shape:
    return f.cat(x if isinstance(x, list) else [x], f.get("d", int))


@block("Sum", sets="weight iter? n?", tensors="w?", takes="several")
def weighted_sum(f: Frame, x: Value) -> Shape:
    if not isinstance(x, list):
        raise ShapeError("found one input, expected several")
    y = x[0]
    for other in x[1:]:
        weighted = f.function("mul", (other, ()), other) if f.flag("weight") else other
        y = f.add(y, weighted)
    return y


@block("Contract", sets="gain")
def contract(f: Frame, x: Shape) -> Shape:
    return f.copy(x, operators.pixel_unshuffle(x, f.get("gain", int)))


@block("Expand", sets="gain")
def expand(f: Frame, x: Shape) -> Shape:
    return f.copy(x, operators.pixel_shuffle(x, f.get("gain", int)))


# Heads


def gives_a_box(more: int = 0) -> Callable[[Module], bool]:
    """Whether a head gives a box 5 numbers, one for each class and each mask, and so many more."""

    def gives(module: Module) -> bool:
        outputs, *parts = (module.attributes.get(name, 0) for name in ("no", "nc", "nm"))
        numbers = [part for part in parts if isinstance(part, int)]
        return len(numbers) == len(parts) and outputs == 5 + sum(numbers) + more

    return gives


HEAD = "nc no nl na grid? stride? anchor_grid? inplace? export? dynamic? onnx_dynamic?"
"""Attributes of YOLOv5's heads."""
ANCHORS = "anchors? anchor_grid?"
"""Buffers of YOLOv5's heads."""


@block("Detect", holds="m", sets=HEAD, tensors=ANCHORS, takes="several", when=gives_a_box())
def detect(f: Frame, x: Value) -> list[Shape]:
    convolutions, levels = f.inside("m"), several(x)
    if f.get("nl", int) > len(levels):
        raise ShapeError(f"found {len(levels)} inputs, expected one for each of {f.get('nl', int)} levels")
    return boxes(f, (convolutions(str(i), levels[i]) for i in range(f.get("nl", int))))


def several(x: Value) -> list[Shape]:
    """The inputs of a module that takes one for each level; ShapeError if there is one alone."""
    if not isinstance(x, list) or not all(isinstance(each, tuple) for each in x):
        raise ShapeError("found one input, expected one for each level")
    return x


def boxes(f: Frame, levels: Iterable[Shape], decoded: Callable[[Frame, Shape], Shape] | None = None) -> list[Shape]:
    """The predictions of a head with anchors, of the outputs of its convolutions, and in evaluation mode its boxes.

    ``decoded``: the boxes of one level, of its predictions; without it as YOLOv5 computes them.
    """
    decoded = decoded or _boxes
    anchors, outputs = f.get("na", int), f.get("no", int)
    predictions: list[Shape] = []
    found: list[Shape] = []
    for i, level in enumerate(levels):
        n, c, h, w = level
        if c != anchors * outputs:
            raise ShapeError(f"m.{i}: found {c} output channels, expected {anchors} anchors x {outputs} outputs")
        predictions.append(f.copy(level, (n, anchors, h, w, outputs)))
        if not f.current.training:
            found.append(decoded(f, predictions[-1]))
    if not f.current.training:
        f.cat(found)
    return predictions


def _boxes(f: Frame, x: Shape) -> Shape:
    """Shape of one level's boxes, computed from its predictions; centre and size of a box are two numbers each."""
    n, anchors, h, w, outputs = x
    masks = f.module.attributes.get("nm", 0)
    assert isinstance(masks, int)
    two: Shape = (n, anchors, h, w, 2)
    others: Shape = (n, anchors, h, w, outputs - 4 - masks)
    parts = [f.view(x, (n, anchors, h, w, masks))] if masks else []
    made = "anchor_grid" not in f.module.buffers  # made for the first image of a size; up to v6.0 a buffer
    if made:
        f.function("sub", (two,), (1, *two[1:]))
        f.function("mul", ((anchors, 2), ()), (anchors, 2))
    centre = size = f.view(x, two)
    rest = f.view(x, others)
    if masks:  # a Segment head takes the sigmoid of each part alone
        centre = f.function("sigmoid", (centre,), two)
    else:
        whole = f.function("sigmoid", (x,), x)
        centre, size, rest = f.view(whole, two), f.view(whole, two), f.view(whole, others)
    for operator in ("mul", *(() if made else ("sub",))):
        centre = f.function(operator, (centre,), two)
    centre = f.function("mul", (f.function("add", (centre, two), two),), two)  # plus the grid, times the stride
    for operator in (*(("sigmoid",) if masks else ()), "mul", "pow"):
        size = f.function(operator, (size,), two)
    size = f.function("mul", (size, two), two)  # times the anchors
    if masks:
        rest = f.function("sigmoid", (rest,), others)
    return f.view(f.function("cat", (centre, size, rest, *parts), x), (n, anchors * h * w, outputs))


@block(
    "Segment", holds="m proto", sets=f"{HEAD} nm npr? detect?", tensors=ANCHORS, takes="several",
    when=gives_a_box(),
)  # fmt: skip
def segment(f: Frame, x: Value) -> list[Shape]:
    f("proto", several(x)[0])
    return detect(f, cast(Shape, x))


@block("Proto", holds="cv1 upsample cv2 cv3")
def proto(f: Frame, x: Shape) -> Shape:
    return f("cv3", f("cv2", f("upsample", f("cv1", x))))


@block("Classify", holds="aap? conv flat? pool? drop? linear?", takes="several")
def classify(f: Frame, x: Value) -> Shape:
    inputs = x if isinstance(x, list) else [x]
    if f.has("aap"):  # up to v6.1: pool, then convolve
        return f("flat", f("conv", f.cat([f("aap", y) for y in inputs])))
    y = f("conv", f.cat(inputs) if isinstance(x, list) else x)
    pooled = f("pool", y)
    return f("linear", f("drop", f.view(pooled, operators.flatten(pooled))))


# torch.nn


@block("nn.Sequential", takes="several")
def sequential(f: Frame, x: Value) -> Value:
    for name in f.module.children:
        x = f.current.call(f.module.child(name), f"{f.path}.{name}", x)
    return x


@block("nn.Conv2d")
def conv2d(f: Frame, x: Shape) -> Shape:
    weight = f.weight()
    groups = f.get("groups", int)
    padding = f.module.attributes["padding"]
    pads = padding if isinstance(padding, str) else f.pair("padding")
    out = operators.conv2d(x, weight, f.pair("stride"), pads, f.pair("dilation"), groups)
    mode = f.module.attributes.get("padding_mode", "zeros")
    if mode in ("reflect", "circular"):
        spans = [side * (kernel - 1) for side, kernel in zip(f.pair("dilation"), weight[2:], strict=True)]
        sides = (
            pads if not isinstance(pads, str) else [span - span // 2 for span in spans] if pads == "same" else (0, 0)
        )
        operators.check_border(x, sides[0], sides[1], mode)
    options: dict[str, object] = {"bias": "bias" in f.module.parameters, "groups": groups}
    if isinstance(padding, str) and mode == "zeros":
        options["padding"] = padding
    return f.record("conv2d", (x,), out, weight, **options)


@block("nn.Conv1d")
def conv1d(f: Frame, x: Shape) -> Shape:
    weight, groups = f.weight(), f.get("groups", int)
    stride, padding, dilation = (f.get(name, tuple)[0] for name in ("stride", "padding", "dilation"))
    if len(x) != 3 or x[1] != weight[1] * groups:
        raise ShapeError(f"conv1d: found an input of shape {x}, expected {weight[1] * groups} channels")
    length = (x[2] + 2 * padding - dilation * (weight[2] - 1) - 1) // stride + 1
    bias = "bias" in f.module.parameters
    return f.record("conv1d", (x,), (x[0], weight[0], length), weight, bias=bias, groups=groups)


@block("nn.Unfold")
def unfold(f: Frame, x: Shape) -> Shape:
    kernel, stride, padding, dilation = (f.pair(name) for name in ("kernel_size", "stride", "padding", "dilation"))
    _, _, h, w = operators.pool2d(x, kernel, stride, padding, dilation, False)
    return f.copy(x, (x[0], x[1] * kernel[0] * kernel[1], h * w))


@block("nn.ConvTranspose2d")
@block("DWConvTranspose2d", holds=None)
def conv_transpose2d(f: Frame, x: Shape) -> Shape:
    weight = f.weight()
    groups = f.get("groups", int)
    stride, padding, extra, dilation = (f.pair(name) for name in ("stride", "padding", "output_padding", "dilation"))
    out = operators.conv_transpose2d(x, weight, stride, padding, extra, dilation, groups)
    return f.record(
        "conv_transpose2d", (x,), out, weight, bias="bias" in f.module.parameters, groups=groups, stride=stride,
        padding=padding, dilation=dilation,
    )  # fmt: skip


@block("nn.BatchNorm2d", "nn.SyncBatchNorm")
def batch_norm(f: Frame, x: Shape) -> Shape:
    weight = f.module.parameters.get("weight")
    features = f.get("num_features", int) if weight is None else weight.shape[0]  # as torch, which asks its tensors
    if len(x) != 4 or x[1] != features:
        raise ShapeError(f"batch_norm: found an input of shape {x}, expected {features} channels")
    training = f.current.training or f.module.attributes.get("track_running_stats") is False
    if training and x[0] * prod(x[2:]) == 1:
        raise ShapeError("batch_norm: found 1 value in each channel, of which training takes no mean, expected more")
    return f.record("batch_norm", (x,), x, affine=f.get("affine", bool), training=training)


def _norm(operator: str, affine: str) -> Block:
    """The block of a normalization, which keeps the shape; ``affine``: the name of its flag."""

    def norm(f: Frame, x: Shape) -> Shape:
        weight = f.module.parameters.get("weight")
        shape = () if weight is None else tuple(weight.shape)
        shifts = {} if weight is None or f.module.parameters.get("bias") else {"shift": False}
        return f.record(operator, (x,), x, shape, affine=f.flag(affine), **shifts)

    return norm


block("nn.LayerNorm")(_norm("layer_norm", "elementwise_affine"))


@block("nn.GroupNorm")
def group_norm(f: Frame, x: Shape) -> Shape:
    groups = f.get("num_groups", int)
    if groups > 0 and x[0] * x[1] // groups * prod(x[2:]) == 1:
        raise ShapeError("group_norm: found 1 value in each group, of which torch takes no mean, expected more")
    return _norm("group_norm", "affine")(f, x)  # type: ignore[return-value]  # a norm gives one shape


@block("nn.InstanceNorm2d")
def instance_norm(f: Frame, x: Shape) -> Shape:
    uses_input = f.current.training or not f.flag("track_running_stats")
    if uses_input and prod(x[2:]) == 1:
        raise ShapeError("instance_norm: found 1 value in each channel, of which torch takes no mean, expected more")
    return _norm("instance_norm", "affine")(f, x)  # type: ignore[return-value]  # a norm gives one shape


@block("nn.Linear")
def linear(f: Frame, x: Shape) -> Shape:
    weight, bias = f.weight(), "bias" in f.module.parameters
    return f.record("linear", (x,), operators.linear(x, weight), weight, bias=bias, contiguous=True)


def from_scattered(f: Frame, x: Shape) -> Shape:
    """Output of an ``nn.Linear`` whose input is not contiguous: torch then adds the bias as a second operator."""
    weight, bias = f.weight(), "bias" in f.module.parameters
    out = f.record("linear", (x,), operators.linear(x, weight), weight, bias=bias, contiguous=len(x) < 3)
    return f.called(x, out)


@block("nn.MaxPool2d")
def max_pool2d(f: Frame, x: Shape) -> Shape:
    kernel, stride, padding, dilation = (f.pair(name) for name in ("kernel_size", "stride", "padding", "dilation"))
    if f.module.attributes.get("return_indices"):
        raise ShapeError("found return_indices, with which it has two outputs, expected one")
    out = operators.pool2d(x, kernel, stride, padding, dilation, f.get("ceil_mode", bool))
    return f.record("max_pool2d", (x,), out)


@block("nn.AvgPool2d")
def avg_pool2d(f: Frame, x: Shape) -> Shape:
    kernel, stride, padding = (f.pair(name) for name in ("kernel_size", "stride", "padding"))
    out = operators.pool2d(x, kernel, stride, padding, 1, f.get("ceil_mode", bool))
    inside = not f.get("count_include_pad", bool)
    number = isinstance(f.module.attributes["kernel_size"], int)
    return f.record(
        "avg_pool2d", (x,), out, kernel=kernel, stride=stride, padding=padding, inside=inside, number=number
    )


def _adaptive_pool2d(operator: str) -> Block:
    """The block of a pooling to a given size."""

    def adaptive_pool2d(f: Frame, x: Shape) -> Shape:
        size = f.module.attributes["output_size"]
        sizes = size if isinstance(size, tuple | list) else (size, size)
        if len(sizes) != 2 or not all(side is None or (isinstance(side, int) and side > 0) for side in sizes):
            raise ShapeError(f"found output_size={shown(size)}, expected one or two integers")
        return f.record(operator, (x,), operators.adaptive_pool2d(x, sizes))

    return adaptive_pool2d


for _name, _operator in (("Avg", "avg"), ("Max", "max")):
    block(f"nn.Adaptive{_name}Pool2d")(_adaptive_pool2d(f"adaptive_{_operator}_pool2d"))


@block("nn.Upsample", "nn.UpsamplingNearest2d", "nn.UpsamplingBilinear2d")
def upsample(f: Frame, x: Shape) -> Shape:
    side, scale = f.module.attributes["size"], f.module.attributes["scale_factor"]
    size = None if side is None else f.pair("size")
    if not (scale is None or isinstance(scale, int | float | tuple | list)):
        raise ShapeError(f"found scale_factor={shown(scale)}, expected a number")
    mode = f.get("mode", str)
    if mode not in ("nearest", "nearest-exact", "bilinear", "bicubic"):
        raise ShapeError(f"found mode={shown(mode)}, expected nearest, bilinear or bicubic")
    out = operators.upsample(x, size, scale)
    scale = tuple(scale) if isinstance(scale, list) else scale
    if f.module.attributes.get("recompute_scale_factor"):
        return f.record("upsample", (x,), out, mode=mode, sized=False, scale=scale, recomputed=True)
    number = side if isinstance(side, int) else None
    return f.record("upsample", (x,), out, mode=mode, sized=size is not None, scale=scale, side=number)


@block("nn.ZeroPad2d", "nn.ReflectionPad2d", "nn.ReplicationPad2d", "nn.ConstantPad2d")
def pad2d(f: Frame, x: Shape) -> Shape:
    padding = f.module.attributes["padding"]
    if not (isinstance(padding, int) or (isinstance(padding, tuple | list) and len(padding) == 4)):
        raise ShapeError(f"found padding={shown(padding)}, expected one or four integers")
    return f.record(
        "pad2d", (x,), operators.pad2d(x, padding, "reflect" if f.module.kind == "nn.ReflectionPad2d" else "constant")
    )


@block("nn.Flatten")
def flatten(f: Frame, x: Shape) -> Shape:
    return f.keep("flatten", x, operators.flatten(x, f.get("start_dim", int), f.get("end_dim", int)))


@block("nn.PixelShuffle")
def pixel_shuffle(f: Frame, x: Shape) -> Shape:
    return f.record("pixel_shuffle", (x,), operators.pixel_shuffle(x, f.get("upscale_factor", int)))


@block("nn.PixelUnshuffle")
def pixel_unshuffle(f: Frame, x: Shape) -> Shape:
    return f.record("pixel_unshuffle", (x,), operators.pixel_unshuffle(x, f.get("downscale_factor", int)))


@block("nn.Softmax")
def softmax(f: Frame, x: Shape) -> Shape:
    dim = f.module.attributes["dim"]
    if not isinstance(dim, int):  # what torch chooses, with a warning, where no dim is given
        dim = 0 if len(x) in (0, 1, 3) else 1
    return f.record("softmax", (x,), x, dim=dim)


ELEMENTWISE = {
    "nn.SiLU": "silu",
    "nn.ReLU": "relu",
    "nn.ReLU6": "relu6",
    "nn.LeakyReLU": "leaky_relu",
    "nn.ELU": "elu",
    "nn.SELU": "selu",
    "nn.CELU": "celu",
    "nn.GELU": "gelu",
    "nn.Mish": "mish",
    "nn.Hardswish": "hardswish",
    "nn.Hardsigmoid": "hardsigmoid",
    "nn.Hardtanh": "hardtanh",
    "nn.LogSigmoid": "logsigmoid",
    "nn.Sigmoid": "sigmoid",
    "nn.Softplus": "softplus",
    "nn.Tanh": "tanh",
    "nn.Dropout": "dropout",
    "nn.Dropout2d": "dropout",
    "nn.Identity": "identity",
}
"""Kinds of modules that change each value alone, and the operator that each runs."""


def _elementwise(operator: str) -> Block:
    """The block of a module that changes each value alone, which keeps the shape."""

    def elementwise(f: Frame, x: Shape) -> Shape:
        if isinstance(x, list):  # nn.Identity returns whatever it gets
            return x
        nothing = operator in ("identity", "dropout") and not f.current.training
        if nothing:
            return f.keep(operator, x, x)
        in_place = f.module.attributes.get("inplace") is True
        return f.keep(operator, x, x, inplace=True) if in_place else f.record(operator, (x,), x)

    return elementwise


@block("nn.PReLU")
def prelu(f: Frame, x: Shape) -> Shape:
    return f.record("prelu", (x,), x, f.weight())


for _kind, _operator in ELEMENTWISE.items():
    block(_kind, takes="several" if _kind == "nn.Identity" else "one")(_elementwise(_operator))
