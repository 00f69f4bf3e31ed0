"""What a user names, a file or a network -> the subject of a report."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from importlib.util import find_spec
from math import isfinite
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Literal

from yolo_probe.checkpoint.remote import is_url
from yolo_probe.environment import version_of
from yolo_probe.errors import CheckpointError, ModelYamlError, TargetError, TraceError, shown, visible
from yolo_probe.hosts import ultralytics, ultralytics_names
from yolo_probe.hosts.host import ULTRALYTICS
from yolo_probe.hosts.images import fitting_channels, head_stride, image_channels
from yolo_probe.hosts.subject import Gap, Origin, Rebuilt, Saved, Subject
from yolo_probe.hosts.summary_line import LineForm
from yolo_probe.model.forks.registry import fork_of, of_another_host, unfused_as_host
from yolo_probe.model.forward import hooked
from yolo_probe.model.structure import Module, Tensor, named_modules, named_parameters
from yolo_probe.model.trace import ruled_modules, unknown_modules
from yolo_probe.model.user_rules import OwnRules
from yolo_probe.networks.generations import GENERATIONS, Generation, generation_named, generations_like

if TYPE_CHECKING:
    from yolo_probe.checkpoint.reader import Checkpoint
    from yolo_probe.hosts.source import ModelInfo
    from yolo_probe.networks.network import Network
    from yolo_probe.networks.parse_model import Made

CopyName = Literal["model", "ema"]

DTYPES = {"float16": "FP16", "float32": "FP32", "bfloat16": "BF16"}

SMALL_TENSOR = 64
"""Most elements of a tensor whose values code may read: anchors, strides."""

MAX_PATH = 4096
"""Most characters of a path."""


def resolve(
    target: str,
    *,
    host: Generation | None = None,
    classes: int | None = None,
    copy: CopyName | None = None,
    source: str | None = None,
) -> Subject:
    """The subject that a TARGET names: a checkpoint or model YAML if there is such a file, else a network.

    ``host``: the generation that builds a name or YAML, or that prints a checkpoint's line. ``classes``: replaces the
    number of a name or YAML. ``copy``: which copy in a checkpoint, else the one that validation uses. ``source``: the
    folder of the code that trained a checkpoint, which is imported and run.
    Raises: ProbeError for a target that cannot be read, is not known, or does not take an option.
    """
    if is_url(target):
        file = target.rpartition("/")[2] or "best.pt"
        raise TargetError(
            f"{target}: found a URL, expected a file", f"Download it: curl -LO {target}, then pass {visible(file)}."
        )
    if os.path.isdir(target):
        target = in_folder(target)
    if os.path.lexists(target) or "/" in target or os.sep in target:
        if target.endswith((".yaml", ".yml")):
            if source is not None:
                return _from_yaml_with_source(target, source, host, classes, copy)
            return _from_yaml(target, host, classes, copy)
        return _from_checkpoint(target, host, classes, copy, source)
    target = _in_their_letters(target)
    if target.endswith((".pt", ".pth")) and not ultralytics_names.name_in(target):
        return _from_checkpoint(target, host, classes, copy, source)
    _refuse_source(target, source)
    if network := _network_of_fork(target):
        return _built(network, "name", target, None, host, classes, copy)
    if name := ultralytics_names.name_in(target):
        return _from_ultralytics_name(name, host, classes, copy)
    return _from_name(target, host, classes, copy)


def resolve_file(path: str) -> Subject:
    """The subject in a checkpoint, a file or one behind a URL; no host that is installed is imported for it.

    Raises: ProbeError for a file that cannot be read, or is no checkpoint.
    """
    return _from_checkpoint(path, None, None, None, imports=False)


def in_folder(folder: str) -> str:
    """The best checkpoint of the folder of a run, or of its ``weights``. Raises: TargetError where there is none."""
    for place in ("best.pt", "weights/best.pt", "last.pt", "weights/last.pt"):
        if os.path.isfile(found := os.path.join(folder, place)):
            return found
    held = sorted(name for name in os.listdir(folder) if name.endswith((".pt", ".pth")))
    remedy = f"Pass one of its files: {', '.join(held[:5])}." if held else "Pass the path of a .pt file."
    if not held and (runs := _runs_in(folder)):
        remedy = f"Pass one of its runs, the newest first: {', '.join(runs[:3])}."
    raise TargetError(f"{folder}: found a folder without best.pt or weights/best.pt, expected that of a run", remedy)


def _runs_in(folder: str) -> list[str]:
    """The runs in a folder of runs, as ``runs`` and ``runs/train`` are; the one that was written last comes first."""
    files = [path for depth in ("*", "*/*") for path in Path(folder).glob(f"{depth}/weights/best.pt")]
    return [str(path.parent.parent) for path in sorted(files, key=os.path.getmtime, reverse=True)]


def _in_their_letters(target: str) -> str:
    """The name of a network in the letters of its host: lines have ``YOLOv5s`` for ``yolov5s``."""
    from yolo_probe.networks.shipped import as_shipped

    name, at, tag = target.partition("@")
    stem, dot, ending = name.partition(".")
    shipped = as_shipped(stem)
    if shipped is None:
        is_theirs = stem.lower().endswith("-cls") or ultralytics_names.name_in(target.lower())
        shipped = stem.lower() if is_theirs and re.match("yolo|rtdetr", stem.lower()) else stem
    return f"{shipped}{dot}{ending}{at}{tag}"


def _network_of_fork(target: str) -> Network | None:
    """The network of a fork that a target names, if neither YOLOv5 nor ultralytics has one of that name."""
    from yolo_probe.networks.shipped import find_fork_network, is_shipped

    name = target.removesuffix(".yaml")
    if "@" in target or is_shipped(name) or ultralytics_names.yaml_of(name):
        return None
    return find_fork_network(name)


def with_rules(subject: Subject, rules: OwnRules) -> Subject:
    """The same subject, where rules of the user's give the output of classes that YOLOv5 does not have."""
    ruled = ruled_modules(subject.root, rules)
    if not ruled:
        return subject
    return replace(subject, unknown=unknown_modules(subject.root, rules), ruled=ruled)


