"""A live model described as plain data and copied without its weights, in one walk.

The copy has modules of the same classes with the same attributes; its tensors are meta tensors, those of parameters
and buffers made when they are first asked for. What is shared stays shared, bound methods are bound to the copy, and
nothing of the model's own that could change is in the copy: containers are copied, hooks left out. The model is read.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Set
from functools import lru_cache
from types import FunctionType, MappingProxyType, MethodType
from typing import Any, NamedTuple

import torch
from torch import nn

from yolo_probe.copies import CONTAINERS, HOOKS, Walked, own_attributes, rebuilt
from yolo_probe.structure import Module, Tensor, kind_of
from yolo_probe.surroundings import is_known

SHORT = 64
"""Elements up to which a row of numbers that is a plain attribute keeps its values in the copy: strides."""

MANY = 20_000
"""Objects up to which those in a model's attributes are copied: whoever reaches a data set is no part of a model."""

Place = tuple[str, Module, nn.Module]
"""A module under its first qualified name: as plain data, and its copy."""

_Waiting = tuple[dict[str, Any], nn.Module, str]
"""The inside of a copy, and what of the module has to be copied into it."""

_Found = tuple[list[Place], list[nn.Module], list[_Waiting], dict[int, int]]
"""What a walk collects: its places, the modules themselves, what is left waiting, and how often each hangs."""

_ATOMS = frozenset({bool, int, float, str, type(None)})
_AS_THEY_ARE = _ATOMS | {type, torch.Size, torch.dtype, torch.device}
_FUNCTIONS = frozenset({FunctionType, MethodType})
_DICTS = frozenset({dict, OrderedDict})
_BARE: dict[str, Any] = {
    "training": False, "_compiled_call_impl": None, "_parameters": None, "_buffers": None, "_modules": None,
    "_non_persistent_buffers_set": None,
}  # fmt: skip
"""What a copy has beside its own attributes; the last four are its own too."""
_NO_HOOKS: dict[str, Any] = dict.fromkeys(HOOKS, MappingProxyType({}))
"""Tables of hooks for a copy that is called through them: to register one fails rather than reach other modules."""


def is_plain(value: object) -> bool:
    """Whether a value is a number, text, or a container of nothing else."""
    kind = type(value)
    if kind in _ATOMS:
        return True
    if isinstance(value, (list, tuple)):
        return all(map(is_plain, value))
    return isinstance(value, dict) and all(map(is_plain, value.values()))


def _is_flat(value: tuple[Any, ...]) -> bool:
    """Whether a tuple has numbers and words alone; most of them are two integers."""
    return (len(value) == 2 and type(value[0]) is type(value[1]) is int) or _ATOMS.issuperset(map(type, value))


class _Later(dict[str, Any]):
    """A dict of tensors in whose place something is made of each when any of them is read or changed."""

    __slots__ = ("make",)
    make: Callable[[torch.Tensor], Any] | None

    def fill(self) -> None:
        make, self.make = self.make, None
        assert make is not None
        for name, value in dict.items(self):
            if value is not None:
                dict.__setitem__(self, name, make(value))

    def __reduce__(self) -> tuple[Any, ...]:
        return dict, (dict(self),)


def _after_filling(method: Callable[..., Any]) -> Callable[..., Any]:
    def call(later: _Later, *args: Any, **kwargs: Any) -> Any:
        if later.make is not None:
            later.fill()
        return method(later, *args, **kwargs)

    return call


for _name in (
    "__getitem__", "__setitem__", "__delitem__", "__iter__", "__reversed__", "__eq__", "__ne__", "__or__", "__ror__",
    "__ior__", "__repr__", "get", "items", "values", "pop", "popitem", "setdefault", "update", "clear", "copy",
):  # fmt: skip
    setattr(_Later, _name, _after_filling(getattr(dict, _name)))


def _later(tensors: Mapping[str, torch.Tensor | None], make: Callable[[torch.Tensor], Any]) -> _Later:
    later = _Later(tensors)
    later.make = make
    return later


def settle(described: Iterable[Module]) -> None:
    """Describe what was left for later, so that these descriptions keep nothing of the model."""
    for module in described:
        buffers = module.buffers
        if isinstance(buffers, _Later) and buffers.make is not None:
            buffers.fill()


