"""The commands about a network: its summary lines, the content of its file, its costs, its gradients, its counters."""

from __future__ import annotations

import os.path
import sys
from collections.abc import Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING
from warnings import simplefilter

import click

from yolo_probe.cli.options import FUSED_OPTION, NETWORK_OPTIONS, WEIGHTS_OPTION, RowNumber, of_networks, spoken
from yolo_probe.cli.output import UNEXPLAINED, folder_words, require_ending, say, show, show_table, warn_of
from yolo_probe.counters.conventions import choose_counter
from yolo_probe.environment import installed_thop
from yolo_probe.errors import HostError, TargetError, TraceError, UnknownModuleError, visible
from yolo_probe.hosts.target import CopyName, in_folder, resolve, with_rules
from yolo_probe.language import shown_in
from yolo_probe.model.structure import named_parameters
from yolo_probe.model.user_rules import OwnRules, advice
from yolo_probe.reports.fuse_diff import FuseDiff, fuse_diff
from yolo_probe.reports.question import Question, State
from yolo_probe.reports.record_place import record_beside

if TYPE_CHECKING:
    from yolo_probe.counters.charges import Uncounted
    from yolo_probe.hosts.images import Size
    from yolo_probe.hosts.subject import Subject
    from yolo_probe.networks.generations import Generation
    from yolo_probe.reports.full_report import FullReport
    from yolo_probe.reports.info import Info
    from yolo_probe.reports.line_costs import By, Sort
    from yolo_probe.reports.verification import Verification
    from yolo_probe.reports.weight_values import WeightValues


@click.command("fuse-diff")
@NETWORK_OPTIONS
@click.option("--layers", is_flag=True, help="Also list every convolution that fuse() merges with a BatchNorm.")
def fuse_diff_command(
    target: str, imgsz: Size, counter: str | None, host: Generation | None, nc: int | None, copy: CopyName | None,
    source: str | None, rules: str | None, strict: bool, form: str, verify: bool, layers: bool,
) -> None:  # fmt: skip
    """Explain why training and validation print different lines.

    Training prints its line before fuse(), validation after it; fuse() merges BatchNorms into convolutions. Every
    change of a number is listed with its cause, and the causes add up to the change.
    """
    question = question_of(target, imgsz, counter, host, nc, copy, rules, verify=verify, source=source)
    try:
        if question.subject.path and record_beside(question.subject.path):
            from yolo_probe.reports.story import fuse_diff_of_run

            report = fuse_diff_of_run(question)
        else:
            report = fuse_diff(question, may_fail=True)
    except UnknownModuleError:
        from yolo_probe.reports.info import info

        show(info(question, fused=False), form)  # layers, parameters and gradients need no rule
        raise
    if verify:
        report = replace(report, verification=_verified(report))
    show(report, form)
    if layers:
        from yolo_probe.render.fuse_diff import render_pairs

        show_table(render_pairs(report), form)
    _refuse_failure(report.question, report.training)
    _finish(report.question, balanced=report.balanced, label=target, verification=report.verification)
    _be_strict(strict, question.charges(report.training).uncounted)


@click.command("info")
@NETWORK_OPTIONS
@FUSED_OPTION
@click.option(
    "--stride-scaled",
    is_flag=True,
    help="Also show FLOPs as YOLOv5 up to v7.0 finds them: those of an image as small as the stride, times the area.",
)
@click.option("--verbose", is_flag=True, help="Also print the host's tables of rows and of parameters.")
@WEIGHTS_OPTION
def info_command(
    target: str, imgsz: Size, counter: str | None, host: Generation | None, nc: int | None, copy: CopyName | None,
    source: str | None, rules: str | None, strict: bool, form: str, verify: bool, fused: bool,
    stride_scaled: bool, verbose: bool, weights: bool,
) -> None:  # fmt: skip
    """Show the summary line of a network and what each number means."""
    from yolo_probe.reports.info import info

    question = question_of(target, imgsz, counter, host, nc, copy, rules, verify=verify, source=source)
    report = info(question, fused=fused, stride_scaled=stride_scaled, may_fail=True)
    if weights:
        report = replace(report, values=_weight_values(question.subject))
    if verify:
        report = replace(report, verification=_verified(report))
    show(report, form)
    if verbose:
        from yolo_probe.checkpoint.weight_statistics import statistics_of
        from yolo_probe.hosts.target import rows_made_of
        from yolo_probe.render.host_tables import render_tables

        subject = report.question.subject
        made = rows_made_of(subject)
        tables = render_tables(report.state.root, subject.origin.form, made, statistics_of(subject.source))
        show_table(tables, form)
    _refuse_failure(report.question, report.state)
    _finish(report.question, balanced=True, label=target, verification=report.verification)
    _be_strict(strict, question.charges(report.state).uncounted)