def rows_made_of(subject: Subject) -> tuple[Made, ...]:
    """The repeats and arguments of each row; empty for a file that does not have them."""
    from yolo_probe.checkpoint.reader import Checkpoint
    from yolo_probe.networks.model_yaml import network_in, rows_made

    origin = subject.origin
    if subject.source is None or origin.generation == "ultralytics":
        return ()
    if not isinstance(subject.source, Checkpoint):
        return rows_made(subject.source, origin.generation)
    try:
        attributes = subject.root.attributes
        network = network_in(attributes.get("yaml", attributes.get("md")), subject.label)
        return rows_made(network, origin.generation, origin.release)
    except ModelYamlError:
        return ()


def _from_name(target: str, host: Generation | None, classes: int | None, copy: CopyName | None) -> Subject:
    from yolo_probe.networks.classifiers import CLASSES, classifier, detector_of
    from yolo_probe.networks.shipped import FORKS, find_fork_network, find_network

    name, at, tag = target.partition("@")
    name = name.removesuffix(".yaml")
    if tag.lower() in FORKS:
        found = find_fork_network(name, tag.lower())
        assert found
        return _built(found, "name", target, None, host, classes, copy)
    if at:
        generation = generation_named(tag)
        if generation is None:
            known, meant = ", ".join((*GENERATIONS, *FORKS)), " or ".join(generations_like(tag))
            remedy = f"Did you mean {meant}?" if meant else ""
            raise TargetError(f"{target}: found host {tag!r}, expected one of {known}", remedy)
        if host not in (None, generation):
            raise TargetError(
                f"{target}: found --host {host} beside @{tag}, expected one of them", "name the host once"
            )
        host = generation
    if detector := detector_of(name, host or "head"):
        made = _built(find_network(detector, host or "head"), "name", target, None, host, None, copy)
        classes = CLASSES if classes is None else classes
        root = classifier(made.root, host or "head", classes)
        return replace(made, network=name, root=root, classes=classes)
    network = find_network(name, host or "head")
    return _built(network, "name", target, None, host, classes, copy)


