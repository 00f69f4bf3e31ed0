"""Classic YOLOv5: which generation wrote a checkpoint, found by what is in the file."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import cast

from yolo_probe.hosts.subject import Origin
from yolo_probe.hosts.summary_line import FORMS, RELEASE_FORMS, LineForm
from yolo_probe.model.forks.fork import Fork, marks_of
from yolo_probe.model.forks.registry import fork_of, fork_with
from yolo_probe.model.structure import (
    MODEL_CLASSES,
    Module,
    distinct_modules,
    is_of_rows,
    named_modules,
    named_parameters,
)
from yolo_probe.networks.generations import Generation

TAG_COMMITS: Mapping[str, Generation] = {"915bbf294bb74c859f0b41f1c23bc395014ea679": "v7.0"}
"""Commits of those tags whose files record a commit."""

V7_0_SINCE = "2022-11-22"
"""Day of the tag v7.0; its changes were in the master branch before."""

LEAF_LAYERS_SINCE = "2026-07-29"
"""Day on which YOLOv5 took over ultralytics' summary line, where a layer is a leaf."""

PYPI_PREFIX = "yolov5."

HOME = "utils.torch_utils"
"""Name of the module of a host that prints its line."""


def origin_of(generation: Generation, evidence: tuple[str, ...], release: str | None = None,
              alternatives: tuple[str, ...] = ()) -> Origin:  # fmt: skip
    """The host of a generation, or of a PyPI release that follows it."""
    form = RELEASE_FORMS.get(release or "", FORMS[generation])
    return Origin(generation, form, evidence, alternatives, release)


def origin_of_line(form: LineForm, host: str, *, form_known: bool = True) -> Origin:
    """The host that runs in this process, found by the form of its line and by what its modules define.

    ``host``: name of the module that prints the line. ``form_known``: whether its form is known, not guessed.
    """
    if host.startswith(PYPI_PREFIX):
        release = getattr(sys.modules.get(PYPI_PREFIX[:-1]), "__version__", None)
        return Origin(_generation_of(form, host), form, (f"release {release} runs in this process",), release=release)
    if not host:
        return Origin(_generation_of(form, host), form, ("a training loop of its own",), nearest=True, own_loop=True)
    blocks = _blocks_of(host)
    fork = fork_with(vars(blocks) if blocks else ()) or ("YOLOv3" if _ships_yolov3(blocks) else "")
    prints = f"what {host} prints {'and holds' if form_known else 'is new to yolo-probe'}"
    return Origin(_generation_of(form, host), form, (prints,), nearest=not (form_known or fork), fork=fork)


def _blocks_of(host: str) -> ModuleType | None:
    """The module with the blocks of the host whose line that module prints; for HEAD, ultralytics prints it."""
    home = HOME if host.startswith("ultralytics.") else host
    return sys.modules.get(home.replace(HOME, "models.common"))


def _ships_yolov3(blocks: ModuleType | None) -> bool:
    """Whether the YAMLs beside a host's blocks are those of YOLOv3, whose code is that of YOLOv5 of its day."""
    place = Path(getattr(blocks, "__file__", None) or os.devnull)
    return place.with_name("yolov3.yaml").is_file() and not place.with_name("yolov5s.yaml").is_file()


def _generation_of(form: LineForm, host: str) -> Generation:
    blocks = _blocks_of(host)
    if form.layers == "leaf_modules":
        return "head"
    if form.named_after:
        return "v7.0" if hasattr(getattr(blocks, "Conv", None), "default_act") else "v6.2"
    if form.unit == "GFLOPS":
        return "v5.0"
    return "v6.1" if hasattr(blocks, "DetectMultiBackend") else "v6.0"


def identify(contents: Mapping[str, object], root: Module) -> Origin:
    """The host that wrote a checkpoint, with the evidence, and with other hosts that the evidence allows."""
    if not is_of_rows(root):
        return _of_no_host(root)
    if root.kind not in MODEL_CLASSES:
        return replace(_to_v6_1(contents, root), nearest=True)
    if (fork := fork_of(root)) is not None:
        return of_fork(fork, root)
    if root.class_path.startswith(PYPI_PREFIX):
        return _pypi(contents, root)
    if (older := _by_yolov3(contents, root) or _before_v5_0(contents, root)) is not None:
        return older
    if root.class_path.endswith(".Model"):
        return _to_v6_1(contents, root)
    return _since_v6_2(contents, root)


