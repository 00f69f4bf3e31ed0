"""A network of any fork, from its file and its source: the file gives the data, the source the behaviour.

Each module of a checkpoint is made from the class of its name under a folder, with the attributes that stand in the
file and tensors without values: no constructor runs and nothing is unpickled. A model YAML is built by the folder's own
parser. The code under that folder is imported, and its forward and fuse() run on shapes: it must be trusted. This
module imports torch.
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from textwrap import dedent
from types import FunctionType, MethodType
from typing import Any, Literal

import torch
from torch import nn

from yolo_probe.checkpoint.decode import Inert
from yolo_probe.errors import ProbeError, TargetError, TraceError, reason_of, shown
from yolo_probe.hosts.host import ULTRALYTICS
from yolo_probe.hosts.known_functions import known_function
from yolo_probe.hosts.subject import NotFused, Rebuilt
from yolo_probe.hosts.summary_line import LineForm
from yolo_probe.hosts.ultralytics_rebuild import Weightless, choose_head, imported, silent
from yolo_probe.live.live import Live, has_fuse, say_nothing
from yolo_probe.model.forward import hooked
from yolo_probe.model.freezing import fixed_names
from yolo_probe.model.fusion import fused_state, may_be_fused, modules_apart
from yolo_probe.model.structure import Module, Tensor, named_modules, named_parameters

_PASS_THE_SOURCE = "Pass the folder of the source that trained the file, in which `models` or `ultralytics` lies."

LARGEST_ATTRIBUTE = 1 << 20
"""Largest whole number among the attributes of a file's module; a number of parameters or of FLOPs may be larger."""
_COUNTS = re.compile("^np$|param|flops|macs")
"""Names under which hosts keep such a number: of YOLOv5's rows ``np``."""
MOST_OPERATORS = 200_000
"""Most operators of one forward pass of a file's modules, whose attributes may be numbers of repeats."""

Numbers = Callable[[Tensor], tuple[float, ...]]
"""Reads the values of a small tensor; nothing where they cannot be read."""


def from_source(
    folder: Path, root: Module, numbers: Numbers, options: Mapping[object, object], before: Module | None = None
) -> Rebuilt:
    """The network of a file, made from the classes under a folder.

    ``root``: its structure in the file. ``options``: those of its training. ``before``: of a file saved after
    ``fuse()``, what the structure may have been; it is taken where the folder's own ``fuse()`` makes the file's of it.
    Raises: TargetError where a class is not there, TraceError where a module cannot be made.
    """
    with silent():
        classes = _classes(folder, root)
        if before is not None and before is not root:
            known = _fused_again({**_classes(folder, before), **classes}, root, before, numbers)
            if known is not None:
                return known
        return _made(classes, root, numbers, options)


def from_installed(root: Module, numbers: Numbers, options: Mapping[object, object]) -> Rebuilt:
    """The network of a file of ultralytics, made from the classes of the installed package, and of no other.

    Raises: as ``from_source``.
    """
    with silent():
        return _made(_installed_classes(root), root, numbers, options)


def _made(
    classes: Mapping[str, type[nn.Module]], root: Module, numbers: Numbers, options: Mapping[object, object]
) -> Rebuilt:
    """The network of a file in all its states, made from these classes. Raises: TraceError where that fails."""
    if path := hooked(root):
        raise TraceError(f"{path}: found a forward hook in the file, expected none: only loading the file makes it")
    try:
        model = _Maker(classes, numbers, root).module(root)
        if tasks := sys.modules.get("ultralytics.nn.tasks"):
            choose_head(tasks, model, root, options)
        stored = _live(model)
        if fused_state(root) != "unfused" or may_be_fused(root):
            return Rebuilt(stored, stored, stored, saved_fused=True, before_known=False)
        fused, not_fused = _fused(stored)
        built = _trainable(model, root)
        late, started = _before_late(built)
        return Rebuilt(built, stored, fused, saved_fused=False, started=started, late=late, not_fused=not_fused)
    except ProbeError:
        raise
    except Exception as error:  # whatever a class raises at attributes that are not its own
        raise TraceError(reason_of(error)) from error


def _fused(stored: Live, *, grad_enabled: bool = False) -> tuple[Live, NotFused | None]:
    """The network after the source's own ``fuse()``; the same network, and why, where that gives none."""
    if not has_fuse(stored.model):
        kind = type(stored.model).__name__
        return stored, NotFused(f"found no fuse() in {kind} that is called without arguments", has_none=True)
    try:
        return stored.fused(grad_enabled=grad_enabled), None
    except TraceError as error:
        return stored, NotFused(str(error), has_none=False)


