"""The words of an inspection: what a file is and can be used for, its bytes, its records, and what loading runs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from operator import attrgetter
from shlex import quote

from yolo_probe.checkpoint.sizes import OWNERS
from yolo_probe.errors import shown
from yolo_probe.hosts.host import YOLOV5, Host
from yolo_probe.hosts.subject import Saved
from yolo_probe.hosts.target import DTYPES
from yolo_probe.networks.generations import GENERATIONS
from yolo_probe.render.common import host_line, in_a_row
from yolo_probe.render.document import Figures, Footer, Heading, Heads, Note, Part, Section, Words
from yolo_probe.reports.inspection import Inspection, Weights
from yolo_probe.reports.unusual import THOP_BUFFERS

MAX_CLASS_NAMES = 12
"""Number of names of classes that are listed."""

_OWNERS = {"model": "model", "ema": "EMA", "optimizer": "optimizer", "other": "other tensors"}
_LISTED_OPTIONS = ("cfg", "weights", "model", "data", "imgsz", "batch_size", "batch", "epochs", "optimizer", "seed")
"""Options that are listed, in this order."""
_OWN_HYP = (
    "lr0", "lrf", "momentum", "weight_decay", "warmup_epochs", "warmup_momentum", "warmup_bias_lr", "box", "cls", "dfl",
    "hsv_h", "hsv_s", "hsv_v", "degrees", "translate", "scale", "shear", "perspective", "flipud", "fliplr", "mosaic",
    "mixup", "copy_paste",
)  # fmt: skip
"""Hyperparameters, which ultralytics keeps among the options."""


def document(report: Inspection) -> Iterator[Section]:
    """The inspection part by part."""
    yield (Heading(_heading(report)),)
    yield tuple(Words(text) for text in _answers(report))
    if report.weights and report.weights.summary:
        yield tuple(_network(report.weights))
    yield tuple(_bytes(report))
    if report.values:
        from yolo_probe.render.weight_values import weight_sections

        yield from weight_sections(report.values)
    yield tuple(Footer(label, text) for label, text in _notes(report) if text)


def _heading(report: Inspection) -> str:
    classes = "" if report.classes is None else f", {report.classes} class{'es' * (report.classes != 1)}"
    if report.weights:
        what = report.network or "a network that YOLOv5 does not ship"
        return f"{report.label}: weights without modules, of {what}{classes}"
    trained = f"trained with {report.origin.name}" if report.origin else "trained by a host that is not known"
    if report.origin and report.origin.before:
        trained = f"trained with a master before {report.origin.name}"
    return f"{report.label}: {report.network or 'a network without a name'}{classes}, {trained}"


def _answers(report: Inspection) -> Iterator[str]:
    """Sentences on what the file is, and whether it can be validated, resumed and shared."""
    saved, weights = report.saved, report.weights
    if weights:
        yield f"A state_dict: {len(weights.tensors)} tensors with {weights.elements:,} elements, and no network."
        yield f"Validate: no, val.py needs the network. {_advice(weights)}"
    elif saved:
        yield _kind(report)
        yield f"Validate: {_validate(report, saved)}"
    yield f"Resume: {_resume(report)}"
    yield f"Share: {_share(report)}"


def _host(report: Inspection) -> Host:
    """The host that wrote the file; YOLOv5 if that is not known."""
    return report.origin.host if report.origin else YOLOV5


def _validate(report: Inspection, saved: Saved) -> str:
    copy = report.copies[saved.copy]
    what = f"{copy.precision}, {copy.totals.parameters:,} parameters, {copy.totals.gradients:,} gradients"
    if report.resume.reason == "a model alone":
        return f"no, hosts expect a dict: torch.save({{'model': model}}, ...). It is {what}."
    which = "EMA copy" if saved.copy == "ema" else "only copy"
    if report.origin is None:
        return f"with the code that trained it; which host that is, is not known. Its {which}: {what}."
    by = _host(report).validation(report.model_class.rpartition(".")[2])
    return f"yes. {by} uses its {which}: {what}."


def _advice(weights: Weights) -> str:
    network = weights.guess.network if weights.guess else weights.asked
    if network and weights.fused:
        return f"All names and shapes are those of {network} after fuse(): build it, fuse() it, load_state_dict()."
    if network:
        return f"All names and shapes are those of {network}: build it and call load_state_dict()."
    return "No network that YOLOv5 ships has these names and shapes; name the right one with --cfg."


def _kind(report: Inspection) -> str:
    saved, resume = report.saved, report.resume
    assert saved is not None
    if resume.reason == "a model alone":
        return "A model saved alone, without what a training keeps beside it."
    if saved.stripped:
        left = "Finished and stripped: one copy of the model, "
        other = [saved.dtype] * (saved.dtype != "FP16")
        other += ["with parameters that train"] * bool(report.copies[saved.copy].totals.gradients)
        return f"{left}but {in_a_row(other)}." if other else f"{left}as strip_optimizer() leaves it."
    parts = [
        name
        for name, there in (("model", saved.has_model), ("EMA", saved.has_ema), ("optimizer", saved.optimizer))
        if there
    ]
    held = in_a_row(parts) if len(parts) > 1 else f"the {parts[0]} alone"
    when = ""
    if resume.done is not None:
        when = f" after epoch {resume.done}" + (f" of {resume.epochs}" if resume.epochs else "")
    return f"Not stripped: {held}{when}."


def _resume(report: Inspection) -> str:
    resume, saved = report.resume, report.saved
    match resume.reason:
        case "weights" | "a model alone":
            return "no, it records no training."
        case "classification":
            return "no, classify/train.py cannot resume."
        case "no epoch":
            return "no, it records no epoch."
        case "finished":
            option = f" Start a new one from it with {report.origin.host.weights_option}." if report.origin else ""
            return f"no, the training is finished (epoch -1).{option}"
        case "no epochs left":
            return f"no, epoch {resume.done} of {resume.epochs} is done."
    assert saved is not None
    parts = [f"the weights of the {_OWNERS[resume.copy or 'model']}"]
    parts += ["the EMA"] * (saved.has_ema and resume.copy == "model")
    lacks = "" if saved.optimizer else ", and an optimizer that starts anew"
    parts += ["the optimizer"] * saved.optimizer
    of = f" of {resume.epochs}" if resume.epochs else ""
    return f"yes, with epoch {(resume.done or 0) + 1}{of}: {in_a_row(parts)}{lacks}."


def _share(report: Inspection) -> str:
    """A sentence on whether the file can be shared as it is."""
    if report.strange:
        if report.runs:
            return f"no. Loading it runs what no checkpoint needs: {_first([name[:60] for name in report.runs], 4)}."
        names = _first([name[:60] for name in report.strange], 4)
        return f"only with its own code. No known host has {names}."
    saved, strip = report.saved, report.anatomy.strip
    if report.secrets:
        names = _first([name[:40] for name in report.secrets], 4)
        return f"no. It holds secrets, under {names} in its options, which strip_optimizer() leaves there."
    if strip and strip.saved * 100 > report.anatomy.file:
        times = f"{report.anatomy.file / strip.file:.1f}"
        return (
            f"{'make it FP16' if saved and saved.stripped else 'strip it'} first. strip_optimizer() takes "
            f"{strip.saved:,} bytes of tensors away: {times} x smaller, about {_megabytes(strip.file)}."
        )
    paths = [key for key, value in report.options.items() if isinstance(key, str) and _is_place(value)]
    paths_in_it = f" It tells paths of its machine: {_first([path[:40] for path in paths], 4)}." if paths else ""
    return f"yes.{paths_in_it}"


def _is_place(value: object) -> bool:
    return isinstance(value, str) and re.match(r"/[^/]|~|[A-Za-z]:[\\/]", value) is not None


def _network(weights: Weights) -> Iterator[Part]:
    """The lines of the network that was named or recognised."""
    assert weights.summary is not None
    summary = weights.summary
    host = summary.question.subject.origin.name
    also = weights.guess.also if weights.guess else ()
    yield Words(f"When {host} builds this network for training, it prints")
    yield host_line(summary.training, summary.question)
    yield Words("When it validates it, it prints")
    yield host_line(summary.validation, summary.question)
    if also:
        yield Words(f"{', '.join(also)} has the same names and shapes: what activates has no weights.")


def _bytes(report: Inspection) -> Iterator[Part]:
    """The bytes of each part of the file, and why it is large or small."""
    anatomy = report.anatomy
    yield Heads(("storages", "stored as", "bytes"))
    for owner in OWNERS:
        part = anatomy.part(owner)
        # single numbers of another type, such as the count of batches, are not worth a mention
        main = [name for name, size in part.dtypes.items() if size > part.size // 100]
        kinds = ", ".join(DTYPES.get(name, name) for name in main)
        if part.size or (owner != "other" and not report.weights):
            yield Figures(_OWNERS[owner], (str(part.storages or "none"), kinds, f"{part.size:,}"))
    yield Figures("container", ("", report.container, f"{anatomy.container:,}"))
    yield Figures("file", ("", "", f"{anatomy.file:,}"))
    around = "headers and alignment" if report.container == "zip" else "sizes"
    pickle = anatomy.pickle
    yield Note(f"container: the pickle ({pickle:,}), {around} ({anatomy.container - pickle:,})")
    yield from (Note(text) for text in _why(report))


def _why(report: Inspection) -> Iterator[str]:
    """Why the file is larger than a stripped one, or smaller than before it was stripped."""
    anatomy, saved, strip = report.anatomy, report.saved, report.anatomy.strip
    if whole := report.whole:
        yield (
            f"{whole.size / anatomy.file:.1f} x smaller than the last.pt of its training, about "
            f"{_megabytes(whole.size)}, because: 2 bytes a parameter (FP16) in place of {4 + whole.optimizer} "
            f"(model 2, EMA 2, {whole.name} {whole.optimizer})."
        )
    if grids := report.grids:
        yield f"The EMA has {grids:,} bytes more than the model: the grids of its last validation."
    if saved is None or saved.stripped or strip is None or strip.saved <= 0:
        return
    reasons, left = [], strip.saved
    if optimizer := anatomy.part("optimizer").size:
        reasons.append(f"the optimizer ({optimizer:,})")
        left -= optimizer
    if saved.has_model and saved.has_ema and not any(part.shared for part in anatomy.parts):
        model = anatomy.part("model").size
        reasons.append(f"a second copy of the model ({model:,})")
        left -= model
    if left:
        reasons.append(
            f"{saved.dtype} where FP16 will do ({left:,})" if saved.dtype != "FP16" else f"others ({left:,})"
        )
    yield f"More than a stripped file has, {strip.saved:,}: {', '.join(reasons)}."


def _notes(report: Inspection) -> Iterator[tuple[str, str]]:
    """Labels and words: what the file records, what loading it runs, and what is unusual."""
    if report.saved:
        yield "Trained", _trained(report)
        yield "Options", _options(report)
        yield "Hyp", _hyp(report)
        yield "Git", _git(report.contents.get("git"))
        yield "Classes", _classes(report)
        yield "Layers", _layers(report)
    elif report.weights:
        yield "Beside", ", ".join(f"{key} {value}" for key, value in list(report.contents.items())[:8])
    yield "Version", _version(report)
    yield "Loading", " ".join([_loading(report), *_when_loading(report)])
    yield "Unusual", _first(report.unusual, 12, "; ") or "nothing"
    yield "Remove", _without_thop(report) if report.profiled else ""
    yield "More", _more(report)


def _trained(report: Inspection) -> str:
    contents = report.contents
    date, fitness = contents.get("date"), contents.get("best_fitness")
    words = [date[:16].replace("T", " ") if isinstance(date, str) else "no date recorded"]
    epoch, done, epochs = contents.get("epoch"), report.resume.done, report.resume.epochs
    if done is not None:
        words.append(f"epoch {done}{f' of {epochs}' if epochs else ''} ({shown(epoch)} in the file)")
    elif epoch is not None:
        words.append(f"epoch {shown(epoch)}{' (finished)' * (epoch == -1)}")
    words.append(f"best fitness {fitness:.6g}" if isinstance(fitness, float) else "no best fitness")
    return ", ".join(words)


def _options(report: Inspection) -> str:
    options, saved = report.options, report.saved
    assert saved is not None
    if not options:
        old = report.origin and report.origin.generation in GENERATIONS[: GENERATIONS.index("v7.0")]
        return "none recorded" + "; before v7.0 they are only in opt.yaml, beside the folder weights" * bool(old)
    words = [f"{key} {_brief(options[key])}" for key in _LISTED_OPTIONS if options.get(key) not in (None, "")]
    if options.get("weights") == "":
        words.append("no weights to start from")
    words.append(saved.freeze_option or "no freeze")
    return ", ".join(words)


def _hyp(report: Inspection) -> str:
    hyp: Mapping[object, object] = report.hyp or {key: report.options[key] for key in _OWN_HYP if key in report.options}
    words = ", ".join(f"{_brief(key)} {_brief(value)}" for key, value in list(hyp.items())[:60])
    if words and not isinstance(report.options.get("hyp"), Mapping) and report.hyp:
        return f"{words} (from the model, whose box, cls and obj are scaled to its classes and image size)"
    return words


def _brief(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else value[:60] if isinstance(value, str) else shown(value)


def _git(git: object) -> str:
    """The commit of the repository that trained; empty if it was none."""
    found = {key: value for key, value in git.items() if isinstance(value, str)} if isinstance(git, Mapping) else {}
    commit = found.get("commit", "")
    if not commit:
        return ""
    branch = f"branch {found['branch']}" if "branch" in found else "no branch"
    return f"commit {commit[:12]}, {branch}, {found.get('remote') or found.get('origin') or 'no remote'}"


def _classes(report: Inspection) -> str:
    names = [name[:60] for name in report.names[:MAX_CLASS_NAMES]]
    more = f", ... ({len(report.names)} names)" if len(report.names) > MAX_CLASS_NAMES else ""
    count = "not known" if report.classes is None else str(report.classes)
    return f"{count}: {', '.join(names)}{more}" if names else count


def _layers(report: Inspection) -> str:
    """Words on the layers that its host counts, and those of the same network with shared or separate activations."""
    found, origin = report.activations, report.origin
    if found is None:
        return ""
    count = origin.form.layer_count if origin else attrgetter("modules")

    def both(extra: int) -> str:
        numbers = [count(each) + extra for each in (found.layers, found.fused) if each is not None]
        return ", fused ".join(f"{number:,}" for number in dict.fromkeys(numbers))

    if origin and origin.form.layers == "parameter_tensors":
        return f"{both(0)}: parameter tensors"
    if found.distinct == 1 and found.blocks > 1:
        how = f"its {found.blocks} Conv share one activation"
    elif found.distinct == found.blocks:
        how = f"each of its {found.blocks} Conv has its own activation"
    else:
        how = f"its {found.blocks} Conv have {found.distinct} activations between them"
    if found.otherwise is None:
        return f"{both(0)}: {how}"
    other = "with one each" if found.otherwise > 0 else "with one for all"
    if origin and (since := origin.host.shared_activation_since):
        other += f" (as before {since})" if found.otherwise > 0 else f" (as since {since})"
    return f"{both(0)}: {how}; {other} the same network says {both(found.otherwise)}"


def _version(report: Inspection) -> str:
    origin = report.origin
    if origin is None:
        return f"not known: {report.foreign}"
    return "; ".join([f"{origin.name}: {', '.join(origin.evidence)}", *origin.alternatives])


def _loading(report: Inspection) -> str:
    """Words on what a plain ``torch.load`` imports and calls; modules of torch and Python are summed up."""
    called = set(report.calls)
    own: list[str] = []
    common: dict[str, None] = {}
    for module, names in report.imports.items():
        paths = [f"{module}.{name}" for name in names]
        library = next((library for library, pattern in _COMMON.items() if re.fullmatch(pattern, module)), None)
        if library is None or not set(report.strange).isdisjoint(paths):
            marked = [name + "()" * (path in called) for name, path in zip(names, paths, strict=True)]
            own.append(f"{module} ({_first(marked, 24)})")
        else:
            common[library] = None
    own = [*own[:16], *([f"{len(own) - 16} more"] if len(own) > 16 else [])]
    parts = [*own, *([f"parts of {in_a_row([name for name in _COMMON if name in common])}"] if common else [])]
    return (
        f"torch.load(weights_only=False) would import {in_a_row(parts)}, and call {len(called)} of the names in them."
    )


def _when_loading(report: Inspection) -> Iterator[str]:
    """Sentences on the errors that this file meets when it is loaded, and what to do about each."""
    if report.runs:
        return
    if not _PLAIN_MODULES.issuperset(report.imports):
        yield "torch 2.6 and later refuse that by default: pass weights_only=False if you trust the file."
    roots = [module.partition(".")[0] for module in report.imports]
    if "models" in roots and report.origin:
        yield f"Run it in the clone of {report.origin.family}, else \"No module named 'models'\"."
    for package in ("yolov5", "ultralytics"):
        if package in roots:
            yield f"It needs pip install {package}, else \"No module named '{package}'\"."
    if report.saved and report.copies[report.saved.copy].precision == "FP16":
        yield (
            'On a CPU call .float() first: it is FP16, and an older torch, such as 2.0, says "slow_conv2d_cpu" not '
            "implemented for 'Half'."
        )


_PLAIN_MODULES = frozenset({
    "torch", "torch._utils", "torch._tensor", "torch.nn.parameter", "torch.serialization", "collections", "builtins",
    "__builtin__", "_codecs",
})  # fmt: skip
"""Modules of which torch takes what weights alone need, also with ``weights_only=True``."""


def _without_thop(report: Inspection) -> str:
    """Where the numbers of thop come from, and the line of Python that removes them."""
    names = f"({', '.join(map(_quoted, THOP_BUFFERS))})"
    if report.weights:
        remedy = f"state = {{k: v for k, v in state.items() if not k.endswith({names})}}"
    else:
        remedy = f"[m._buffers.pop(k, None) for m in model.modules() for k in {names}]"
    return f"thop.profile(model) left these in the live model, which was then saved: count a copy. {remedy}"


def _quoted(text: str) -> str:
    return f'"{text}"'


_COMMON = {
    "torch": r"torch(\._utils|\._tensor|\.serialization|\.nn\.parameter|\.nn\.modules\..*)?",
    "numpy": r"numpy(\._?core\.(multiarray|numeric)|\.dtypes)?",
    "Python": r"builtins|__builtin__|_codecs|collections|pathlib.*|argparse",
}
"""Modules that every checkpoint may need; all others are named."""


def _first(words: Sequence[str], most: int, between: str = ", ") -> str:
    """The first ``most`` words, and the number of the others."""
    more = [f"and {len(words) - most} more"] if len(words) > most else []
    return between.join([*words[:most], *more])


def _more(report: Inspection) -> str:
    file = quote(report.path)
    if report.weights and report.weights.summary:
        label = report.weights.summary.question.subject.label.removesuffix("@head")
        return f"yolo-probe fuse-diff {quote(label)} --nc {report.classes} (every number explained)"
    if report.weights:
        return "--cfg yolov5s.yaml (or another network or model YAML: all about it)"
    explained = f"yolo-probe fuse-diff {file} (every number explained)  " if report.origin else ""
    return f"{explained}--format json (all options, names and calls)"


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"
