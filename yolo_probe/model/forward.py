"""A forward pass on shapes: what it records, and which block answers for a module.

A block is a function of a ``Frame`` (the module, its path, the pass in progress) and the input's shape; it returns the
output's shape and adds one ``OpRecord`` for every operator to the pass. The table ``RECIPES`` has one for each kind of
module that is known, with what such a module holds: a class of the same name that holds anything else is not that one.
The modules below register theirs there: torch's, YOLOv5's, those of forks.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence, Set
from dataclasses import dataclass, field
from functools import cache
from typing import Literal, NamedTuple, TypeAlias, TypeVar, cast

from yolo_probe.errors import OtherBlockError, TraceError, UnknownModuleError, shown
from yolo_probe.model import operators
from yolo_probe.model.operators import OWN_PARAMETERS, Followed, OpRecord, ShapeError
from yolo_probe.model.structure import HOST_MODULES, Module, Shape, Tensor, named_modules
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
            if not recipe.of_yolov5:
                raise OtherBlockError(f"{path}: found no {error} in a {module.kind}, expected one") from None
            raise TraceError(f"{path}: found no {error} in a {module.kind}, expected one: edited or damaged") from None
        except ShapeError as error:
            raise TraceError(f"{path}: {error}") from None
        except (ValueError, IndexError, ZeroDivisionError):  # a block takes apart what has more axes, or none of a size
            given = ", ".join(map(str, x)) if isinstance(x, list) else str(x)
            failure = TraceError if recipe.of_yolov5 else OtherBlockError
            message = f"{path}: found an input of shape {given}, expected one that a {module.kind} takes"
            raise failure(message) from None
        self.calls.append(ModuleCall(path, list(x) if isinstance(x, list) else x, out))
        if recipe.children is not None and own_parameters(module):
            inputs, outputs = (tuple(map(tuple, each if isinstance(each, list) else [each])) for each in (x, out))
            self.records.append(record_of_parameters(module, path, inputs, next(iter(outputs), ()), self.slots))
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
        """An attribute of the module; ShapeError if it is not of that type. True is no integer, as for torch."""
        value = self.module.attributes[name]
        if not isinstance(value, expected) or (expected is int and isinstance(value, bool)):
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
        """An attribute that is one integer or two, always as two. True is no integer, as for torch."""
        value = self.module.attributes[name]
        if type(value) is tuple and len(value) == 2 and type(value[0]) is int and type(value[1]) is int:
            return value
        both = (value, value) if isinstance(value, int) else value
        if not (isinstance(both, tuple | list) and len(both) == 2 and all(type(i) is int for i in both)):
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


def own_parameters(module: Module) -> dict[str, object]:
    """Number of parameters that a module itself holds, by name as torchinfo charges them; empty: none.

    ``weights``: named weight or bias; ``others``: with one of these words in a longer name.
    """
    if any(child is not None for child in module.children.values()):
        return {}
    sizes = {name: each.numel for name, each in module.parameters.items()}
    weights = sum(size for name, size in sizes.items() if name in ("weight", "bias"))
    others = sum(size for name, size in sizes.items() if "weight" in name or "bias" in name) - weights
    return {"weights": weights, "others": others} if weights or others else {}


def record_of_parameters(
    module: Module, path: str, inputs: tuple[Shape, ...], output: Shape, slots: Mapping[int, int]
) -> OpRecord:
    """The record of a call of a module that has such parameters, for counters that look at modules."""
    sizes, places = own_parameters(module), slots.get(id(module), 1)
    return OpRecord(OWN_PARAMETERS, path, module.kind, inputs, output, (), sizes, places, seen_by="modules")


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
    @cache
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


_OF_YOLOV5 = frozenset({"yolo_probe.model.torch_blocks", "yolo_probe.model.yolov5_blocks"})
"""Where the blocks of these classes are."""


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
    pasted: bool = False
    """Whether people paste the class into YOLOv5, so that it says nothing of who built the network."""

    @property
    def of_yolov5(self) -> bool:
        """Whether its class is one of torch or of YOLOv5; all others are known by what they hold alone."""
        return self.block.__module__ in _OF_YOLOV5

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
    when: Callable[[Module], bool] | None = None, pasted: bool = False,
) -> Callable[[F], F]:  # fmt: skip
    """Register a function as the block of these kinds of modules.

    ``holds``, ``sets``, ``tensors``: the names of their children, of their attributes and of their parameters and
    buffers, as ``Names.of`` reads them. A class of torch is known by its name alone, and one that holds None.
    """

    def register(function: F) -> F:
        for kind in kinds:
            children = None if holds is None or kind.startswith("nn.") else Names.of(holds)
            recipe = Recipe(
                function, takes, children, Names.of(sets, _ROW_ATTRIBUTES), Names.of(tensors, _PROFILED), when, pasted
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
    """The recipes of the name of a module's class, which a fork may have in any module of its own in ``models``.

    A class that is known by its name alone has to be where YOLOv5 has it, and so has a class of a module of YOLOv5's.
    """
    home, _, name = module.class_path.rpartition(".")
    if (found := RECIPES.get(module.kind)) or not home.startswith("models.") or home in HOST_MODULES:
        return found or ()
    return [recipe for recipe in RECIPES.get(name, ()) if recipe.children is not None]


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
    if not recipes or recipe_of(module):
        return ""
    more, less = min((recipe.unlike(module) for recipe in recipes), key=lambda names: len(names[0]) + len(names[1]))
    parts = [f"{word} {', '.join(names[:3])}" for word, names in (("with", more), ("without", less)) if names]
    return f" {' and '.join(parts)}" if parts else " of another size"