class Tensors:
    """The description of each tensor, and the meta tensor in the place of each, made once."""

    def __init__(self) -> None:
        self._described: dict[int, Tensor] = {}
        self._metas: dict[int, torch.Tensor] = {}
        self._dtypes: dict[torch.dtype, str] = {}

    def describe(self, tensor: torch.Tensor) -> Tensor:
        """The description of a tensor."""
        found = self._described.get(id(tensor))
        if found is None:
            dtype = tensor.dtype
            name = self._dtypes.get(dtype) or self._dtypes.setdefault(dtype, str(dtype).removeprefix("torch."))
            found = self._described[id(tensor)] = Tensor(tuple(tensor.shape), name, tensor.requires_grad)
        return found

    def like(self, tensor: torch.Tensor) -> torch.Tensor:
        """The meta tensor in the place of a tensor, a parameter if that is one."""
        made = self._metas.get(id(tensor))
        if made is None:
            if tensor.is_contiguous():
                made = torch.empty(tensor.shape, dtype=tensor.dtype, device="meta")
            else:
                made = torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype, device="meta")
            if isinstance(tensor, nn.Parameter):
                made = nn.Parameter(made, tensor.requires_grad)
            self._metas[id(tensor)] = made
        return made


class _Layout(NamedTuple):
    """What modules of one class whose attributes have the same names have in common."""

    names: tuple[str, ...]
    """Names of all attributes."""
    class_path: str
    kind: str
    own: tuple[str, ...]
    """Names of what ``nn.Module`` itself does not put there."""
    plain: dict[str, object]
    """The attributes of a description, to be copied and filled: a dict that need not grow takes half of the time."""
    inside: dict[str, Any]
    """The inside of a copy, likewise."""


@lru_cache(maxsize=4096)
def _layout_of(kind: type, names: tuple[str, ...]) -> _Layout:
    class_path = f"{kind.__module__}.{kind.__qualname__}"
    own = tuple(key for key in own_attributes(names) if key != "_compiled_call_impl")
    plain: dict[str, object] = dict.fromkeys((*(key for key in own if key[0] != "_"), "training"))
    return _Layout(names, class_path, kind_of(class_path), own, plain, {**_BARE, **dict.fromkeys(own)})