def _from_yaml(target: str, host: Generation | None, classes: int | None, copy: CopyName | None) -> Subject:
    from yolo_probe.networks.model_yaml import read_model_yaml

    if ultralytics_names.is_model_yaml(target):
        document = ultralytics_names.document_of(target, PurePath(target).stem)
        return _built_by_ultralytics(document, "yaml", visible(PurePath(target).name), target, host, classes, copy)
    network = read_model_yaml(target)
    return _built(network, "yaml", visible(PurePath(target).name), target, host, classes, copy)


def _from_yaml_with_source(
    target: str, source: str, host: Generation | None, classes: int | None, copy: CopyName | None
) -> Subject:
    """The network of a model YAML as the code in a folder builds it. Raises: TargetError where that does not fit."""
    from yolo_probe.hosts.yolov5 import identify
    from yolo_probe.networks.model_yaml import read_model_yaml

    _refuse_copy(target, copy)
    if host is not None:
        raise TargetError(f"{target}: found --host {host} beside --source, expected one of them", "leave --host out")
    network = read_model_yaml(target)
    folder = _source_folder(source)
    from yolo_probe.hosts.source import built_from_source, line_form

    try:
        rebuilt = built_from_source(folder, target, classes)
    except TraceError as error:
        raise TargetError(f"{target}: the code in {source} does not build this network: {error}") from None
    root = rebuilt.built.root
    origin = _printing(identify({}, root), line_form)
    return Subject(
        "yaml", visible(PurePath(target).name), target, network.name, classes_of(root),
        replace(
            origin, evidence=(f"built by the code in {source}",), alternatives=(), nearest=True, by_source=True,
        ),
        root, image_channels(root), _stride_of(root), None, rebuilt=rebuilt,
    )  # fmt: skip


def _stride_of(root: Module) -> int:
    """The largest stride that a model has as an attribute; 32 where it has none."""
    strides = root.attributes.get("stride")
    return int(max(strides)) if isinstance(strides, list | tuple) and strides else 32


def _from_ultralytics_name(name: str, host: Generation | None, classes: int | None, copy: CopyName | None) -> Subject:
    found = ultralytics_names.yaml_of(name)
    if found is None:
        if not ultralytics_names.shipped_yamls():
            _refuse_unknown_name(name)
            problem = f"{name}: found no installed ultralytics, expected one, which may ship that network"
            raise TargetError(problem, f"{INSTALL_ULTRALYTICS}{_numbers_without_it(name)}")
        from difflib import get_close_matches

        like = sorted(get_close_matches(name, ultralytics_names.shipped_yamls(), 5, 0.5))
        near = f"; near it are {', '.join(like)}, with n, s, m, l or x after the version" if like else ""
        raise TargetError(
            f"{name}: found no such network in ultralytics {version_of('ultralytics')}, expected one that it ships",
            f"Check the name{near}. A file is named with its path.",
        )
    document = ultralytics_names.document_of(found, name)
    return _built_by_ultralytics(document, "name", name, None, host, classes, copy)


def _numbers_without_it(name: str) -> str:
    """The command that shows the numbers of a network whose line is recorded; empty for any other."""
    from yolo_probe.hosts.known_lines import known_networks

    is_recorded = any(each.network == name for each in known_networks())
    return f"; yolo-probe compare {name} has its numbers without it" if is_recorded else ""


def _refuse_unknown_name(name: str) -> None:
    """Raise TargetError for a name that no release of ultralytics to the newest known has, where none is installed."""
    from difflib import get_close_matches

    from yolo_probe.hosts.known_lines import known_networks, release_numbers

    known = known_networks()
    names = {each.network for each in known}
    shipped = names | set(map(ultralytics_names.without_scale, names))
    if name in shipped or ultralytics_names.NOT_RECORDED.search(name):
        return
    releases = (host.rpartition(" ")[2] for each in known if each.family == "ultralytics" for host in each.hosts)
    near = sorted(get_close_matches(name, names, 5, 0.75))
    raise TargetError(
        f"{name}: found no network of that name, also none in ultralytics to {max(releases, key=release_numbers)}",
        f"Check the name{'; near it are ' if near else ''}{', '.join(near)}. A file is named with its path.",
    )