def _of_no_host(root: Module) -> Origin:
    """The host of any other model: not known, and neither is how its line is written."""
    classes = ", ".join(MODEL_CLASSES)
    evidence = f"found a model of class {root.class_path}, expected one of classic YOLOv5: {classes}"
    return replace(origin_of("v7.0", (evidence,)), nearest=True, of_no_host=True)


def of_fork(fork: Fork, root: Module) -> Origin:
    """A fork that has built a network, with the classes that say so."""
    generation = cast(Generation, fork.line)
    form = replace(FORMS[generation], smallest_image=fork.smallest_image)
    form = form if fork.writes_anchor_grid else replace(form, writes_anchor_grid=False)
    form = replace(form, channels="yaml") if fork.channels_of_yaml else form
    marks = sorted(fork.marks & marks_of(root))
    changed = (fork.changed,) if fork.changed else ()
    return Origin(
        generation, form, (f"it has {', '.join(marks[:3])}",), changed, fork=fork.name,
        fuses_as_its_line=fork.fuses_as_its_line,
    )  # fmt: skip


def _pypi(contents: Mapping[str, object], root: Module) -> Origin:
    recorded = contents.get("yolov5pip_version")
    if isinstance(recorded, str):
        release = recorded
        generation: Generation = "v7.0" if recorded.startswith("7.") else "v6.2"
        return origin_of(generation, (f"yolov5pip_version {recorded} in the file",), release)
    module = f"module {PYPI_PREFIX}models (PyPI)"
    evidence: tuple[str, ...]
    if not root.class_path.endswith(".Model"):
        return origin_of(
            "v7.0", (module, "class DetectionModel (from 6.2)"), "6.2.3", ("7.0.0 to 7.0.13 write the same",)
        )
    if "date" in contents:
        return origin_of("v6.1", (module, "class Model (to 6.1)", "a date (from 6.1)"), "6.1.9")
    if _is_v5_0(contents, root):
        evidence = (module, "class Model (to 6.1)", "Detect without inplace, or training_results (to 5.0.5)")
        return origin_of("v5.0", evidence, "5.0.0", ("5.0.5 writes the same",))
    if any("anchor_grid" in m.buffers for _, m in named_modules(root) if m.kind == "Detect"):
        evidence = (
            module,
            "class Model (to 6.1)",
            "anchor_grid is a buffer (to 5.0.10)",
            "no training_results of 5.0.5",
        )
        return origin_of("v5.0", evidence, "5.0.10", ("5.0.9 writes the same",))
    return origin_of("v6.0", (module, "class Model (to 6.1)", "no date (6.1 has one)"), "6.0.7")


def _is_v5_0(contents: Mapping[str, object], root: Module) -> bool:
    """Whether Detect has no ``inplace`` yet, or train.py itself saved ``training_results``.

    strip_optimizer() of later generations sets that key too, but after all others.
    """
    heads = [module for _, module in named_modules(root) if module.kind == "Detect"]
    if heads and not any("inplace" in head.attributes for head in heads):
        return True
    keys = list(contents)
    return "training_results" in keys and (
        "updates" not in keys or keys.index("training_results") < keys.index("updates")
    )


def _before_v5_0(contents: Mapping[str, object], root: Module) -> Origin | None:
    """The host of a file from before v5.0; None where nothing says that it is from so early."""
    heads = [module for _, module in named_modules(root) if module.kind == "Detect"]
    if not root.class_path.endswith(".Model") or not heads or "inplace" in heads[0].attributes:
        return None
    if "md" in root.attributes and not heads[0].children:
        return origin_of("v1.0", ("model.md (model.yaml from v2.0)", "Detect without convolutions (with, from v2.0)"))
    if "updates" in contents:
        return None
    activations = _activations(root)
    if _has_focus_without_slices(root):
        return origin_of("v3.1", ("Focus without slices (a fork for Rockchip's NPUs, whose line is that of v3.1)",))
    if "nn.LeakyReLU" in activations and "export" in heads[0].attributes:
        return _of_2020(contents, root)
    if "nn.Hardswish" in activations:
        other = "a master of August or September 2020, whose fuse() leaves what it makes anew trainable"
        if "wandb_id" in contents:
            other = "a master from 14 November 2020 prints the line of v4.0"
        return origin_of("v3.1", ("Conv with Hardswish (to v3.1, from August 2020)",), alternatives=(other,))
    if "nn.SiLU" in activations and "training_results" in contents:
        return origin_of("v4.0", ("Conv with SiLU (from v4.0)", "no updates (v5.0 has them)"))
    return None