@click.command("inspect")
@click.option(
    "--cfg",
    metavar="NETWORK",
    help="Name or YAML of the network, if the checkpoint has weights (a state_dict) but no modules.",
    show_default="recognised by the shapes of the weights",
)
@WEIGHTS_OPTION
@of_networks("target", "format", "lang")
def inspect_command(target: str, cfg: str | None, weights: bool, form: str) -> None:
    """Show what is in a checkpoint; nothing in it is executed.

    Copies of the model, where the bytes are, options of the training, whether it can be resumed, and what torch.load
    would import and call.
    """
    from yolo_probe.reports.inspection import inspect

    target = _file_of(target)
    found = inspect(target, cfg, values=weights)
    warn_of(target, found.runs)
    show(found, form)


class _FreezeCommand(click.Command):
    """A command whose ``--freeze`` takes several numbers after one flag, as YOLOv5's does."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Rewrite ``--freeze 0 5`` to what click can read: ``--freeze 0 --freeze 5``."""
        spread: list[str] = []
        freezing = False
        for word in args:
            more = freezing and word.isdecimal() and spread[-1] != "--freeze"
            spread += ["--freeze", word] if more else [word]
            freezing = word.startswith("--freeze") or (freezing and word.isdecimal())
        return super().parse_args(ctx, spread)


_FREEZE_OPTION = click.option(
    "--freeze",
    type=RowNumber(),
    multiple=True,
    metavar="N [N ...]",
    help="Rows to freeze, if TARGET is a name or a YAML. As in train.py: 10 is rows 0 to 9; 0 5 is rows 0 and 5.",
    show_default="none",
)


@click.command("gradients", cls=_FreezeCommand)
@_FREEZE_OPTION
@of_networks("target", "host", "nc", "source", "format", "lang")
def gradients_command(
    target: str, freeze: tuple[int, ...], host: Generation | None, nc: int | None, source: str | None, form: str
) -> None:
    """Show which parameters train, row by row, and what decided it.

    A row is one entry of the model YAML: row 3 is model.3. A checkpoint is shown for each copy that it has.
    """
    from yolo_probe.render.gradients import render_rows
    from yolo_probe.reports.gradients import provenance

    report = provenance(_subject(target, host, nc, source), freeze)
    show(report, form)
    show_table(render_rows(report, shown_in(spoken(), sys.stdout)), form)
    if report.fused.gap:
        raise TargetError(f"{target}: what fuse() leaves is not known: {report.fused.gap}", report.fused.remedy)
    if not report.balanced:
        sys.exit(UNEXPLAINED)


@click.command("report", cls=_FreezeCommand)
@of_networks("target", "imgsz", "counter", "host", "nc", "copy", "source", "rules", "lang")
@_FREEZE_OPTION
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    default="report.html",
    show_default=True,
    help="The file to write: a page (.html), or one picture (.svg, .png), which needs matplotlib.",
)
@click.option("--bench", "measured", is_flag=True, help="Also measure it, as yolo-probe bench does, with torch.")
def report_command(
    target: str, imgsz: Size, counter: str | None, host: Generation | None, nc: int | None, copy: CopyName | None,
    source: str | None, rules: str | None, freeze: tuple[int, ...], output: str, measured: bool,
) -> None:  # fmt: skip
    """Write everything about a network as one page, or as a picture.

    The page has the two lines and the causes of each change, what each row costs, all counters, what trains, and what
    is in the file. It is one file that loads nothing from anywhere. With --bench also what it takes in milliseconds.
    """
    from yolo_probe.reports.full_report import full_report

    ending = Path(output).suffix.lower()
    if ending not in ("", ".htm"):
        require_ending(output, ".html", *PICTURES)
    question = question_of(target, imgsz, counter, host, nc, copy, rules, source=source)
    report = full_report(question, freeze)
    if measured:
        from yolo_probe.reports.bench import Settings, bench

        report = replace(report, bench=bench(question, Settings(sizes=(imgsz,))))
    (_draw if ending in PICTURES else _write_page)(report, output)
    click.echo(f"{visible(output)} is written")
    balanced = not isinstance(report.answer, FuseDiff) or report.answer.balanced
    _finish(question, balanced=balanced, label=target, verification=None)