def _fused_again(
    classes: Mapping[str, type[nn.Module]], root: Module, before: Module, numbers: Numbers
) -> Rebuilt | None:
    """The network of a file saved after ``fuse()`` in all its states; None where ``fuse()`` of ``before`` differs."""
    try:
        unfused = _Maker(classes, numbers, before).module(before)
        again = _live(unfused).fused()
        if any(modules_apart(again.root, root)):
            return None
        stored = _Maker(classes, numbers, root).module(root)
        return Rebuilt(_trainable(unfused, before), _live(unfused), _live(stored), saved_fused=True)
    except Exception:  # whatever a class raises: what it was before is not known then
        return None


def _before_late(built: Live) -> tuple[tuple[str, ...], Live | None]:
    """What a constructor makes after it has printed its line, and the network without that; None where there is none.

    A fork may add modules at the end of its constructor, as for distillation, so that its line is without them.
    """
    late = tuple(name for name in _made_after_the_line(type(built.model)) if name in built.model._modules)
    if not late:
        return (), None
    model = deepcopy(built.model)
    for name in late:
        del model._modules[name]
    return late, _live(model)


def _made_after_the_line(kind: type[nn.Module]) -> tuple[str, ...]:
    """Attributes that a class's constructors set after the call that prints the line, in the order of their code."""
    late: dict[str, None] = {}
    printed = False
    for one in reversed(kind.__mro__[: kind.__mro__.index(nn.Module)]):
        is_later = False
        for node in _in_order(vars(one).get("__init__")):
            called = getattr(node.func, "attr", getattr(node.func, "id", "")) if isinstance(node, ast.Call) else ""
            if called in _PRINTS:
                late, printed, is_later = {}, True, True
            elif called == "__init__" and printed:
                is_later = True
            elif is_later and isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
                late[node.attr] = None
    return tuple(late)


_PRINTS = frozenset({"info", "model_info"})
"""Functions of hosts that print the line."""


def _in_order(function: object) -> list[ast.expr]:
    """The expressions in the source of a function, in its order; none where there is no source."""
    try:
        tree = ast.parse(dedent(inspect.getsource(function)))  # type: ignore[arg-type]  # what is none raises
    except (OSError, TypeError, SyntaxError):
        return []
    found = [node for node in ast.walk(tree) if isinstance(node, ast.expr)]
    return sorted(found, key=lambda node: (node.lineno, node.col_offset))


def _trainable(model: nn.Module, root: Module) -> Live:
    """A copy of a network as it was when its training began."""
    built, fixed = deepcopy(model), fixed_names(root)
    for name, parameter in built.named_parameters():
        parameter.requires_grad_(name not in fixed)
    return _live(built)


def built_from_source(folder: Path, path: str, classes: int | None) -> Rebuilt:
    """The network of a model YAML, built by the code under a folder, as a finished training leaves it: not trainable.

    Its constructor and its parser run, without weights where they can. ``classes``: in place of the YAML's number.
    Raises: TargetError where the code cannot be imported, TraceError where it does not build the network.
    """
    with silent():
        with _importable(folder):
            model = _constructed(_model_class(folder, path), path, classes)
        built = Live(model, every_function=True)
        trainable, _ = _fused(built, grad_enabled=True)
        model.requires_grad_(False)
        stored = Live(model, every_function=True)
        fused, not_fused = _fused(stored)
        late, started = _before_late(built)
        return Rebuilt(
            built, stored, fused, saved_fused=False, fused_trainable=trainable, started=started, late=late,
            not_fused=not_fused,
        )  # fmt: skip


def _model_class(folder: Path, path: str) -> type[nn.Module]:
    """The class that builds a network of that YAML: one with masks has another since YOLOv5 v7.0."""
    module = _imported("models.yolo", folder)
    masks = b"Segment" in Path(path).read_bytes()
    for name in (*(("SegmentationModel",) if masks else ()), "DetectionModel", "Model"):
        if isinstance(found := getattr(module, name, None), type):
            return found
    raise TargetError(f"--source {folder}: found no Model in {module.__file__}", _PASS_THE_SOURCE)


def _constructed(kind: type[nn.Module], path: str, classes: int | None) -> nn.Module:
    """A model of that class, without weights; with them, where its constructor reads values of tensors."""
    failed = ""
    for device in ("meta", "cpu"):
        model: nn.Module = kind.__new__(kind)  # type: ignore[call-overload]  # torch is not read by mypy
        model.__dict__["info"] = say_nothing
        try:
            with torch.device(device), Weightless():
                kind.__init__(model, path, ch=3, nc=classes)
        except Exception as error:  # whatever the fork's code raises
            failed = reason_of(error)
            continue
        del model.__dict__["info"]
        return model
    raise TraceError(failed)