def _has_focus_without_slices(root: Module) -> bool:
    """Whether the first row is a Focus that has a stride of 2 in place of its slices."""
    rows = root.children.get("model")
    first = rows and next(iter(rows.children.values()), None)
    if not first or first.kind != "Focus":
        return False
    return any(module.attributes.get("stride") == (2, 2) for module in distinct_modules(first))


def _of_2020(contents: Mapping[str, object], root: Module) -> Origin:
    """v2.0 or v3.0, which fuse and print alike."""
    marks = ("Conv with LeakyReLU (to v3.0)", "model.yaml (from v2.0)")
    if contents.get("epoch") != -1:
        return origin_of("v2.0", (*marks, "not stripped as v3.0 does it"), alternatives=(
            "v3.0: its unfinished files and its lines are the same",))  # fmt: skip
    if any(tensor.requires_grad for _, tensor in named_parameters(root)):
        alternative = "v2.0: create_pretrained() writes the same, and its lines are the same"
        return origin_of("v3.0", (*marks, "epoch -1"), alternatives=(alternative,))
    return origin_of("v3.0", (*marks, "stripped, with epoch -1 (from v3.0)"))


def _activations(root: Module) -> set[str]:
    """Kinds of the activations of all Conv."""
    acts = (module.children.get("act") for _, module in named_modules(root) if module.kind == "Conv")
    return {act.kind for act in acts if act is not None}


_YOLOV3_HOLDS = frozenset({"Model", "Conv", "Bottleneck", "SPP", "Concat", "Detect"})
"""The classes of the networks that YOLOv3 ships, beside those of torch."""


def _by_yolov3(contents: Mapping[str, object], root: Module) -> Origin | None:
    """YOLOv3 of Ultralytics, whose code is that of YOLOv5 of its day; None where nothing says that it is YOLOv3."""
    if not root.class_path.endswith(".Model"):
        return _by_late_yolov3(contents)
    heads = [module for _, module in named_modules(root) if module.kind == "Detect"]
    kinds = {kind for _, module in named_modules(root) if not (kind := module.kind).startswith("nn.")}
    activations = _activations(root)
    if "nn.LeakyReLU" in activations and kinds <= _YOLOV3_HOLDS and heads and "export" not in heads[0].attributes:
        marks = ("Conv with LeakyReLU, and Detect without export (YOLOv5 never had both)",)
        if "updates" in contents:
            return _of_yolov3("v5.0", (*marks, "updates (from v9.5.0)"))
        return _of_yolov3("v4.0", (*marks, "no updates (to v9.1)"))
    name = root.attributes.get("yaml_file")
    if isinstance(name, str) and name.startswith("yolov3") and "date" in contents and "nn.SiLU" in activations:
        alternative = "YOLOv5 v6.1: its files of this network and its lines are the same"
        return _of_yolov3("v6.1", (f"built from {name[:40]}", "a date (from v9.6.0)"), alternative)
    return None


def _by_late_yolov3(contents: Mapping[str, object]) -> Origin | None:
    """YOLOv3 since February 2023, which its files name as the origin of the code."""
    remote = _text(contents.get("git"), "remote") or _text(contents.get("git"), "origin")
    if not remote.removesuffix(".git").endswith("/yolov3"):
        return None
    date = contents.get("date")
    mark = f"the git remote in the file, {remote[-60:]}"
    if isinstance(date, str) and date[:10] >= LEAF_LAYERS_SINCE:
        return _of_yolov3("head", (mark, f"dated {date[:10]}"), _older_line())
    origin = _of_yolov3("v7.0", (mark,))
    return replace(origin, form=replace(origin.form, named_after="yolov3"))