def _write_page(report: FullReport, output: str) -> None:
    from yolo_probe.render.report_page import write

    write(report, output, spoken())


def _draw(report: FullReport, output: str) -> None:
    """Write the picture. Raises: TargetError where there are no two lines to draw, or the file cannot be written."""
    from yolo_probe.render.picture import draw

    if not isinstance(report.answer, FuseDiff):
        raise TargetError(
            f"{report.label}: found no line after fuse(), expected two lines to draw", "write a page: -o report.html"
        )
    try:
        draw(report.answer, output, report.frozen_rows)
    except OSError as error:
        raise TargetError(f"{output}: the picture cannot be written: {error.strerror}", "Name another file.") from None


PICTURES = (".svg", ".png")


@click.command("counters")
@of_networks("target", "imgsz", "counter", "host", "nc", "copy", "source", "rules", "strict", "format", "lang")
@click.option("--all", "whole", is_flag=True, help="Also show the terms of each counter, and why they differ.")
def counters_command(
    target: str, imgsz: Size, counter: str | None, host: Generation | None, nc: int | None, copy: CopyName | None,
    source: str | None, rules: str | None, strict: bool, form: str, whole: bool,
) -> None:  # fmt: skip
    """Compare all FLOP counters, and say why their figures differ."""
    from yolo_probe.reports.counters import counters

    report = counters(question_of(target, imgsz, counter, host, nc, copy, rules, source=source), brief=not whole)
    show(report, form)
    _be_strict(strict, report.uncounted)


@click.command("layers")
@of_networks("target", "imgsz", "counter", "host", "nc", "copy", "source", "rules", "strict", "format", "lang")
@click.option(
    "--by",
    type=click.Choice(("row", "module", "operator", "type")),
    default="row",
    show_default=True,
    help="What each line of the table is: a row of the model YAML, a module, all calls of one operator, or all "
    "modules of one class.",
)
@click.option(
    "--depth",
    type=click.IntRange(1),
    metavar="N",
    show_default="1; with --by module all levels",
    help="Levels of modules: 1 is the rows, 2 the modules directly inside them, and so on.",
)
@click.option(
    "--sort",
    type=click.Choice(("flops", "parameters", "bytes")),
    show_default="in the order they run; with --top by flops, or by bytes with --memory",
    help="What the lines are sorted by, largest first.",
)
@click.option(
    "--top",
    type=click.IntRange(1),
    metavar="N",
    show_default="all",
    help="Number of lines to show; the others are added up in one line.",
)
@click.option(
    "--memory",
    is_flag=True,
    help="Show memory instead: values moved, activations, and where ShuffleNet V2's guidelines are broken.",
)
@FUSED_OPTION
@click.option(
    "--all", "whole", is_flag=True, help="Also show exact figures, bytes moved, and the arithmetic of each line."
)
def layers_command(
    target: str, imgsz: Size, counter: str | None, host: Generation | None, nc: int | None, copy: CopyName | None,
    source: str | None, rules: str | None, strict: bool, form: str, by: By | None, depth: int | None,
    sort: Sort | None, top: int | None, memory: bool, fused: bool, whole: bool,
) -> None:  # fmt: skip
    """Show the FLOPs, parameters and bytes of each part of a network.

    A row is one entry of the model YAML: row 3 is model.3.
    """
    from yolo_probe.reports.layers import View, layer_costs

    chosen = by or "row"
    if chosen == "row" and depth not in (None, 1):
        chosen = "module"
    view = View(chosen, depth, sort or ("bytes" if top and memory else None), top, memory, not whole)
    question = question_of(target, imgsz, counter, host, nc, copy, rules, source=source)
    report = layer_costs(question, view, fused=fused)
    show(report, form)
    _be_strict(strict, report.charges.uncounted)


def question_of(
    target: str, imgsz: Size, counter: str | None, host: Generation | None, nc: int | None, copy: CopyName | None,
    rules: str | None = None, *, verify: bool = False, source: str | None = None,
) -> Question:  # fmt: skip
    """The question that the options of a command ask."""
    if rules and verify:
        raise TargetError(
            "--verify: found --rules beside it, expected rules of a real thop, which has none of yours",
            "Leave one of the two out.",
        )
    own = _own_rules(rules) if rules else None
    subject = _subject(target, host, nc, source, copy)
    typed = {
        "--host": host, "--nc": nc, "--copy": copy, "--source": source and quote(source), "--counter": counter,
        "--rules": rules and quote(rules),
    }  # fmt: skip
    options = "".join(f" {name} {value}" for name, value in typed.items() if value is not None)
    subject = with_rules(subject, own) if own else subject
    return Question(subject, imgsz, choose_counter(counter, installed_thop(), own), options, own)