def _built_by_ultralytics(
    document: dict[object, object], kind: Literal["yaml", "name"], label: str, path: str | None,
    host: Generation | None, classes: int | None, copy: CopyName | None,
) -> Subject:  # fmt: skip
    """A network of a model YAML of ultralytics. Raises: TargetError where the installed package cannot build it."""
    from yolo_probe.hosts.ultralytics_architecture import architecture_in

    _refuse_copy(label, copy)
    if host is not None:
        raise TargetError(f"{label}: found --host {host} for a network of ultralytics", "leave --host out")
    if gap := _not_installed():
        raise TargetError(f"{label}: {gap.reason}", gap.remedy)
    if classes is not None:
        document["nc"] = classes
    try:
        described = architecture_in(document)
    except ModelYamlError as error:
        remedy = (
            "Correct that place of the YAML." if path else "Its YAML alone does not build it; pass a checkpoint of it."
        )
        raise TargetError(f"{label}: {error}", remedy) from None
    try:
        from yolo_probe.hosts.ultralytics_rebuild import build

        rebuilt = build(described)
    except (ModelYamlError, TraceError) as error:
        correct = "Correct that row if the YAML is yours. " if path else ""
        raise TargetError(f"{label}: {error}", f"{correct}Another release of ultralytics may build it.") from None
    except ImportError as error:
        problem, remedy = _not_imported(error)
        raise TargetError(f"{label}: {problem}", remedy) from None
    root = rebuilt.built.root
    stride = _stride_of(root)
    return Subject(
        kind, label, path, network_name(root, {}), classes_of(root), ultralytics.installed(), root,
        image_channels(root), stride, None, rebuilt=rebuilt,
    )  # fmt: skip


def _built(
    network: Network, kind: Literal["yaml", "name"], label: str, path: str | None,
    host: Generation | None, classes: int | None, copy: CopyName | None,
) -> Subject:  # fmt: skip
    from yolo_probe.hosts.yolov5 import of_fork, origin_of
    from yolo_probe.networks.model_yaml import build

    _refuse_copy(label, copy)
    generation = host or "head"
    if classes is not None:
        network = network.with_classes(classes)
    root = build(network, generation)
    title = "HEAD" if generation == "head" else generation
    evidence = (f"--host {host}" if host else f"{title}, because none was named",)
    origin = replace(origin_of(generation, evidence), asked=host is not None)
    if fork := fork_of(root):
        origin = of_fork(fork, root)
        if host is not None:
            raise TargetError(
                f"{label}: found --host {host} for a network of {fork.name} ({origin.evidence[0]})", "leave --host out"
            )
    unknown = unknown_modules(root)
    return Subject(
        kind, label, path, network.name, network.classes, origin, root, image_channels(root),
        _stride(root, bool(unknown)), network, None, unknown,
    )  # fmt: skip


def _refuse_copy(label: str, copy: CopyName | None) -> None:
    if copy is not None:
        raise TargetError(f"{label}: found --copy {copy}, but only a checkpoint has copies", "leave --copy out")


def _refuse_source(label: str, source: str | None) -> None:
    if source is not None:
        raise TargetError(
            f"{label}: found --source {source}, but the code of its network is known", "leave --source out"
        )


def _is_missing(path: str) -> bool:
    """Whether nothing is at that path; what is in a folder that may not be read can be there."""
    try:
        os.lstat(path)
    except PermissionError:
        return False
    except (OSError, ValueError):
        return True
    return False