def _of_yolov3(line: Generation, evidence: tuple[str, ...], *alternatives: str) -> Origin:
    """``line``: the generation of YOLOv5 whose line it prints."""
    return replace(origin_of(line, evidence, alternatives=alternatives), fork="YOLOv3")


def _to_v6_1(contents: Mapping[str, object], root: Module) -> Origin:
    model = "class Model (to v6.1)"
    if "date" in contents:
        return origin_of("v6.1", (model, "a date (from v6.1)"))
    if any(module.kind == "SPPF" for _, module in named_modules(root)):
        return origin_of("v6.0", (model, "SPPF (from v6.0)", "no date (v6.1 has one)"))
    if _is_v5_0(contents, root):
        others = () if "updates" in contents else ("v4.0: nothing in the file excludes it, and its lines are the same",)
        return origin_of("v5.0", (model, "Detect without inplace, or training_results (to v5.0)"), alternatives=others)
    heads = [module for _, module in named_modules(root) if module.kind == "Detect"]
    if any("anchor_grid" in head.buffers for head in heads):
        marks = (model, "Detect with inplace, and anchor_grid as a buffer (April to October 2021)", "no SPPF")
        between = origin_of("v6.0", marks, alternatives=("v5.0 and a master to June 2021 print GFLOPS",))
        return replace(between, form=replace(between.form, writes_anchor_grid=False), before=True)
    return origin_of("v6.0", (model, "no date (v6.1 has one)"), alternatives=("v5.0: nothing in the file excludes it",))


def _since_v6_2(contents: Mapping[str, object], root: Module) -> Origin:
    commit = _text(contents.get("git"), "commit")
    if commit in TAG_COMMITS:
        tag = TAG_COMMITS[commit]
        return origin_of(tag, (f"the git commit in the file, {commit[:7]}, is the tag {tag}",))
    name = root.class_path.rpartition(".")[2]
    date = contents.get("date")
    day = date[:10] if isinstance(date, str) else ""
    options = contents.get("opt")
    dated = f"dated {day}" if day else "no date"
    since_v7_0 = ""
    if isinstance(options, Mapping) or "git" in contents or name == "SegmentationModel":
        since_v7_0 = "opt" if isinstance(options, Mapping) else "git" if "git" in contents else f"class {name}"
    elif _one_activation_each(root):
        return origin_of("v6.2", (f"class {name} (from v6.2)", "an activation in each Conv (to v6.2)", dated))
    if day >= LEAF_LAYERS_SINCE:
        commit_words = f"the git commit in the file, {commit[:7]}, is no tag" if commit else "no git commit in the file"
        if isinstance(options, Mapping) and "evolve_population" in options:
            evidence = (commit_words, "opt.evolve_population (after v7.0)", f"dated {day}")
            return origin_of("head", evidence, alternatives=(_older_line(),))
        return origin_of("v7.0", (commit_words, f"class {name} (from v6.2)"),
                         alternatives=(f"HEAD: dated {day}, which does not exclude it",))  # fmt: skip
    if since_v7_0:
        before = bool(day) and day < V7_0_SINCE
        limit = f"the tag ({V7_0_SINCE})" if before else f"HEAD's new line ({LEAF_LAYERS_SINCE})"
        when = f"{dated}: before {limit}" if day else dated
        return replace(origin_of("v7.0", (f"{since_v7_0} (from v7.0)", when)), before=before)
    return origin_of("v7.0", (f"class {name} (from v6.2)", "one activation shared by all Conv (from v7.0)", dated))


def _older_line() -> str:
    return f"a master from before {LEAF_LAYERS_SINCE} prints the line of v7.0"


def _one_activation_each(root: Module) -> bool:
    activations = [m.children.get("act") for _, m in named_modules(root) if m.kind == "Conv"]
    return len({id(a) for a in activations if a is not None}) > 1


def _text(mapping: object, key: str) -> str:
    value = mapping.get(key) if isinstance(mapping, Mapping) else None
    return value if isinstance(value, str) else ""
