"""A live model described as plain data and copied without its weights, in one walk.

The copy has modules of the same classes with the same attributes; its tensors are meta tensors. Those of parameters and
buffers are made when they are first asked for, and so are copies of modules that a forward can do without. What is
shared stays shared, bound methods are bound to the copy, and nothing of the model's own that could change is in the
copy: containers are copied, hooks left out. The model is read.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Set
from functools import partial
from types import FunctionType, MappingProxyType, MethodType
from typing import Any, NamedTuple
from weakref import ref

import torch
from torch import nn

from yolo_probe.live.class_layouts import Layout, chain_of, layout_of
from yolo_probe.live.description import ATOMS, Tensors, Unread
from yolo_probe.live.real_copy import CONTAINERS, HOOKS, Walked, rebuilt
from yolo_probe.live.side_effects import is_known
from yolo_probe.model.structure import Module, named_modules

SHORT = 64
"""Elements up to which a row of numbers that is a plain attribute keeps its values in the copy: strides."""

MANY = 20_000
"""Objects up to which those in a model's attributes are copied: whoever reaches a data set is no part of a model."""


class Place(NamedTuple):
    """A module under its first qualified name."""

    path: str
    described: Module
    copy: nn.Module
    is_chain: bool = False
    """Whether its forward calls its children one after the other and no more, so that they were left."""


_Waiting = tuple[dict[str, Any], nn.Module, str]
"""The inside of a copy, and what of the module has to be copied into it."""


class _Found(NamedTuple):
    """What a walk collects, as ``Walked`` and ``Copier.copy`` tell it."""

    slots: dict[int, int]
    links: Set[type]
    """Classes of modules that may be left."""
    places: list[Place]
    modules: list[nn.Module]
    waiting: list[_Waiting]

    def again(self, known: Module, beside: Mapping[str, Module | None]) -> None:
        """Count another place of a module; beside itself it hangs once."""
        if known not in beside.values():
            self.slots[id(known)] = self.slots.get(id(known), 1) + 1


_AS_THEY_ARE = ATOMS | {type, torch.Size, torch.dtype, torch.device}
_FUNCTIONS = frozenset({FunctionType, MethodType})
_DICTS = frozenset({dict, OrderedDict})
_NO_HOOKS: dict[str, Any] = dict.fromkeys(HOOKS, MappingProxyType({}))
"""Tables of hooks for a copy that is called through them: to register one fails rather than reach other modules."""


def _is_flat(value: tuple[Any, ...]) -> bool:
    """Whether a tuple has numbers and words alone; most of them are two integers."""
    return (len(value) == 2 and type(value[0]) is type(value[1]) is int) or ATOMS.issuperset(map(type, value))


class Later(dict[str, Any]):
    """A copy of a table of tensors or modules, made of them when any of its values is read or changed."""

    __slots__ = ("make", "source")
    source: Mapping[str, Any] | None
    """The table; None as soon as somebody asked for a value."""
    make: Callable[[Any], Any]

    def fill(self) -> None:
        """Make the copies."""
        source, self.source = self.source, None
        assert source is not None
        for name, value in source.items():
            dict.__setitem__(self, name, None if value is None else self.make(value))

    def __contains__(self, name: object) -> bool:
        return dict.__contains__(self, name) if self.source is None else name in self.source

    def __len__(self) -> int:
        return dict.__len__(self) if self.source is None else len(self.source)

    def __reduce__(self) -> tuple[Any, ...]:
        return dict, (dict(self),)


def _after_filling(method: Callable[..., Any]) -> Callable[..., Any]:
    def call(table: Later, *args: Any, **kwargs: Any) -> Any:
        if table.source is not None:
            table.fill()
        return method(table, *args, **kwargs)

    return call


for _name in (
    "__getitem__", "__setitem__", "__delitem__", "__iter__", "__reversed__", "__eq__", "__ne__", "__or__", "__ror__",
    "__ior__", "__repr__", "get", "items", "keys", "values", "pop", "popitem", "setdefault", "update", "clear", "copy",
):  # fmt: skip
    setattr(Later, _name, _after_filling(getattr(dict, _name)))


def later(source: Mapping[str, Any], make: Callable[[Any], Any]) -> Later:
    """A copy of a table that is made later."""
    table = Later()
    table.source, table.make = source, make
    return table


