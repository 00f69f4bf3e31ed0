"""What is left to the host itself: lines, and counting runs, that hang on more of a model than yolo-probe reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from numbers import Integral
from types import FunctionType
from typing import Any

from torch import nn
from torch.fx import Graph, GraphModule

from yolo_probe.counters.conventions import Convention
from yolo_probe.errors import shown
from yolo_probe.hosts.summary_line import MAX_FILE_NAME, LineForm
from yolo_probe.live.description import ATOMS, is_plain
from yolo_probe.live.live import is_compiled, unwrapped
from yolo_probe.live.side_effects import held_by

_WALKS = ("parameters", "named_parameters", "modules", "named_modules")
"""Functions of a model with which hosts count; those of torch walk through what a description holds."""


def line_of_its_own(model: nn.Module, form: LineForm | None, asked: Mapping[str, Any]) -> str:
    """Why a host's whole line is left to it; empty where yolo-probe knows all that it hangs on.

    ``form``: of the line, if it is known. ``asked``: the arguments of the call, by the names of the host's parameters.
    """
    size = size_asked(asked)
    if not is_size(size):
        return f"the size {shown(size)} is neither a number of pixels nor two"
    if own := next(_walks_of_its_own(model), ""):
        return f"{own} is not torch's"
    return "its name is not from a text" if form and _is_named_otherwise(model, form) else ""


def size_asked(asked: Mapping[str, Any]) -> Any:
    """The size of the image in the arguments of a call."""
    return asked.get("imgsz", asked.get("img_size", 640))


def is_size(value: object) -> bool:
    """Whether a size is one that every host counts, or says why not: a number of pixels, or two, none below 1."""
    sides = value if isinstance(value, list | tuple) else (value, value)
    return len(sides) == 2 and all(isinstance(side, Integral) and int(side) > 0 for side in sides)


def _walks_of_its_own(model: nn.Module) -> Iterator[str]:
    """The functions with which a host walks through a model, where a class of the user's has its own."""
    for kind in {type(module): None for module in _modules_in(model)}:
        for name in _WALKS:
            if not getattr(kind, name).__module__.startswith("torch."):
                yield f"{kind.__name__}.{name}()"


def _modules_in(model: nn.Module) -> list[nn.Module]:
    """Every distinct module, in no particular order, without a call of the model's own."""
    found, stack = {id(model): model}, [model]
    while stack:
        for child in stack.pop()._modules.values():
            if child is not None and id(child) not in found:
                found[id(child)] = child
                stack.append(child)
    return list(found.values())


def _is_named_otherwise(model: nn.Module, form: LineForm) -> bool:
    """Whether a host finds the name of a line elsewhere than in a text that the model, or its dict ``yaml``, holds."""
    if not form.named_after:
        return False
    held = vars(model._modules["_orig_mod"] if is_compiled(model) else model)
    file = held.get("yaml_file")
    if getattr(model, "yaml_file", None) is not file:
        return True
    if file or form.named_after != "yolo":
        return "yaml_file" in held and (not isinstance(file, str) or len(file) > MAX_FILE_NAME)
    yaml: Any = getattr(model, "yaml", {})
    if yaml is not held.get("yaml", yaml) or not isinstance(yaml, dict) or not is_plain(yaml):
        return True
    return not isinstance(yaml.get("yaml_file", ""), str)


def counted_module(model: nn.Module, form: LineForm) -> nn.Module:
    """What a host of that form counts: a model, or the one that its wrapper holds."""
    if form.looks_into == "parallel" and isinstance(model, nn.DataParallel | nn.parallel.DistributedDataParallel):
        return model.module
    held = model._modules.get("_orig_mod") or model._modules.get("module") if form.looks_into == "all" else None
    return model if held is None else counted_module(held, form)


def count_of_its_own(model: nn.Module, form: LineForm, convention: Convention) -> str:
    """Why a host's counting run is left to it, with the module's path; empty where ours computes the same."""
    counted = counted_module(model, form)
    if form.looks_into == "all" and counted is not unwrapped(model):
        return f"the model: its host looks into {type(model).__name__}, and counts the {type(counted).__name__} alone"
    model = counted
    if convention.fails_at and (path := next(_answering_for_others(model), None)) is not None:
        return f"{path or 'the model'}: it has a __getattr__() of its own, and {convention.title} asks for its totals"
    if len(types := types_of(model)) > 1:  # shapes do not say where a forward pass makes one of another
        return f"the model: its parameters are {' and '.join(sorted(types))}"
    return _copied_otherwise(model) if form.copies else ""


def types_of(model: nn.Module) -> set[str]:
    """The types of a model's floating-point parameters and of its first one, with which hosts make their image."""
    first = next(model.parameters(), None)
    held = (each for module in _modules_in(model) for each in module._parameters.values() if each is not None)
    types = {each.dtype for each in held if each is first or each.is_floating_point()}
    return {str(each).removeprefix("torch.") for each in types}


def _answering_for_others(model: nn.Module) -> Iterator[str]:
    """The paths of modules that look up attributes in a way of their own, as in a module inside."""
    for path, module in model.named_modules():
        if not type(module).__getattr__.__module__.startswith("torch."):
            yield path


_WITHOUT_FUNCTIONS = frozenset({"_parameters", "_buffers", "_modules", "_compiled_call_impl"})
"""Names in the ``__dict__`` of a module under which no function is that a copy has too."""


def _copied_otherwise(model: nn.Module) -> str:
    """Why a host's copy of a model runs other modules than the model; empty where it runs copies of the same.

    A class may say itself how it is copied, and a function that keeps a module runs that module, not its copy.
    """
    for path, module in model.named_modules():
        own = getattr(type(module), "__deepcopy__", None)
        if own is not None and not own.__module__.startswith("torch."):
            return f"{path or 'the model'}: {type(module).__name__} has a __deepcopy__() of its own"
        if own is GraphModule.__deepcopy__ and (name := next(_forgotten(module), "")):
            return f"{path or 'the model'}: torch.fx copies it without its attribute {name}"
        for name, value in vars(module).items():
            if type(value) in ATOMS or name in _WITHOUT_FUNCTIONS:
                continue
            if any(map(_keeps_module, _functions_in(value))):
                return f"{path or 'the model'}: a function in {name} keeps a module, which its copy runs too"
    return ""


def _forgotten(module: nn.Module) -> Iterator[str]:
    """The attributes that a copy of a module made by torch.fx does not have: those that it was given afterwards."""
    return (name for name in vars(module) if name[0] != "_" and name not in vars(GraphModule(nn.Module(), Graph())))


def _functions_in(value: Any) -> Iterator[FunctionType]:
    """The functions in an attribute, also in containers and partial functions."""
    if isinstance(value, FunctionType):
        yield value
    elif isinstance(value, partial):  # its arguments are copied
        yield from _functions_in(value.func)
    elif isinstance(value, dict | list | tuple):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _functions_in(each)


def _keeps_module(function: FunctionType) -> bool:
    """Whether a function has a module in its closure or its defaults."""
    return any(isinstance(each, nn.Module) for each in held_by(function))