ModelInfo = Literal["none", "known", "its own"]
"""What a source has as ``model_info``, which prints the line."""


def line_form(usual: LineForm) -> tuple[LineForm, ModelInfo]:
    """The form of the line that the imported source prints, and what it has to print it.

    ``usual``: that of the host that it is a fork of, which then stands for it.
    """
    homes = _OF_ULTRALYTICS_LINE if usual.host is ULTRALYTICS else ("utils.torch_utils",)
    function = next((f for home in homes if (f := getattr(sys.modules.get(home), "model_info", None))), None)
    known = known_function(function) if function else None
    form = known.form if known else usual
    found: ModelInfo = "none" if function is None else "known" if known else "its own"
    return replace(form, host=usual.host, writes_anchor_grid=False), found


def _live(model: nn.Module) -> Live:
    return Live(model, every_function=True, most_operators=MOST_OPERATORS)


def _classes(folder: Path, root: Module) -> Mapping[str, type[nn.Module]]:
    """The class of every module of a structure, by its path: from that folder, or what its code has imported.

    Raises: TargetError for a class that is not there, with the module that is of it.
    """
    found: dict[str, type[nn.Module]] = {}
    places: dict[str, str] = {}
    for path, module in named_modules(root):
        places.setdefault(module.class_path, path)
    in_folder = [class_path for class_path in places if _is_in(folder, class_path.partition(".")[0])]
    with _importable(folder):
        for class_path in (*in_folder, *(other for other in places if other not in in_folder)):
            place = places[class_path]
            if class_path not in in_folder and not _is_imported(class_path):
                problem = f"--source {folder}: {_where(place, class_path)}, which no code there has or imports"
                raise TargetError(problem, _PASS_THE_SOURCE)
            found[class_path] = _class(class_path, place, folder)
            home = sys.modules[class_path.rpartition(".")[0]]
            if class_path in in_folder and not _within(home, folder):
                problem = f"--source {folder}: {home.__name__} was imported before, from {home.__file__}"
                raise TargetError(problem, "Ask in a new process.")
    return found


def _within(module: Any, folder: Path) -> bool:
    """Whether a module was imported from a file in that folder."""
    file = getattr(module, "__file__", None)
    return file is not None and Path(file).resolve().is_relative_to(folder.resolve())


def _is_in(folder: Path, package: str) -> bool:
    return (folder / package).is_dir() or (folder / f"{package}.py").is_file()


def _is_imported(class_path: str) -> bool:
    """Whether the module of a class is imported already, so that a file alone can make nothing run."""
    return class_path.rpartition(".")[0] in sys.modules


def _installed_classes(root: Module) -> Mapping[str, type[nn.Module]]:
    """The class of every module of a structure, by its path; torch's own, else from the installed ultralytics.

    Raises: TargetError for a class that it does not have, or that is from elsewhere.
    """
    imported("ultralytics.nn.tasks")
    found: dict[str, type[nn.Module]] = {}
    for _, module in named_modules(root):
        home, _, name = module.class_path.rpartition(".")
        kind = getattr(sys.modules.get(home), name, None) if home.startswith(_OF_ULTRALYTICS) else None
        if not (isinstance(kind, type) and issubclass(kind, nn.Module)):
            raise TargetError(
                f"the installed ultralytics has no {module.class_path}",
                "--source DIR takes it from the folder of the code that trained the file",
            )
        found[module.class_path] = kind
    return found


@contextmanager
def _importable(folder: Path) -> Iterator[None]:
    """Inside, the modules in a folder can be imported."""
    place = str(folder.resolve())
    sys.path.insert(0, place)
    try:
        yield
    finally:
        sys.path.remove(place)


def _imported(home: str, folder: Path, where: str = "") -> Any:
    """A module of the source. ``where``: which module is of a class in it. Raises: TargetError where that fails."""
    try:
        return imported(home)
    except Exception as error:  # whatever the fork's code raises
        problem = f"--source {folder}: {where and f'{where}, and '}{home} cannot be imported: {reason_of(error)}"
        raise TargetError(problem, f"{_PASS_THE_SOURCE} What it imports must be installed.") from error


def _class(class_path: str, path: str, folder: Path) -> type[nn.Module]:
    home, _, name = class_path.rpartition(".")
    where = _where(path, class_path)
    module = _imported(home, folder, where)
    found = getattr(module, name, None)
    if not (isinstance(found, type) and issubclass(found, nn.Module)):
        raise TargetError(
            f"--source {folder}: {where}, which {getattr(module, '__file__', home)} does not have",
            _PASS_THE_SOURCE,
        )
    return found


def _where(path: str, class_path: str) -> str:
    return f"{path or 'the model'} is a {class_path}"