class Copier:
    """Each object of a model described and copied once.

    ``links``: classes of torch that need no copy as children of a module whose forward only calls one after the other;
    they are left until somebody asks for them.
    """

    def __init__(self, links: Set[type] = frozenset()) -> None:
        self.described: dict[int, Module] = {}
        """The description of each module, by the module's identity."""
        self.walked = Walked((), ())
        """What of the model was copied first."""
        self.has_foreign_code = False
        """Whether an attribute is a function or an object whose code is not torch's or a host's."""
        self.tensors = Tensors()
        self.when_asked: Callable[[Place], None]
        """Is told of a module that was left and is copied after all."""
        self._links = links
        self._copy_left = partial(_copy_left, ref(self))  # in a cycle the copies would outlive their use
        self._chains: dict[type, tuple[str, ...]] = {}
        self._copies: dict[int, Any] = {}
        self._layouts: dict[type, Layout] = {}
        self._objects = 0
        self._saved: set[str] = set()  # names of buffers that modules without any leave out of their state: none

    @property
    def kinds(self) -> Set[type]:
        """The classes of the modules that were described."""
        return self._layouts.keys()

    def copy(self, root: nn.Module, slots: dict[int, int]) -> list[Place]:
        """Every distinct module under this one and itself, parents before children, as ``named_modules``.

        ``slots`` gets the number of places where a module hangs, by its description's identity, if they are several.
        """
        is_first = not self.walked.modules
        found = _Found(slots, self._links if is_first else frozenset(), [], [], [])
        _, _, places, modules, waiting = found
        self._hang(root, "", found)
        if is_first:
            self.when_asked = places.append
            self.walked = Walked(modules, [(module, key) for _, module, key in waiting])
        for inside, module, key in waiting:
            inside[key] = self._attribute(module.__dict__[key])
        return places

    def describe(self, module: nn.Module) -> Module:
        """The description of a module, also of one that was not copied."""
        found = self.described.get(id(module))
        if found is None:
            layout, (_, _, children, *_) = self._read(module)
            found = self.described[id(module)] = Unread(module.__dict__, layout.class_path, layout.kind)
            found.children = {
                name: child if child is None else self.describe(child) for name, child in children.items()
            }
        return found

    def _read(self, module: nn.Module) -> tuple[Layout, tuple[Any, ...]]:
        """The layout of a module, and what it reads."""
        source, kind = module.__dict__, type(module)
        try:
            layout = self._layouts[kind]
            values = layout.read(source)
            if len(source) == layout.size:
                return layout, values
        except KeyError:
            pass
        layout = self._layouts[kind] = layout_of(kind, tuple(source))  # type: ignore[arg-type]  # a class has a hash
        return layout, layout.read(source)

    def _hang(self, module: nn.Module, path: str, found: _Found) -> None:
        """Description and copy of a module and those below; what needs a look at other modules is left waiting."""
        layout, (parameters, buffers, children, *own) = self._read(module)
        found.modules.append(module)
        plain = self.described[id(module)] = Unread(module.__dict__, layout.class_path, layout.kind)
        copy = self._without_children(module, layout, parameters, buffers, own, found.waiting)
        left = self._left(module, children, found) if found.links else None
        found.places.append(Place(path, plain, copy, left is not None))
        if left is not None:
            plain.children, copy.__dict__["_modules"] = left, later(children, self._copy_left)
            return
        below: dict[str, Module | None] = {}
        copies: dict[str, nn.Module | None] = {}
        plain.children, copy.__dict__["_modules"] = below, copies
        for name, child in children.items():
            if child is None:
                below[name] = copies[name] = None
                continue
            known = self.described.get(id(child))
            if known is None:
                self._hang(child, f"{path}.{name}" if path else name, found)
                known = self.described[id(child)]
            else:
                found.again(known, below)
            below[name], copies[name] = known, self._copy_of(child)

    def _left(
        self, module: nn.Module, children: Mapping[str, nn.Module | None], found: _Found
    ) -> dict[str, Module] | None:
        """Descriptions of a module's children, if it only calls one after the other and none of them needs a copy."""
        kind = type(module)
        chain = self._chains.get(kind)
        if chain is None:
            chain = self._chains[kind] = chain_of(kind)
        if not chain or tuple(children) != chain or "forward" in module.__dict__:
            return None
        links: list[tuple[nn.Module, Layout]] = []
        for child in children.values():
            if child is None or type(child) not in found.links:
                return None
            source, layout = child.__dict__, self._layouts.get(type(child))
            if layout is None or layout.size != len(source):
                layout, _ = self._read(child)
            is_shared = source["_parameters"] and id(child) in self.described
            if not layout.is_usual or source["_modules"] or is_shared:
                return None
            links.append((child, layout))
        left: dict[str, Module] = {}
        for name, (child, layout) in zip(chain, links, strict=True):
            known = self.described.get(id(child))
            if known is None:
                found.modules.append(child)
                known = self.described[id(child)] = Unread(child.__dict__, layout.class_path, layout.kind)
            else:
                found.again(known, left)
            left[name] = known
        return left

    def _without_children(
        self, module: nn.Module, layout: Layout, parameters: dict[str, Any], buffers: dict[str, Any], own: list[Any],
        waiting: list[_Waiting],
    ) -> nn.Module:  # fmt: skip
        """The copy of a module, but for its table of children."""
        inside = layout.inside.copy()
        if ATOMS.issuperset(map(type, own)):
            inside.update(zip(layout.own, own, strict=True))
        else:
            for key, value in zip(layout.own, own, strict=True):
                if type(value) in ATOMS or (type(value) is tuple and _is_flat(value)):
                    inside[key] = value
                elif type(value) is list and ATOMS.issuperset(map(type, value)):  # the padding of convolutions
                    inside[key] = self._container(value, list)
                else:
                    waiting.append((inside, module, key))
        inside["_parameters"] = later(parameters, self.tensors.like) if parameters else {}
        inside["_buffers"] = later(buffers, self.tensors.like) if buffers else {}
        not_saved = module.__dict__.get("_non_persistent_buffers_set")
        inside["_non_persistent_buffers_set"] = set(not_saved) if not_saved else self._saved
        copy: nn.Module = object.__new__(type(module))
        object.__setattr__(copy, "__dict__", inside)
        self._copies[id(module)] = copy
        return copy

    def _copy_of(self, module: nn.Module) -> nn.Module:
        """The copy of a module that has been walked, made now if the module was left."""
        copy: nn.Module | None = self._copies.get(id(module))
        if copy is None:
            waiting: list[_Waiting] = []
            layout, (parameters, buffers, _, *own) = self._read(module)
            copy = self._without_children(module, layout, parameters, buffers, own, waiting)
            copy.__dict__["_modules"] = {}
            for inside, _, key in waiting:
                inside[key] = self._attribute(module.__dict__[key])
            described, root = self.described[id(module)], self.described[id(self.walked.modules[0])]
            path = next(path for path, each in named_modules(root) if each is described)
            self.when_asked(Place(path, described, copy))
        return copy

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
            if id(value) not in self.described:  # in no table of modules, so that torch calls it as any other
                for place in self.copy(value, {}):
                    place.copy.__dict__.update(_NO_HOOKS)
            return self._copy_of(value)
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
            if kind is not tuple and ATOMS.issuperset(map(type, value.values() if kind in _DICTS else value)):
                copy = self._copies[id(value)] = kind(value)
            elif kind is tuple:
                copy = self._copies[id(value)] = tuple([v if type(v) in ATOMS else self._value(v) for v in value])
            else:
                copy = self._copies[id(value)] = kind()
                if kind is list:
                    copy.extend([each if type(each) in ATOMS else self._value(each) for each in value])
                elif kind is set:
                    copy.update(map(self._value, value))
                else:
                    copy.update(
                        [(key, each if type(each) in ATOMS else self._value(each)) for key, each in value.items()]
                    )
        return copy


def _copy_left(copier: ref[Copier], module: nn.Module) -> nn.Module:
    alive = copier()
    assert alive is not None  # whoever runs the copy holds it
    return alive._copy_of(module)


def with_hooks(copy: nn.Module) -> nn.Module:
    """The same copy, with tables of hooks of each module's own; it outlives its model and keeps no tensor of it."""
    for module in copy.modules():
        for table in (module._parameters, module._buffers):
            table.values()
        module.__dict__.update((key, OrderedDict()) for key in HOOKS)
    return copy