def _from_checkpoint(
    target: str, host: Generation | None, classes: int | None, copy: CopyName | None, source: str | None = None,
    *, imports: bool = True,
) -> Subject:  # fmt: skip
    from yolo_probe.checkpoint.reader import read_checkpoint
    from yolo_probe.hosts.yolov5 import identify, origin_of

    if classes is not None:
        raise TargetError(f"{target}: found --nc {classes}, but a checkpoint's classes are built in", "leave --nc out")
    if not is_url(target) and _is_missing(target):
        stem = Path(target).stem
        remedy = f"check the path; for the network itself pass {stem}" if _is_network(stem) else "check the path"
        raise CheckpointError(f"{target}: no such file", remedy)
    checkpoint = read_checkpoint(target)
    root = checkpoint.copy(copy)
    if ultralytics.is_ultralytics(root):
        if host is not None:
            raise TargetError(
                f"{target}: found --host {host} for a {root.class_path}, which no YOLOv5 builds or prints",
                "leave --host out",
            )
        subject = _from_ultralytics(target, checkpoint, root, copy, imports=imports and source is None)
        return subject if source is None else _with_source(subject, checkpoint, source)
    origin = identify(checkpoint.contents, root)
    if host is not None:
        evidence = (f"--host {host}; the file says {origin.title}: {', '.join(origin.evidence)}",)
        origin = replace(origin_of(host, evidence), asked=True)
    unknown = unknown_modules(root)
    stride = _stored_stride(checkpoint, root) or _stride(root, bool(unknown))
    name, classes_there = network_name(root, options_of(checkpoint.contents)), classes_of(root)
    subject = Subject(
        "checkpoint", visible(Path(target).name), target, name, classes_there, origin, root, image_channels(root),
        stride, checkpoint, saved_of(checkpoint, root, copy), unknown, unfused=of_another_host(root),
    )  # fmt: skip
    return subject if source is None else _with_source(subject, checkpoint, source)


def _source_folder(source: str) -> Path:
    """The folder of a fork's code. Raises: TargetError where there is none, or no torch to run it on shapes."""
    if not os.path.isdir(source):
        raise TargetError(f"--source {source}: found no such folder, expected the one in which `models` lies")
    if find_spec("torch") is None:
        raise TargetError(f"--source {source}: found no torch, which runs its code on shapes", "pip install torch")
    return Path(source)


def _with_source(subject: Subject, checkpoint: Checkpoint, source: str) -> Subject:
    """The same subject with the behaviour of the code in a folder. Raises: TargetError where that does not fit."""
    folder = _source_folder(source)
    from yolo_probe.hosts.source import from_source, line_form

    before = None if subject.foreign else unfused_as_host(subject.root)
    try:
        rebuilt = from_source(folder, subject.root, _small_numbers(checkpoint), options_of(checkpoint.contents), before)
    except TraceError as error:
        raise TargetError(f"{subject.label}: the source in {source} does not fit this file: {error}") from None
    fork, saved = fork_of(subject.root), rebuilt.saved
    return replace(
        subject,
        rebuilt=rebuilt,
        channels=fitting_channels(saved.root, subject.channels, saved.trace_images),
        unknown=(),
        unfused=(),
        origin=replace(_printing(subject.origin, line_form), fork=fork.name if fork else "", by_source=True),
    )


def _printing(origin: Origin, line_form: Callable[[LineForm], tuple[LineForm, ModelInfo]]) -> Origin:
    """The same host with the line of the imported source, whose own forward decides whether it has GFLOPs.

    Where its ``model_info`` is not known, the line is taken like that of YOLOv5; forks of ultralytics often count
    another image.
    """
    form, model_info = line_form(origin.form)
    if model_info != "its own":
        return replace(origin, form=form, of_no_host=origin.of_no_host and model_info == "none")
    evidence = (*origin.evidence, "a model_info of its own")
    return replace(
        origin, form=form, nearest=True, of_no_host=form.host is ULTRALYTICS, line_of_its_own=True, evidence=evidence
    )


