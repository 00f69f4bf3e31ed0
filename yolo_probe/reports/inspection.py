"""The report of ``yolo-probe inspect``: what a file is and can be used for, its bytes, and what loading it would run.

In goes the path of a checkpoint or of weights alone; out comes one ``Inspection``. Nothing that the file names is
imported or called.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from struct import calcsize
from typing import TYPE_CHECKING, Literal

from yolo_probe.checkpoint.decode import LAYOUTS
from yolo_probe.checkpoint.reader import Checkpoint, Stored, describe, read_stored, would_run
from yolo_probe.checkpoint.sizes import (
    ULTRALYTICS,
    YOLOV5,
    YOLOV5_V5,
    Anatomy,
    Stripper,
    calls,
    dissect,
    imports,
    strange,
    weights_in,
)
from yolo_probe.counters.conventions import choose_counter
from yolo_probe.environment import installed_thop
from yolo_probe.errors import CheckpointError, TargetError, TraceError, shown, visible
from yolo_probe.hosts import ultralytics, yolov5
from yolo_probe.hosts.subject import MOST_EPOCHS, Origin, Saved, Subject
from yolo_probe.hosts.target import classes_of, network_name, options_of, precision_of, resolve, saved_of
from yolo_probe.model.forks.registry import fuse_as_host, of_another_host
from yolo_probe.model.fusion import FUSED_KINDS
from yolo_probe.model.structure import LayerCounts, Module, Tensor, Totals, count_layers, named_modules, totals_of
from yolo_probe.model.trace import unknown_modules
from yolo_probe.networks.network import Network
from yolo_probe.reports.fuse_diff import FuseDiff, fuse_diff
from yolo_probe.reports.question import Question
from yolo_probe.reports.unusual import THOP_BUFFERS, of_thop, profiled, secrets, unusual, unusual_storage

if TYPE_CHECKING:
    from yolo_probe.networks.recognise import Compared, Guess
    from yolo_probe.reports.weight_values import WeightValues


@dataclass(frozen=True, slots=True)
class CopyTotals:
    """The numbers of one copy of the model."""

    totals: Totals
    precision: str
    """``FP16``, ``FP32``, ``mixed precision``."""


@dataclass(frozen=True, slots=True)
class ActivationSharing:
    """How many activations the convolution blocks have; one that they share counts as one layer."""

    blocks: int
    distinct: int
    layers: LayerCounts
    """Layers of the network as it is stored."""
    fused: LayerCounts | None
    """Layers after ``fuse()``; None where it is not known what that does."""

    @property
    def otherwise(self) -> int | None:
        """How the number of layers changes if shared activations become separate, or the reverse; else None."""
        if self.blocks < 2 or self.distinct not in (1, self.blocks):
            return None
        return self.blocks - 1 if self.distinct == 1 else 1 - self.blocks


Reason = Literal["unfinished", "no epochs left", "finished", "classification", "no epoch", "a model alone", "weights"]


@dataclass(frozen=True, slots=True)
class Resume:
    """Whether a training can be resumed from the file."""

    answer: Literal["yes", "no"]
    reason: Reason
    copy: Literal["model", "ema"] | None = None
    """The copy whose weights are trained further."""
    done: int | None = None
    """Number of finished epochs."""
    epochs: int | None = None
    """Number of epochs that was asked for; None if the file does not say."""


@dataclass(frozen=True, slots=True)
class Unstripped:
    """An estimate of the ``last.pt`` that a file was stripped from."""

    size: int
    """Estimated size in bytes."""
    optimizer: int
    """Bytes of the optimizer for each parameter."""
    name: str
    """Name of the optimizer."""


@dataclass(frozen=True, slots=True)
class Weights:
    """A state_dict: tensors without the modules that they belong to."""

    tensors: Mapping[str, Tensor]
    classes: int | None
    guess: Guess | None
    asked: str | None
    """The network that the user named with ``--cfg``."""
    summary: FuseDiff | None
    """The fuse-diff of the network that was named, or recognised; None if there is none."""
    fused: bool = False
    """Whether they are the weights of that network after ``fuse()``."""

    @property
    def elements(self) -> int:
        """Elements of all tensors."""
        return sum(tensor.numel for tensor in self.tensors.values())


@dataclass(frozen=True, slots=True)
class Inspection:
    """The content of a file."""

    path: str
    container: Literal["zip", "legacy"]
    anatomy: Anatomy
    contents: Mapping[str, object] = field(repr=False)
    """All but the models: epoch, options, git commit, date."""
    model_class: str
    """Full name of the class of the model; empty for weights alone."""
    network: str | None
    classes: int | None
    names: tuple[str, ...]
    """Names of the classes."""
    origin: Origin | None
    """The host that wrote the file; None where it is not known."""
    foreign: str
    """Why the host is not known; else empty."""
    saved: Saved | None
    """None for weights alone."""
    copies: Mapping[str, CopyTotals]
    activations: ActivationSharing | None
    hyp: Mapping[object, object] = field(repr=False)
    """Hyperparameters, from the options or else from the model."""
    resume: Resume
    whole: Unstripped | None
    """The file before it was stripped; None if it was not stripped, or its size cannot be estimated."""
    grids: int
    """Bytes of grids that the head of the EMA keeps from a validation, beyond those of the model."""
    imports: Mapping[str, tuple[str, ...]]
    """Modules that a plain ``torch.load`` would import, and the names that it would look up in each."""
    calls: tuple[str, ...]
    """Names that it would call."""
    strange: tuple[str, ...]
    """Names that no checkpoint of a known host has."""
    runs: tuple[str, ...]
    """Those of them that loading would run."""
    unusual: tuple[str, ...]
    profiled: int
    """Number of modules, or of tensors of a state_dict, that thop left its numbers in."""
    secrets: tuple[str, ...]
    """Names of the options whose value is a secret."""
    weights: Weights | None
    values: WeightValues | None = None
    """The weights by value; None if they were not asked for."""

    @property
    def label(self) -> str:
        """The file's name."""
        return visible(Path(self.path).name)

    @property
    def options(self) -> Mapping[object, object]:
        """The options of the training."""
        return options_of(self.contents)


