"""A live model described as plain data and copied without its weights, in one walk.

The copy has modules of the same classes with the same attributes; its tensors are meta tensors, those of parameters
and buffers made when they are first asked for. What is shared stays shared, bound methods are bound to the copy, and
nothing of the model's own that could change is in the copy: containers are copied, hooks left out. The model is read.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType, MethodType
from typing import Any

import torch
from torch import nn

from yolo_probe.copies import own_attributes, rebuilt
from yolo_probe.structure import Module, Shape, Tensor, kind_of

SHORT = 64
"""Elements up to which a row of numbers that is a plain attribute keeps its values in the copy: strides."""

MANY = 20_000
"""Objects up to which those in a model's attributes are copied: whoever reaches a data set is no part of a model."""

Place = tuple[str, Module, nn.Module]
"""A module under its first qualified name: as plain data, and its copy."""

_Waiting = tuple[dict[str, Any], str, Any]
"""The inside of a copy, and an attribute of the module that has to be copied into it: name and value."""

_ATOMS = frozenset({bool, int, float, str, type(None)})
_AS_THEY_ARE = _ATOMS | {type, torch.Size, torch.dtype, torch.device}
_DICTS = frozenset({dict, OrderedDict})
_CONTAINERS = _DICTS | {list, tuple, set}
_HOOKS = tuple(key for key in nn.Module().__dict__ if "_hooks" in key)
_NO_HOOKS: dict[str, Any] = dict.fromkeys(_HOOKS, MappingProxyType({}))
"""Tables of hooks for a copy that is called through them: to register one fails rather than reach other modules."""


def is_plain(value: object) -> bool:
    """Whether a value is a number, text, or a container of nothing else."""
    kind = type(value)
    if kind in _ATOMS:
        return True
    if isinstance(value, (list, tuple)):
        return all(map(is_plain, value))
    return isinstance(value, dict) and all(map(is_plain, value.values()))


class _Later(dict[str, Any]):
    """A dict whose values are made from others when any of them is read or changed."""

    __slots__ = ("make", "waiting")
    waiting: Mapping[str, Any]
    make: Callable[[Any], Any]

    def fill(self) -> None:
        waiting, self.waiting = self.waiting, {}
        for name, value in waiting.items():
            dict.__setitem__(self, name, self.make(value))

    def __reduce__(self) -> tuple[Any, ...]:
        return dict, (dict(self),)


def _later(names: Iterable[str], make: Callable[[Any], Any], waiting: Mapping[str, Any]) -> _Later:
    later = _Later(dict.fromkeys(names))
    later.make, later.waiting = make, waiting
    return later


def _after_filling(method: Callable[..., Any]) -> Callable[..., Any]:
    def call(later: _Later, *args: Any, **kwargs: Any) -> Any:
        if later.waiting:
            later.fill()
        return method(later, *args, **kwargs)

    return call


for _name in (
    "__getitem__", "__setitem__", "__delitem__", "__iter__", "__reversed__", "__eq__", "__ne__", "__or__", "__ror__",
    "__ior__", "__repr__", "get", "items", "values", "pop", "popitem", "setdefault", "update", "clear", "copy",
):  # fmt: skip
    setattr(_Later, _name, _after_filling(getattr(dict, _name)))


_tensor: Callable[[type[Tensor]], Tensor] = object.__new__
_put_shape, _put_dtype, _put_requires_grad, _put_location = (
    vars(Tensor)[name].__set__ for name in ("shape", "dtype", "requires_grad", "location")
)


class Tensors:
    """The description of each tensor, and the meta tensor of each description, made once."""

    def __init__(self) -> None:
        self.described: dict[int, Tensor] = {}
        """By the identity of the tensor."""
        self._metas: dict[Tensor, torch.Tensor] = {}
        self._plain: set[Tensor] = set()  # those that are no parameters
        self._strides: dict[Tensor, Shape] = {}  # of those that are not contiguous
        self._dtypes: dict[torch.dtype, str] = {}

    def describe(self, tensor: torch.Tensor) -> Tensor:
        """The description of a tensor."""
        found = self.described.get(id(tensor))
        if found is None:
            dtype, kind = tensor.dtype, type(tensor)
            name = self._dtypes.get(dtype) or self._dtypes.setdefault(dtype, str(dtype).removeprefix("torch."))
            found = self.described[id(tensor)] = _tensor(Tensor)
            # Tensor(...), in half of the time: there are hundreds
            _put_shape(found, tuple(tensor.shape))
            _put_dtype(found, name)
            _put_requires_grad(found, tensor.requires_grad)
            _put_location(found, None)
            if kind is not nn.Parameter and (kind is torch.Tensor or not isinstance(tensor, nn.Parameter)):
                self._plain.add(found)
            if not tensor.is_contiguous():
                self._strides[found] = tensor.stride()
        return found

    def meta(self, tensor: Tensor) -> torch.Tensor:
        """The meta tensor of a description, a parameter if the tensor was one."""
        made = self._metas.get(tensor)
        if made is None:
            dtype, strides = getattr(torch, tensor.dtype), self._strides.get(tensor)
            if strides is None:
                made = torch.empty(tensor.shape, dtype=dtype, device="meta")
            else:
                made = torch.empty_strided(tensor.shape, strides, dtype=dtype, device="meta")
            made = self._metas[tensor] = made if tensor in self._plain else nn.Parameter(made, tensor.requires_grad)
        return made