class _Maker:
    """Makes modules and tensors of descriptions, each once, so that what is shared stays shared."""

    def __init__(self, classes: Mapping[str, type[nn.Module]], numbers: Numbers, root: Module) -> None:
        self._classes, self._numbers = classes, numbers
        self._parameters = {id(tensor) for _, tensor in named_parameters(root)}
        self._made: dict[int, Any] = {}

    def module(self, described: Module) -> nn.Module:
        """The module of a description, without running its constructor."""
        if id(described) in self._made:
            return self._made[id(described)]
        kind = self._classes[described.class_path]
        module: nn.Module = kind.__new__(kind)  # type: ignore[call-overload]  # torch is not read by mypy
        self._made[id(described)] = module
        nn.Module.__init__(module)
        state = {name: self._value(value) for name, value in described.attributes.items()}
        for name, value in state.items():
            if isinstance(value, int) and abs(value) > LARGEST_ATTRIBUTE and not _COUNTS.search(name):
                raise TraceError(f"{described.class_path}: found {name}={shown(value)}, expected a smaller number")
        module.__dict__.update({name: value for name, value in state.items() if value is not _UNKNOWN})
        for name, value in described.attributes.items():
            if isinstance(value, Inert) and (function := _function(kind, value)):
                module.__dict__[name] = MethodType(function, module) if value.is_bound else function
        for name, tensor in described.parameters.items():
            module.register_parameter(name, self._tensor(tensor))
        for name, tensor in described.buffers.items():
            module.register_buffer(name, self._tensor(tensor))
        if kind.__module__.startswith("torch.nn.") and (described.parameters or "affine" in described.attributes):
            for name in _LEFT_OUT:  # a file's structure has no names for what is None
                if not hasattr(module, name):
                    module.register_parameter(name, None)
        for name, child in described.children.items():  # add_module() refuses the name of an attribute of the class
            module._modules[name] = self.module(child) if child is not None else None
        if kind.__setstate__ is not nn.Module.__setstate__:  # adds what later releases of a class have
            module.__setstate__(dict(module.__dict__))
        return module

    def _tensor(self, described: Tensor) -> torch.Tensor:
        """A tensor without values; a small one that is no parameter has them, since code may read them.

        A parameter is one too where an attribute has it, as in the list of an LSTM.
        """
        if id(described) not in self._made:
            parameter = id(described) in self._parameters
            dtype = getattr(torch, described.dtype)
            dtype = torch.float32 if dtype.is_floating_point else dtype  # as hosts load their files
            values = () if parameter else self._numbers(described)
            made = (
                torch.tensor(values, dtype=dtype).reshape(described.shape)
                if values
                else torch.empty(described.shape, dtype=dtype, device="meta")
            )
            self._made[id(described)] = nn.Parameter(made, described.requires_grad) if parameter else made
        return self._made[id(described)]

    def _value(self, value: object) -> Any:
        """An attribute as the module has it; ``_UNKNOWN`` for what only unpickling would make."""
        if isinstance(value, Tensor):
            return self._tensor(value)
        if isinstance(value, Inert):
            return getattr(torch, value.name.removeprefix("torch."), _UNKNOWN) if _is_dtype(value.name) else _UNKNOWN
        if isinstance(value, dict):
            return {key: each for key, item in value.items() if (each := self._value(item)) is not _UNKNOWN}
        if isinstance(value, list | tuple):
            return type(value)(each for item in value if (each := self._value(item)) is not _UNKNOWN)
        return value


def _function(kind: type[nn.Module], kept: Inert) -> FunctionType | None:
    """The function that a module of that class keeps: one of its own, or one that stands beside its class."""
    home, _, name = kept.name.rpartition(".")
    beside = sys.modules.get(kind.__module__)
    if not kept.is_bound and home == kind.__module__:
        function = vars(beside).get(name)
        return function if isinstance(function, FunctionType) and function.__module__ == home else None
    owner = kind if kept.is_bound else getattr(beside, home.rpartition(".")[2], None)
    if not (isinstance(owner, type) and issubclass(owner, nn.Module)):
        return None
    function = getattr(owner, name, None)
    return function if isinstance(function, FunctionType) else None


_OF_ULTRALYTICS_LINE = ("ultralytics.utils.torch_utils", "ultralytics.yolo.utils.torch_utils")
"""Where its ``model_info`` is."""
_OF_ULTRALYTICS = ("ultralytics.nn.", "torch.nn.")
"""Where the classes of its networks are."""
_UNKNOWN = object()
_LEFT_OUT = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
"""What a convolution, a linear layer or a normalisation may have as None."""


def _is_dtype(name: str) -> bool:
    return isinstance(getattr(torch, name.removeprefix("torch."), None), torch.dtype)