def inspect(target: str, network: str | None = None, *, values: bool = False) -> Inspection:
    """The content of a file. ``network``: name or YAML of the network, for a file of weights without modules.

    ``values``: whether the weights are read, and counted by value.

    Raises: ProbeError for a file that is not a model or weights saved with ``torch.save``.
    """
    if not os.path.lexists(target):
        raise CheckpointError(
            f"{target}: no such file", "check the path; inspect takes a checkpoint, info also the name of a network"
        )
    stored = read_stored(target)
    if not stored.has_modules:
        found = _inspect_weights(stored, network)
        held = found.weights.tensors if found.weights else {}
        return replace(found, values=_values(stored.storage_bytes, held)) if values else found
    if network is not None:
        raise TargetError(f"{target}: found --cfg {network}, but the file has its own modules", "leave --cfg out")
    checkpoint = describe(stored)
    found = _inspect_checkpoint(stored, checkpoint)
    return replace(found, values=_values(checkpoint.storage_bytes, checkpoint.copy())) if values else found


def _values(read: Callable[[Tensor], bytes], held: Module | Mapping[str, Tensor]) -> WeightValues:
    """The weights of a model, or of a state_dict, by value."""
    from yolo_probe.reports.weight_values import state_dict_values, weight_values

    return weight_values(read, held) if isinstance(held, Module) else state_dict_values(read, held)


def _inspect_checkpoint(stored: Stored, checkpoint: Checkpoint) -> Inspection:
    root = checkpoint.copy()
    origin, foreign = _origin(checkpoint, root)
    saved = saved_of(checkpoint, root, None)
    anatomy = dissect(stored, _stripper(origin, root))
    copies = {
        name: CopyTotals(totals_of(copy), precision_of(copy))
        for name, copy in (("model", checkpoint.model), ("ema", checkpoint.ema))
        if copy is not None
    }
    names = _class_names(root.attributes.get("names"))
    options = options_of(checkpoint.contents)
    hyp = next((each for each in (options.get("hyp"), root.attributes.get("hyp")) if isinstance(each, Mapping)), {})
    return Inspection(
        path=stored.path,
        container=stored.container,
        anatomy=anatomy,
        contents=checkpoint.contents,
        model_class=root.class_path,
        network=network_name(root, options),
        classes=classes_of(root),
        names=names,
        origin=origin,
        foreign=foreign,
        saved=saved,
        copies=copies,
        activations=_activations(root),
        hyp=hyp,
        resume=_resume(stored, checkpoint, root),
        whole=_whole(anatomy, saved, copies[saved.copy], origin, root, options),
        grids=_grids(checkpoint),
        imports=imports(stored),
        calls=calls(stored),
        strange=strange(stored),
        runs=would_run(stored.pickle),
        unusual=tuple(unusual(stored, checkpoint, anatomy, saved, names)),
        profiled=profiled(root),
        secrets=secrets(options),
        weights=None,
    )