class Copier:
    """Each object of a model described and copied once."""

    def __init__(self) -> None:
        self.described: dict[int, Module] = {}
        """The description of each module, by the module's identity."""
        self.walked = Walked((), ())
        """What of the model was copied first."""
        self.has_foreign_code = False
        """Whether an attribute is a function or an object whose code is not torch's or a host's."""
        self.tensors = Tensors()
        self._copies: dict[int, Any] = {}
        self._layouts: dict[type[nn.Module], _Layout] = {}
        self._objects = 0
        self._saved: set[str] = set()  # names of buffers that modules without any leave out of their state: none

    @property
    def kinds(self) -> Set[type[nn.Module]]:
        """The classes of the modules that were copied."""
        return self._layouts.keys()

    def copy(self, root: nn.Module, slots: dict[int, int]) -> list[Place]:
        """Every distinct module under this one and itself, parents before children, as ``named_modules``.

        ``slots`` gets the number of places where a module hangs, by its description's identity, if they are several.
        """
        places: list[Place] = []
        modules: list[nn.Module] = []
        waiting: list[_Waiting] = []
        self._hang(root, "", (places, modules, waiting, slots))
        if not self.walked.modules:
            self.walked = Walked(modules, [(module, key) for _, module, key in waiting])
        for inside, module, key in waiting:
            inside[key] = self._attribute(module.__dict__[key])
        return places

    def describe(self, module: nn.Module) -> Module:
        """The description of a module, also of one that was not copied."""
        found = self.described.get(id(module))
        if found is None:
            source, tensor = module.__dict__, self.tensors.describe
            found = self.described[id(module)] = Module(
                f"{type(module).__module__}.{type(module).__qualname__}",
                {key: value for key, value in source.items() if key[0] != "_" and is_plain(value)},
                {key: tensor(value) for key, value in source["_parameters"].items() if value is not None},
                {key: tensor(value) for key, value in source["_buffers"].items() if value is not None},
                {key: child if child is None else self.describe(child) for key, child in source["_modules"].items()},
            )
        return found

    def _hang(self, module: nn.Module, path: str, found: _Found) -> None:
        """Description and copy of a module and those below; what needs a look at other modules is left waiting."""
        places, modules, waiting, slots = found
        modules.append(module)
        source, kind, described = module.__dict__, type(module), self.described
        layout, names = self._layouts.get(kind), tuple(source)
        if layout is None or layout.names != names:
            layout = self._layouts[kind] = _layout_of(kind, names)  # type: ignore[arg-type]  # a class has a hash
        attributes, inside = layout.plain.copy(), layout.inside.copy()
        children: dict[str, Module | None] = {}
        for key in layout.own:
            value = source[key]
            if type(value) in _ATOMS or (type(value) is tuple and _is_flat(value)):
                inside[key] = value
            elif type(value) is list and _ATOMS.issuperset(map(type, value)):  # the padding of convolutions
                inside[key] = self._container(value, list)
            else:
                waiting.append((inside, module, key))
                if key in attributes and not is_plain(value):
                    del attributes[key]
            if key in attributes:
                attributes[key] = value
        attributes["training"] = source["training"]
        tensors = self.tensors
        parameters: dict[str, Tensor] = {}
        buffers: dict[str, Any] = {}
        inside["_parameters"], inside["_buffers"] = {}, {}
        if table := source["_parameters"]:
            inside["_parameters"] = _later(table, tensors.like)
            parameters = {name: tensors.describe(each) for name, each in table.items() if each is not None}
        if table := source["_buffers"]:
            inside["_buffers"] = _later(table, tensors.like)
            buffers = _later({name: each for name, each in table.items() if each is not None}, tensors.describe)
        not_saved = source.get("_non_persistent_buffers_set")
        inside["_non_persistent_buffers_set"] = set(not_saved) if not_saved else self._saved
        copies: dict[str, nn.Module | None] = {}
        inside["_modules"] = copies
        plain = described[id(module)] = Module(layout.class_path, attributes, parameters, buffers, children)
        plain.kind = layout.kind
        copy = self._copies[id(module)] = object.__new__(kind)
        object.__setattr__(copy, "__dict__", inside)
        places.append((path, plain, copy))
        for name, child in source["_modules"].items():
            if child is None:
                children[name] = copies[name] = None
                continue
            known = described.get(id(child))
            if known is None:
                self._hang(child, f"{path}.{name}" if path else name, found)
                known = described[id(child)]
            elif known not in children.values():
                slots[id(known)] = slots.get(id(known), 1) + 1
            children[name], copies[name] = known, self._copies[id(child)]

    def _attribute(self, value: Any) -> Any:
        if isinstance(value, torch.Tensor) and value.dim() == 1 and 0 < value.numel() <= SHORT and not value.is_meta:
            return value.detach().to("cpu", copy=True)
        return self._value(value)

    def _value(self, value: Any) -> Any:
        kind = type(value)
        if kind in _AS_THEY_ARE:
            return value
        if kind in CONTAINERS:
            return self._container(value, kind)
        if isinstance(value, nn.Module):
            if id(value) not in self._copies:  # one that is in no table of modules, so that torch calls it as any other
                for _, _, copy in self.copy(value, {}):
                    copy.__dict__.update(_NO_HOOKS)
            return self._copies[id(value)]
        if isinstance(value, torch.Tensor):
            return self.tensors.like(value)
        self.has_foreign_code |= not is_known(value.__module__ if kind in _FUNCTIONS else kind.__module__)
        if kind is MethodType:
            return MethodType(value.__func__, self._value(value.__self__))
        copied = self._copies.get(id(value))
        if copied is None:
            self._objects += 1
            copied = rebuilt(value, self._value, self._copies) if self._objects < MANY else value
            self._copies[id(value)] = copied
        return copied

    def _container(self, value: Any, kind: Any) -> Any:
        copy = self._copies.get(id(value))
        if copy is None:
            if kind is not tuple and _ATOMS.issuperset(map(type, value.values() if kind in _DICTS else value)):
                copy = self._copies[id(value)] = kind(value)
            elif kind is tuple:
                copy = self._copies[id(value)] = tuple(map(self._value, value))
            else:
                copy = self._copies[id(value)] = kind()
                if kind is list:
                    copy.extend(map(self._value, value))
                elif kind is set:
                    copy.update(map(self._value, value))
                else:
                    copy.update((key, self._value(each)) for key, each in value.items())
        return copy


def with_hooks(copy: nn.Module) -> nn.Module:
    """The same copy, with tables of hooks of each module's own; it outlives its model and keeps no tensor of it."""
    for module in copy.modules():
        for table in (module._parameters, module._buffers):
            table.values()
        module.__dict__.update((key, OrderedDict()) for key in HOOKS)
    return copy