def _small_numbers(checkpoint: Checkpoint) -> Callable[[Tensor], tuple[float, ...]]:
    """A function that reads the values of a small tensor of a file; of any other none."""

    def numbers(tensor: Tensor) -> tuple[float, ...]:
        return checkpoint.numbers(tensor) if 0 < tensor.numel <= SMALL_TENSOR and tensor.location else ()

    return numbers


def _from_ultralytics(
    target: str, checkpoint: Checkpoint, root: Module, copy: CopyName | None, *, imports: bool
) -> Subject:
    stride, name = _stored_stride(checkpoint, root) or 32, network_name(root, options_of(checkpoint.contents))
    return Subject(
        "checkpoint", visible(Path(target).name), target, name, classes_of(root),
        ultralytics.identify(checkpoint.contents, root), root, image_channels(root), stride, checkpoint,
        saved_of(checkpoint, root, copy), rebuilt=_rebuilt(checkpoint, root) if imports else NOT_BUILT,
    )  # fmt: skip


NOT_BUILT = Gap("only ultralytics itself builds this network", "fuse-diff has them where ultralytics is installed")


def _rebuilt(checkpoint: Checkpoint, root: Module) -> Rebuilt | Gap:
    """The network of an ultralytics file as the installed package runs it, or why it cannot be run.

    The package builds it anew from its YAML; where that gives another network, the file's modules are made of its
    classes.
    """
    from yolo_probe.hosts.ultralytics_architecture import architecture

    if gap := _not_installed():
        return gap
    options = options_of(checkpoint.contents)
    exact = "layers, parameters and gradients are exact"
    if path := hooked(root):
        return Gap(f"{path} has a forward hook, which only loading the file makes", exact)
    try:
        try:
            described = architecture(root)
            from yolo_probe.hosts.ultralytics_rebuild import rebuild

            return rebuild(described, root, options)
        except (ModelYamlError, TraceError):
            from yolo_probe.hosts.source import from_installed

            try:
                made = from_installed(root, _small_numbers(checkpoint), options)
                made.saved.trace((1, image_channels(root), 640, 640))  # a fork may have other modules of these names
                return made
            except TargetError as failed:
                return Gap(str(failed), f"{exact}; {failed.remedy}")
            except TraceError as failed:
                return Gap(
                    f"the installed ultralytics cannot run this file's modules: {failed}",
                    f"{exact}; another release of ultralytics may run them, or --source DIR its fork",
                )
    except ImportError as error:
        return Gap(*_not_imported(error))


def _not_imported(error: ImportError) -> tuple[str, str]:
    """What failed when ultralytics was imported, and what to do: it names the package that is missing."""
    package = (error.name or "").partition(".")[0]
    if package in ("", "ultralytics"):
        return f"ultralytics cannot be imported: {error}", INSTALL_ULTRALYTICS
    remedy = f"pip install {DISTRIBUTIONS.get(package, package)}"
    return f"ultralytics cannot be imported, for want of {package}: {error}", remedy


DISTRIBUTIONS = {"cv2": "opencv-python", "PIL": "pillow", "yaml": "pyyaml"}
"""What to install for a module that has another name."""


def _not_installed() -> Gap | None:
    """What is missing to build a network of ultralytics; None where nothing is."""
    missing = [name for name in ("torch", "ultralytics") if find_spec(name) is None]
    if not missing:
        return None
    need, be = " and ".join(missing), "is" if len(missing) == 1 else "are"
    return Gap(f"only ultralytics itself builds this network, and {need} {be} not installed", INSTALL_ULTRALYTICS)


INSTALL_ULTRALYTICS = "pip install ultralytics"


def _is_network(name: str) -> bool:
    from yolo_probe.networks.shipped import network_names

    return name in network_names("head")


def _stride(root: Module, unknown: bool) -> int:
    """The largest stride in pixels, from a pass on a small image; 32, as in the host, where there is no pass."""
    try:
        return 32 if unknown else head_stride(root)
    except TraceError:
        return 32


def _stored_stride(checkpoint: Checkpoint, root: Module) -> int | None:
    stride = root.attributes.get("stride")
    numbers = checkpoint.numbers(stride) if isinstance(stride, Tensor) else ()
    return int(max(numbers)) if numbers and all(map(isfinite, numbers)) else None