def _subject(
    target: str, host: Generation | None, nc: int | None, source: str | None, copy: CopyName | None = None
) -> Subject:
    target = _file_of(target)
    if source is not None:
        simplefilter("ignore")  # what the fork's code warns of is not about the report
    subject = resolve(target, host=host, classes=nc, copy=copy, source=source)
    if subject.saved:
        warn_of(target, subject.saved.runs)
    return subject


def _file_of(target: str) -> str:
    """The target itself; of the folder of a run its best checkpoint, which is said."""
    if not os.path.isdir(target):
        return target
    found = in_folder(target)
    say(folder_words(target, found))
    return found


def _weight_values(subject: Subject) -> WeightValues:
    """The weights of a checkpoint by value. Raises: TargetError for a network without weights."""
    from yolo_probe.checkpoint.reader import Checkpoint
    from yolo_probe.reports.weight_values import weight_values

    if not isinstance(subject.source, Checkpoint):
        raise TargetError(
            f"{subject.label}: found --weights for a network without weights, expected a checkpoint",
            "Pass the path of a .pt file.",
        )
    return weight_values(subject.source.storage_bytes, subject.root)


def _own_rules(path: str) -> OwnRules:
    from yolo_probe.counters.rules_file import read_rules

    return read_rules(path)


def _be_strict(strict: bool, uncounted: Sequence[Uncounted]) -> None:
    """With ``--strict``, exit with 1 if an operator is not counted."""
    if strict and uncounted:
        sys.exit(UNEXPLAINED)


def _verified(report: FuseDiff | Info) -> Verification | None:
    """The figures of the real thop and ``fuse()`` beside the report's; None for a report without FLOPs.

    Such a report exits with 2 in any case.
    """
    if not report.question.subject.has_flops:
        return None
    if find_spec("torch") is None:
        from yolo_probe.reports.verification import Verification

        return Verification(reason="torch is not installed", remedy="pip install torch")
    from yolo_probe.reports.verify import verify_report

    return verify_report(report)


def _finish(question: Question, *, balanced: bool, label: str, verification: Verification | None) -> None:
    """Exit with the code of the answer; return if that is 0.

    Raises: TargetError where FLOPs are not known, HostError where the real figures could not be had: both exit with 2.
    """
    subject, rules = question.subject, question.rules
    if subject.gap:
        raise TargetError(f"{label}: FLOPs are not known: {subject.gap.reason}", subject.gap.remedy)
    if unknown := subject.unknown:
        classes = subject.unknown_classes()
        first = unknown[0][0] or "the model"
        if any(tensor.requires_grad for _, tensor in named_parameters(subject.root)):
            exact = "layers, parameters and gradients are exact before fuse()"
        else:  # the file has no word of what trained
            exact = "layers and parameters are exact before fuse(), gradients if everything in these classes trains"
        raise TargetError(
            f"{label}: FLOPs are not known: found {', '.join(classes)} (first at {first}), expected modules of YOLOv5",
            f"{exact}, and after it if that merges only Conv with BatchNorm; {_where_source_is(subject)}"
            f"{advice(unknown, rules)}",
        )
    if not balanced or (verification and verification.differs):
        sys.exit(UNEXPLAINED)
    if verification and verification.problem:
        raise HostError(f"{label}: not verified: {verification.problem}", verification.remedy)


def _refuse_failure(question: Question, state: State) -> None:
    """Raises: TraceError for a file whose forward pass fails, after all else that is known of it was shown."""
    if state.fails and not question.subject.origin.by_source:
        raise TraceError(f"{question.subject.path}: {state.fails}", state.remedy)


def _where_source_is(subject: Subject) -> str:
    """How the code that trained a checkpoint gives the rest, as a part of a sentence; empty for a network of a YAML."""
    if subject.kind != "checkpoint":
        return ""
    if Path("models").is_dir():
        return "this file's classes may be in ./models: add --source .; else "
    return "--source DIR runs the code of the fork on shapes, "
