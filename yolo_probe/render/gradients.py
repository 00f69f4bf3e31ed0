"""The words of a provenance: what trains in each copy and what decided it, and the gradients after ``fuse()``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from yolo_probe.hosts.subject import Subject
from yolo_probe.language import Language, translated
from yolo_probe.render.common import about, heading, live_heading
from yolo_probe.render.document import Cause, Figures, Heading, Note, Part, Remainder, Section, Words
from yolo_probe.render.text_layout import sentences
from yolo_probe.reports.gradients import CopyGradients, OptimizerCheck, Provenance, RowGradients


def document(report: Provenance) -> Iterator[Section]:
    """The report as sections of parts, in reading order."""
    yield (Heading(_heading(report)),)
    yield (Words(_answer(report)),)
    for copy in report.copies:
        yield tuple(_copy(copy, f"{copy.name} " if len(report.copies) > 1 else ""))
    yield tuple(_after_fuse(report))
    if words := [*_warnings(report)]:
        yield tuple(map(Words, words))
    if isinstance(report.subject, Subject):
        yield tuple(about(report.subject, _options(report.subject), report.subject.origin.alternatives))


def render_rows(report: Provenance, language: Language = "en") -> str:
    """A table of the rows: how much trains, what froze the rest, and BatchNorms whose statistics still change."""
    return "\n".join(_table(report.rows, language)) + "\n"


def _heading(report: Provenance) -> str:
    if isinstance(report.subject, Subject):
        return heading(report.subject)
    mode = "training" if report.subject.is_training else "evaluation"
    return f"{live_heading(report.subject)}, in {mode} mode"


def _answer(report: Provenance) -> str:
    words = [_copy_answer(copy, len(report.copies) > 1) for copy in report.copies]
    if not report.balanced:
        words.append("Not everything is explained: the rows marked ! show what is left over.")
    if len(report.copies) > 1:
        words.append(f"Validation uses {report.validated}, as it does wherever there is one.")
    elif any(each.mechanism == "--freeze" for each in report.copies[0].decisions):
        words.append("The line at train start is printed before that: it counts all of them.")
    return " ".join([*words, report.freeze_note]).rstrip()


def _copy_answer(copy: CopyGradients, several: bool) -> str:
    total, trained = copy.parameters, copy.gradients
    name = f"{copy.name}: " if several else ""
    frozen = list(dict.fromkeys(each.mechanism for each in copy.decisions if not each.trains))
    by = f" ({', '.join(frozen)})" if frozen else ""
    if trained == total:
        sentence = f"all {total:,} parameters train."
    elif trained == 0:
        sentence = f"none of the {total:,} parameters trains{by}."
    else:
        sentence = f"{trained:,} of {total:,} parameters train, {total - trained:,} do not{by}."
    return name + (sentence if several else sentence[0].upper() + sentence[1:])


def _copy(copy: CopyGradients, name: str) -> Iterator[Part]:
    yield Figures(f"{name}gradients", (f"{copy.gradients:,}",))
    yield Figures(f"{name}parameters", (f"{copy.parameters:,}",))
    for each in copy.decisions:
        place = f", {each.place}" if each.place else ""
        yield Cause(f"{'train' if each.trains else 'do not train'}: {each.mechanism}{place}", f"{each.parameters:,}")
    yield Remainder(copy.unexplained)
    for words in dict.fromkeys(each.words for each in copy.decisions):
        yield Note(words)


def _after_fuse(report: Provenance) -> Iterator[Part]:
    """The gradients after ``fuse()``."""
    if report.is_fused:
        yield Note(f"{report.validated} is fused already: fuse() changes nothing more.")
        return
    if report.fused.has_none:
        yield Note("The source has no fuse(): what trains before a validation trains in it too.")
        return
    new = isinstance(report.subject, Subject) and report.subject.saved is None
    if new:
        yield Figures("gradients of the EMA copy, by ModelEMA", ("0",))
        yield Figures("gradients of the finished file, by strip_optimizer()", ("0",))
        yield Figures("gradients after fuse() of one of these two", ("0",))
    of = f" of {report.validated}" if len(report.copies) > 1 else ""
    fused = report.fused
    # fuse() of another host does the same with autograd on or off
    host = report.subject.origin.host if isinstance(report.subject, Subject) else None
    on, off = (" (train.py)", " (val.py)") if host and not host.fuse_freezes else ("", "")
    yield Figures(f"gradients after fuse(){of}, autograd on{on}", (_number(fused.grad_on),))
    yield Figures(f"gradients after fuse(){of}, under no_grad{off}", (_number(fused.no_grad),))
    if fused.gap:
        yield Note(f"{fused.gap}.\n{fused.remedy}")
    elif new:
        yield Note(
            "A training validates its EMA copy and then its finished file, so its lines say 0 before fuse() comes. "
            "fuse() of the training model itself keeps all that trains with autograd on, and without it what it does "
            "not make anew: the convolutions of Detect."
        )
    elif fused.grad_on != fused.no_grad:
        yield Note("fuse() makes its convolutions anew: trainable where autograd is on, else frozen.")
    elif not fused.grad_on:
        yield Note("Nothing is left to train before fuse(), so fuse() has no part in that 0.")


def _number(value: int | None) -> str:
    return "not known" if value is None else f"{value:,}"


def _warnings(report: Provenance) -> Iterator[str]:
    if report.non_leaf:
        yield (
            f"{len(report.non_leaf)} parameters are no leaves (first: {report.non_leaf[0]}): autograd computed them. "
            "They count as gradients, but an optimizer refuses them."
        )
    if report.optimizer:
        yield from _optimizer(report.optimizer)


def _optimizer(check: OptimizerCheck) -> Iterator[str]:
    groups = f"The optimizer has {check.groups} group{'s' * (check.groups != 1)}"
    if not (check.unheld or check.frozen or check.repeated or check.foreign):
        yield f"{groups}: they hold every parameter that trains, once, and no other."
        return
    yield f"{groups}."
    if check.unheld:
        yield f"! {_several(check.unheld)} in no group: they get a gradient and never change."
    if check.repeated:
        yield f"! {_several(check.repeated)} held more than once: each step changes them more than once."
    if check.foreign:
        yield f"! Tensors of another model: {check.foreign}. What the optimizer changes there, this model does not see."
    if check.frozen:
        yield (
            f"{_several(check.frozen)} held though they do not train. That does no harm, without a gradient the "
            "optimizer leaves them out; YOLOv5 itself passes all."
        )


def _several(names: Sequence[str]) -> str:
    return f"{len(names)} parameter tensor{'s' * (len(names) != 1)} (first: {names[0]})"


def _options(subject: Subject) -> str:
    if subject.saved is None:
        return "--freeze N [N ...]  --host  --nc  --format\N{NO-BREAK SPACE}json"
    return "yolo-probe fuse-diff (the lines that are printed of it)  --format\N{NO-BREAK SPACE}json"


def _table(rows: Sequence[RowGradients], language: Language) -> Iterator[str]:
    yield ""
    yield f"{'row':>6} {'module':<18}{'parameters':>12}{'trainable':>12}  {'frozen by':<21}{'moving':>7}"
    for row in rows:
        by = ", ".join(row.frozen_by) or "-"
        yield (
            f"{row.name or '-':>6} {row.module[:17]:<18}{row.parameters:>12,}{row.trainable:>12,}  {by:<21}"
            f"{row.moving or '-':>7}"
        )
    if any(row.moving for row in rows):
        words = (
            "moving: BatchNorms with frozen weights whose running statistics still move, because a training keeps the "
            "whole model in training mode."
        )
        yield from sentences(translated(words, language))