def saved_of(checkpoint: Checkpoint, root: Module, copy: CopyName | None) -> Saved:
    """What a checkpoint says of its training; ``root``: the copy that is described."""
    contents = checkpoint.contents
    epoch, options = contents.get("epoch"), options_of(contents)
    freeze, rows = freeze_of(options["freeze"], root) if "freeze" in options else ("", None)
    return Saved(
        copy=copy or ("ema" if checkpoint.ema is not None else "model"),
        epoch=epoch if isinstance(epoch, int) else None,
        optimizer=checkpoint.optimizer_present,
        has_model=checkpoint.model is not None,
        has_ema=checkpoint.ema is not None,
        dtype=precision_of(root),
        freeze=rows,
        freeze_option=freeze,
        unusual=checkpoint.unusual,
        runs=checkpoint.runs,
    )


def precision_of(root: Module) -> str:
    """The type of a model's parameters: ``FP16``, ``FP32``, ``BF16``, ``mixed precision``, ``other``."""
    dtypes = {tensor.dtype for _, tensor in named_parameters(root)}
    return DTYPES.get(dtypes.pop(), "other") if len(dtypes) == 1 else "mixed precision"


def freeze_of(option: object, root: Module) -> tuple[str, tuple[int, ...] | None]:
    """The option ``freeze`` as the user wrote it, and the rows that it names, None if it cannot be read.

    The text is empty where it names no rows; of many numbers it has the first twelve.
    """
    model, host = root.children.get("model"), ultralytics.host_of_model(root)
    rows = host.frozen_rows(option, len(model.children) if model else 0)
    if not rows:
        return "", rows
    numbers = option if isinstance(option, list | tuple) else [option]
    words = [shown(number) for number in numbers[:12]] + ["..."] * (len(numbers) > 12)
    return host.freeze_typed(words, listed=numbers is option), rows


def options_of(contents: Mapping[str, object]) -> Mapping[object, object]:
    """The options of the training: ``opt`` of YOLOv5, ``train_args`` of ultralytics; empty where there are none."""
    options = contents.get("opt", contents.get("train_args"))
    return options if isinstance(options, Mapping) else {}


_OF_A_RUN = frozenset({"best", "last"})
"""Names of the files that a training leaves, which say nothing of the network."""


def network_name(root: Module, options: Mapping[object, object]) -> str | None:
    """Name of the YAML that built the network, else of the file in the training's options, else of one with its rows.

    None where there is none.
    """
    yaml = root.attributes.get("yaml")
    named = yaml.get("yaml_file") if isinstance(yaml, Mapping) else None
    recorded = (root.attributes.get("yaml_file"), named, options.get("cfg"), options.get("weights"))
    for source in (*recorded, options.get("model")):
        if isinstance(source, str) and re.search(r"\.(ya?ml|pt)$", source) and len(source) < MAX_PATH:
            stem = re.split(r"[/\\]", source)[-1].rsplit(".", 1)[0]
            if stem not in _OF_A_RUN:
                return re.sub(r"_v\d+(\.\d+)?$", "", stem)  # Ultralytics' own files say yolov5s_v6.yaml
    return _name_by_rows(yaml) if isinstance(yaml, Mapping) else None


def _name_by_rows(yaml: Mapping[object, object]) -> str | None:
    """Name of the network that is shipped with the rows that a model records; None where none is."""
    from yolo_probe.networks.model_yaml import network_in
    from yolo_probe.networks.shipped import name_of

    try:
        return name_of(network_in(yaml, ""))
    except ModelYamlError:
        return None


def classes_of(root: Module) -> int | None:
    """Number of classes of a network's head; None where it has none."""
    last: Module | None = None
    for _, module in named_modules(root):
        if isinstance(module.attributes.get("nc"), int) and module is not root:
            last = module
    count = (last or root).attributes.get("nc")
    return count if isinstance(count, int) else None