def _inspect_weights(stored: Stored, asked: str | None) -> Inspection:
    tensors = weights_in(stored)
    if tensors is None:
        describe(stored)  # raises, and says what the file has instead
        raise AssertionError(stored.path)
    left = of_thop(tensors)
    weights = _weights(stored.path, tensors, left, asked)
    anatomy = dissect(stored, YOLOV5)
    contents = {key: shown(value) for key, value in stored.top.items() if isinstance(key, str) and _is_plain(value)}
    subject = weights.summary.question.subject if weights.summary else None
    return Inspection(
        path=stored.path,
        container=stored.container,
        anatomy=anatomy,
        contents=contents,
        model_class="",
        network=subject.network if subject else None,
        classes=weights.classes,
        names=(),
        origin=None,
        foreign="weights do not say what wrote them",
        saved=None,
        copies={},
        activations=None,
        hyp={},
        resume=Resume("no", "weights"),
        whole=None,
        grids=0,
        imports=imports(stored),
        calls=calls(stored),
        strange=strange(stored),
        runs=would_run(stored.pickle),
        unusual=(*unusual_storage(stored, anatomy), *_left_by_thop(left)),
        profiled=len(left),
        secrets=(),
        weights=weights,
    )


def _left_by_thop(names: Sequence[str]) -> Iterator[str]:
    if names:
        yield f"{len(names)} number{'s' * (len(names) != 1)} that thop left behind ({', '.join(THOP_BUFFERS)})"


def _weights(path: str, tensors: Mapping[str, Tensor], left: Sequence[str], asked: str | None) -> Weights:
    """The weights, and the network that has them without the numbers that thop left there."""
    from yolo_probe.networks.recognise import class_count, guess, shapes_of

    own = {name: tensor for name, tensor in tensors.items() if name not in left}
    classes = class_count(shapes_of(own))
    found = guess(own) if asked is None else None
    name = asked or (f"{found.network}@{found.generation}" if found else None)
    if name is None:
        return Weights(tensors, classes, None, None, None)
    subject, compared = _nearest(path, own, name, classes)
    if compared.differences:
        raise TargetError(
            f"{path}: its tensors are not those of {name}: {'; '.join(compared.differences)}",
            "pass the YAML that the network was trained with; without --cfg the shapes are compared with all of YOLOv5",
        )
    question = Question(subject, (640, 640), choose_counter(None, installed_thop()))
    return Weights(tensors, classes, found, asked, fuse_diff(question), compared.fused)


def _nearest(path: str, tensors: Mapping[str, Tensor], name: str, classes: int | None) -> tuple[Subject, Compared]:
    """The network of that name, and its differences from the weights; of the generations, the first that fits."""
    from yolo_probe.networks.recognise import COMPARED_GENERATIONS, compare

    found = []
    for generation in (None, *COMPARED_GENERATIONS[1:]):
        try:
            subject = resolve(name, host=generation, classes=classes)
        except TargetError:
            if generation is None:
                raise
            continue  # this generation does not ship it, or the name has another one
        if not isinstance(subject.source, Network) or subject.origin.generation == "ultralytics":
            raise TargetError(f"{path}: found --cfg {name}, expected the name of a network or a model YAML")
        compared = compare(tensors, subject.source, subject.origin.generation)
        if not compared.differences:
            return subject, compared
        found.append((subject, compared))
    return found[0]


def _is_plain(value: object) -> bool:
    return value is None or isinstance(value, str | int | float)


def _origin(checkpoint: Checkpoint, root: Module) -> tuple[Origin | None, str]:
    """The host that wrote a checkpoint, or None and the reason why it is not known."""
    if ultralytics.is_ultralytics(root):
        return ultralytics.identify(checkpoint.contents, root), ""
    origin = yolov5.identify(checkpoint.contents, root)
    return (None, origin.evidence[0]) if origin.of_no_host else (origin, "")