class Copier:
    """Each object of a model described and copied once."""

    def __init__(self) -> None:
        self.described: dict[int, Module] = {}
        """The description of each module, by the module's identity."""
        self.tensors = Tensors()
        self._copies: dict[int, Any] = {}
        self._names: dict[type, tuple[str, str]] = {}
        self._objects = 0

    def copy(self, root: nn.Module, slots: dict[int, int]) -> list[Place]:
        """Every distinct module under this one and itself, parents before children, as ``named_modules``.

        ``slots`` gets the number of places where a module hangs, by its description's identity, if they are several.
        """
        places: list[Place] = []
        waiting: list[_Waiting] = []
        self._hang(root, "", (places, waiting, slots))
        for inside, key, value in waiting:
            inside[key] = self._attribute(value)
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

    def _hang(self, module: nn.Module, path: str, found: tuple[list[Place], list[_Waiting], dict[int, int]]) -> None:
        """Description and copy of a module and those below; what needs a look at other modules is left waiting."""
        places, waiting, slots = found
        source = module.__dict__
        described = self.described[id(module)] = self._module(type(module))
        copy = self._copies[id(module)] = object.__new__(type(module))
        modules: dict[str, nn.Module | None] = {}
        inside: dict[str, Any] = {
            "training": False,
            "_compiled_call_impl": None,
            "_modules": modules,
            "_non_persistent_buffers_set": set(source.get("_non_persistent_buffers_set", ())),
        }
        places.append((path, described, copy))
        self._describe_attributes(source, described, inside, waiting)
        object.__setattr__(copy, "__dict__", inside)
        self._hang_tensors(source, described, inside)
        children: dict[str, Module | None] = described.children  # type: ignore[assignment]
        for name, child in source["_modules"].items():
            if child is None:
                children[name] = modules[name] = None
                continue
            known = self.described.get(id(child))
            if known is None:
                self._hang(child, f"{path}.{name}" if path else name, found)
                known = self.described[id(child)]
            elif known not in children.values():
                slots[id(known)] = slots.get(id(known), 1) + 1
            children[name], modules[name] = known, self._copies[id(child)]

    def _module(self, kind: type) -> Module:
        """``Module(class_path, {}, {}, {}, {})`` with its ``kind`` known, in half of the time."""
        names = self._names.get(kind)
        if names is None:
            class_path = f"{kind.__module__}.{kind.__qualname__}"
            names = self._names[kind] = class_path, kind_of(class_path)
        class_path, short = names
        described, put = object.__new__(Module), object.__setattr__
        put(described, "class_path", class_path)
        put(described, "attributes", {})
        put(described, "parameters", {})
        put(described, "buffers", {})
        put(described, "children", {})
        put(described, "kind", short)
        return described

    @staticmethod
    def _describe_attributes(
        source: Mapping[str, Any], described: Module, inside: dict[str, Any], waiting: list[_Waiting]
    ) -> None:
        """Put the plain attributes into a description and a copy; what the copy needs its own of is left waiting."""
        attributes: dict[str, object] = described.attributes  # type: ignore[assignment]
        for key in own_attributes(source):
            value = source[key]
            kind = type(value)
            if kind in _ATOMS or (kind is tuple and _ATOMS.issuperset(map(type, value))):
                inside[key] = value
            elif key == "_compiled_call_impl":
                continue
            else:
                inside[key] = None  # in its place
                waiting.append((inside, key, value))
                if not is_plain(value):
                    continue
            if key[0] != "_":
                attributes[key] = value
        attributes["training"] = source["training"]

    def _hang_tensors(self, source: Mapping[str, Any], described: Module, inside: dict[str, Any]) -> None:
        """Describe the parameters of a module, and give its copy tables of tensors that are made when read."""
        tensors = self.tensors
        inside["_parameters"] = {}
        if parameters := source["_parameters"]:
            there: dict[str, Tensor] = described.parameters  # type: ignore[assignment]
            for name, tensor in parameters.items():
                if tensor is not None:
                    there[name] = tensors.describe(tensor)
            inside["_parameters"] = _later(parameters, tensors.meta, there)
        inside["_buffers"] = {}
        if buffers := source["_buffers"]:
            held: dict[str, Tensor] = described.buffers  # type: ignore[assignment]
            for name, tensor in buffers.items():
                if tensor is not None:
                    held[name] = tensors.describe(tensor)
            inside["_buffers"] = _later(buffers, tensors.meta, held)

    def _attribute(self, value: Any) -> Any:
        if type(value) is list and _ATOMS.issuperset(map(type, value)):  # most of them: the padding of convolutions
            copy = self._copies.get(id(value))
            if copy is None:
                copy = self._copies[id(value)] = value.copy()
            return copy
        if isinstance(value, torch.Tensor) and value.dim() == 1 and 0 < value.numel() <= SHORT and not value.is_meta:
            return value.detach().to("cpu", copy=True)
        return self._value(value)

    def _value(self, value: Any) -> Any:
        kind = type(value)
        if kind in _AS_THEY_ARE:
            return value
        if kind in _CONTAINERS:
            return self._container(value, kind)
        if isinstance(value, nn.Module):
            if id(value) not in self._copies:  # one that is in no table of modules, so that torch calls it as any other
                for _, _, copy in self.copy(value, {}):
                    copy.__dict__.update(_NO_HOOKS)
            return self._copies[id(value)]
        if isinstance(value, torch.Tensor):
            return self.tensors.meta(self.tensors.describe(value))
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
    """The same copy, with tables of hooks of each module's own."""
    for module in copy.modules():
        module.__dict__.update((key, OrderedDict()) for key in _HOOKS)
    return copy