def _stripper(origin: Origin | None, root: Module) -> Stripper:
    if ultralytics.is_ultralytics(root):
        return ULTRALYTICS
    return YOLOV5_V5 if origin is not None and origin.generation == "v5.0" else YOLOV5


def _class_names(names: object) -> tuple[str, ...]:
    """The names of the classes in order, from a list or from a dict by number."""
    values = names.values() if isinstance(names, Mapping) else names if isinstance(names, list | tuple) else ()
    return tuple(value[:255] if isinstance(value, str) else shown(value) for value in values)


def _activations(root: Module) -> ActivationSharing | None:
    """The activations of the convolution blocks; None of a model without such blocks."""
    blocks = [module for _, module in named_modules(root) if module.class_path.rpartition(".")[2] in FUSED_KINDS]
    acts = [act for block in blocks if (act := block.children.get("act")) is not None and not act.children]
    if not acts:
        return None
    try:
        known = not (ultralytics.is_ultralytics(root) or unknown_modules(root) or of_another_host(root))
        fused = count_layers(fuse_as_host(root, grad_enabled=False).root) if known else None
    except TraceError:
        fused = None
    return ActivationSharing(len(acts), len({id(act) for act in acts}), count_layers(root), fused)


def _resume(stored: Stored, checkpoint: Checkpoint, root: Module) -> Resume:
    """Source: smart_resume in YOLOv5's utils/torch_utils.py, resume_training in ultralytics' engine/trainer.py."""
    if stored.is_bare:
        return Resume("no", "a model alone")
    theirs = ultralytics.is_ultralytics(root)
    if root.kind == "ClassificationModel":  # classify/train.py has no --resume
        return Resume("no", "classification")
    epoch, epochs = checkpoint.contents.get("epoch"), options_of(checkpoint.contents).get("epochs")
    if type(epoch) is not int or epoch > MOST_EPOCHS:
        return Resume("no", "no epoch")
    asked = epochs if type(epochs) is int and 0 < epochs <= MOST_EPOCHS else None
    if epoch < 0:
        return Resume("no", "finished", epochs=asked)
    copy: Literal["model", "ema"] = "ema" if checkpoint.model is None or (theirs and checkpoint.ema) else "model"
    unfinished = asked is None or epoch + 1 < asked
    # without epochs to train, YOLOv5 still starts, but only validates and strips
    return Resume(
        "yes" if unfinished else "no",
        "unfinished" if unfinished else "no epochs left",
        copy,
        done=epoch + 1,
        epochs=asked,
    )


def _whole(
    anatomy: Anatomy,
    saved: Saved,
    copy: CopyTotals,
    origin: Origin | None,
    root: Module,
    options: Mapping[object, object],
) -> Unstripped | None:
    """The estimate: two copies in FP16, and one (SGD) or two (Adam) numbers in FP32 for each parameter.

    None of a file that is not as ``strip_optimizer()`` leaves it, in FP16.
    """
    if (
        not saved.stripped
        or saved.dtype != "FP16"
        or origin is None
        or not origin.host.two_copies
        or root.kind == "ClassificationModel"
    ):
        return None
    name = options.get("optimizer", "SGD")
    each = {"SGD": 4, "Adam": 8, "AdamW": 8}.get(name) if isinstance(name, str) else None
    return Unstripped(2 * anatomy.file + each * copy.totals.parameters, each, str(name)) if each else None


def _grids(checkpoint: Checkpoint) -> int:
    """Bytes of the grids that Detect keeps between passes, in the EMA beyond those in the model."""
    model, ema = checkpoint.model, checkpoint.ema
    return max(_kept(ema) - _kept(model), 0) if model is not None and ema is not None else 0


def _kept(root: Module) -> int:
    heads = [module for _, module in named_modules(root) if "nl" in module.attributes]
    kept = [head.attributes.get(key) for head in heads for key in ("grid", "anchor_grid")]
    tensors = [tensor for each in kept if isinstance(each, list) for tensor in each if isinstance(tensor, Tensor)]
    return sum(tensor.numel * calcsize("<" + LAYOUTS.get(tensor.dtype, "")) for tensor in tensors)
