"""The command line: reports on stdout, everything else on stderr; exit 0, 1 something unexplained, 2 no answer."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from importlib import import_module
from importlib.util import find_spec
from shlex import quote
from typing import TYPE_CHECKING, NoReturn

import click

from yolo_probe import __version__
from yolo_probe.counters.conventions import CONVENTIONS, choose_counter
from yolo_probe.environment import Thop, installed_thop, version_of
from yolo_probe.errors import HostError, ProbeError, SettingsError, TargetError, UnknownModuleError
from yolo_probe.hosts.target import Copy, resolve, with_rules
from yolo_probe.model.user_rules import OwnRules, advice
from yolo_probe.networks.generations import GENERATIONS, Generation
from yolo_probe.networks.network import MOST_CLASSES
from yolo_probe.render.text_layout import printable
from yolo_probe.reports.fuse_diff import FuseDiff, fuse_diff
from yolo_probe.reports.info import Info, info
from yolo_probe.reports.question import Question
from yolo_probe.reports.verification import Verification

if TYPE_CHECKING:
    from yolo_probe.counters.conventions import Uncounted
    from yolo_probe.hosts.images import Size
    from yolo_probe.render.sections import Report
    from yolo_probe.reports.line_costs import By, Sort
    from yolo_probe.training.runner import HostCommand

UNEXPLAINED = 1
NO_ANSWER = 2


class ImageSize(click.ParamType):  # type: ignore[type-arg]  # generic from click 8.3 on
    """``640`` or ``640,320``: height and width in pixels."""

    name = "size"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Size:
        """Height and width out of the text."""
        if isinstance(value, tuple):
            return value[0], value[1]
        parts = str(value).split(",")
        sides = [int(part) for part in parts if part.strip().isdecimal() and part.isascii()]
        if len(sides) != len(parts) or len(sides) not in (1, 2) or min(sides) < 1 or max(sides) > MAX_SIDE:
            self.fail(f"found {value!r}, expected pixels, 1 to {MAX_SIDE}: 640, or height,width: 640,320", param, ctx)
        return sides[0], sides[-1]


MAX_SIDE = 65536


def _of_networks(*names: str) -> Callable[[Command], Command]:
    """These of the options that questions about a network take."""
    hosts = click.Choice(GENERATIONS, case_sensitive=False)
    helps = {
        "imgsz": "Image size in pixels: 640, or height,width.",
        "counter": f"Whose rules count FLOPs; else thop, the installed one. One of {', '.join(CONVENTIONS)}.",
        "host": "Which generation of YOLOv5 builds and prints; else HEAD, or the file's own.",
        "nc": "Number of classes of a name or YAML.",
        "copy": "Which copy in a checkpoint; else the one that validation uses.",
        "rules": "Your own counting rules: a .py or .yaml file. A .py runs.",
        "strict": "Exit 1 where the counter has no rule for something.",
        "verify": "Run the installed host, its fuse() and thop beside it: exit 1 where they disagree.",
    }
    options = {
        "target": click.argument("target"),
        "imgsz": click.option("--imgsz", type=ImageSize(), default="640", show_default=True, help=helps["imgsz"]),
        "counter": click.option(
            "--counter", type=click.Choice(("thop", *CONVENTIONS)), metavar="NAME", help=helps["counter"]
        ),
        "host": click.option("--host", type=hosts, help=helps["host"]),
        "nc": click.option("--nc", type=click.IntRange(1, MOST_CLASSES), help=helps["nc"]),
        "copy": click.option("--copy", type=click.Choice(("model", "ema")), help=helps["copy"]),
        "rules": click.option("--rules", metavar="FILE", help=helps["rules"]),
        "strict": click.option("--strict", is_flag=True, help=helps["strict"]),
        "verify": click.option("--verify", is_flag=True, help=helps["verify"]),
        "format": click.option(
            "--format", "form", type=click.Choice(("text", "md", "json")), default="text", show_default=True
        ),
    }

    def added(command: Command) -> Command:
        for name in reversed(names):
            command = options[name](command)
        return command

    return added


Command = Callable[..., None]
_network_options = _of_networks(
    "target", "imgsz", "counter", "host", "nc", "copy", "rules", "strict", "format", "verify"
)
"""The options that every question about the four numbers takes."""


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="yolo-probe")
def cli() -> None:
    """Explain the summary lines of YOLOv5: layers, parameters, gradients, GFLOPs.

    TARGET is a checkpoint (best.pt), a model YAML, or the name of a network (yolov5s, yolov5s@v6.1).
    """


@cli.command("fuse-diff")
@_network_options
@click.option("--layers", is_flag=True, help="List every merged convolution and BatchNorm.")
def fuse_diff_command(
    target: str, imgsz: Size, counter: str | None, host: Generation | None, nc: int | None, copy: Copy | None,
    rules: str | None, strict: bool, form: str, verify: bool, layers: bool,
) -> None:  # fmt: skip
    """Explain why training and validation print different lines."""
    question = _question(target, imgsz, counter, host, nc, copy, rules, verify=verify)
    try:
        report = fuse_diff(question)
    except UnknownModuleError:
        _show(info(question, fused=False), form)  # what is known all the same
        raise
    if verify:
        report = replace(report, verification=_verified(report))
    _show(report, form)
    if layers:
        from yolo_probe.render.fuse_diff import render_pairs

        _show_table(render_pairs(report), form)
    _finish(report.question, balanced=report.balanced, label=target, verification=report.verification)
    _be_strict(strict, question.uncounted(report.training))


@cli.command("info")
@_network_options
@click.option("--fused", is_flag=True, help="The state after fuse().")
@click.option(
    "--stride-scaled", is_flag=True, help="Also as YOLOv5 counts: one image of the stride's size, times the area."
)
@click.option("--verbose", is_flag=True, help="Add the host's tables of modules and of parameters.")
def info_command(
    target: str, imgsz: Size, counter: str | None, host: Generation | None, nc: int | None, copy: Copy | None,
    rules: str | None, strict: bool, form: str, verify: bool, fused: bool, stride_scaled: bool,
    verbose: bool,
) -> None:  # fmt: skip
    """Show one state of a network, and what each number means."""
    question = _question(target, imgsz, counter, host, nc, copy, rules, verify=verify)
    report = info(question, fused=fused, stride_scaled=stride_scaled)
    if verify:
        report = replace(report, verification=_verified(report))
    _show(report, form)
    if verbose:
        from yolo_probe.checkpoint.weight_statistics import statistics_of
        from yolo_probe.hosts.target import rows_made_of
        from yolo_probe.render.host_tables import render_tables

        subject = report.question.subject
        made = rows_made_of(subject)
        tables = render_tables(report.state.root, subject.origin.form, made, statistics_of(subject.source))
        _show_table(tables, form)
    _finish(report.question, balanced=True, label=target, verification=report.verification)
    _be_strict(strict, question.uncounted(report.state))


@cli.command("inspect")
@click.option("--cfg", metavar="NETWORK", help="The network that weights alone belong to: a name or a model YAML.")
@_of_networks("target", "format")
def inspect_command(target: str, cfg: str | None, form: str) -> None:
    """Show what is in a checkpoint: copies, bytes, options, and what loading it would run."""
    from yolo_probe.reports.inspection import inspect

    _show(inspect(target, cfg), form)


class _GradientsCommand(click.Command):
    """A command whose ``--freeze`` takes any number of rows, as the one of YOLOv5 does."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """``--freeze 0 5`` as click has it: ``--freeze 0 --freeze 5``."""
        spread: list[str] = []
        freezing = False
        for word in args:
            more = freezing and word.isdecimal() and spread[-1] != "--freeze"
            spread += ["--freeze", word] if more else [word]
            freezing = word.startswith("--freeze") or (freezing and word.isdecimal())
        return super().parse_args(ctx, spread)


@cli.command("gradients", cls=_GradientsCommand)
@click.option(
    "--freeze",
    type=click.IntRange(0),
    multiple=True,
    metavar="N [N ...]",
    help="Of a name or YAML, as a training takes it: 10 is rows 0 to 9, 0 5 is rows 0 and 5.",
)
@_of_networks("target", "host", "nc", "format")
def gradients_command(target: str, freeze: tuple[int, ...], host: Generation | None, nc: int | None, form: str) -> None:
    """Show what trains in each copy of a model, row by row, and what decided it."""
    from yolo_probe.render.gradients import render_rows
    from yolo_probe.reports.gradients import provenance

    report = provenance(resolve(target, host=host, classes=nc), freeze)
    _show(report, form)
    _show_table(render_rows(report), form)
    if report.fused.gap:
        raise TargetError(f"{target}: what fuse() leaves is not known: {report.fused.gap}", report.fused.remedy)
    if not report.balanced:
        sys.exit(UNEXPLAINED)


@cli.command("story")
@_of_networks("target", "format")
def story_command(target: str, form: str) -> None:
    """Tell a training from its folder (runs/train/exp): each moment that the probe recorded in probe.json."""
    from yolo_probe.reports.story import read_story

    story = read_story(target)
    _show(story, form)
    if not story.balanced:
        sys.exit(UNEXPLAINED)


@cli.command("counters")
@_of_networks("target", "imgsz", "counter", "host", "nc", "copy", "rules", "strict", "format")
def counters_command(
    target: str, imgsz: Size, counter: str | None, host: Generation | None, nc: int | None, copy: Copy | None,
    rules: str | None, strict: bool, form: str,
) -> None:  # fmt: skip
    """Hold every FLOP counter against the others, and say why they differ."""
    from yolo_probe.reports.counters import counters

    report = counters(_question(target, imgsz, counter, host, nc, copy, rules))
    _show(report, form)
    _be_strict(strict, report.uncounted)


@cli.command("layers")
@_of_networks("target", "imgsz", "counter", "host", "nc", "copy", "rules", "strict", "format")
@click.option("--by", type=click.Choice(("row", "module", "operator", "type")), help="What a line is; else a row.")
@click.option("--depth", type=click.IntRange(1), metavar="N", help="How far below the rows modules are told apart.")
@click.option("--sort", type=click.Choice(("flops", "parameters", "bytes")), help="The largest first.")
@click.option("--top", type=click.IntRange(1), metavar="N", help="Only so many lines; the others are one.")
@click.option("--memory", is_flag=True, help="Memory access, activations, and what makes FLOPs slow.")
@click.option("--fused", is_flag=True, help="The state after fuse().")
def layers_command(
    target: str, imgsz: Size, counter: str | None, host: Generation | None, nc: int | None, copy: Copy | None,
    rules: str | None, strict: bool, form: str, by: By | None, depth: int | None, sort: Sort | None, top: int | None,
    memory: bool, fused: bool,
) -> None:  # fmt: skip
    """Show what each row, module, operator or type of a network costs."""
    from yolo_probe.reports.layers import View, layer_costs

    chosen = by or "row"
    if chosen == "row" and depth not in (None, 1):
        chosen = "module"
    view = View(chosen, depth, sort or ("bytes" if top and memory else None), top, memory)
    question = _question(target, imgsz, counter, host, nc, copy, rules)
    report = layer_costs(question, view, fused=fused)
    _show(report, form)
    _be_strict(strict, report.convention.uncounted(report.run.records))


@cli.command("version")
def version_command() -> None:
    """Name the versions that decide the figures: Python, torch, thop, ultralytics."""
    thop = installed_thop()
    counter = choose_counter(None, thop)
    rows = [
        ("yolo-probe", __version__),
        ("Python", ".".join(map(str, sys.version_info[:3]))),
        ("torch", version_of("torch") or "not installed"),
        ("thop", _thop_words(thop)),
        ("ultralytics", version_of("ultralytics") or "not installed"),
        ("counter", counter.convention.name),
    ]
    _write("".join(f"{name:<13}{value}\n" for name, value in rows))
    if thop is not None and thop.shadowed:
        click.echo(
            f"yolo-probe: {thop.title} and {thop.shadowed} are both installed into the folder "
            "thop; YOLOv5 HEAD and ultralytics print no GFLOPs with the old one.\n"
            "  Do: pip uninstall -y thop ultralytics-thop && pip install ultralytics-thop",
            err=True,
        )


class _TrainCommand(click.Command):
    """A command whose arguments end where those of the host begin, whatever they look like."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """What click makes of yolo-probe's own part; the rest is the host's."""
        own, module = 0, False
        while not module and own < len(args) and args[own].startswith("-") and args[own] != "--":
            module = args[own].startswith("-m")
            own += 2 if args[own] in ("--settings", "-m") else 1
        if own <= len(args) and (module or args[own : own + 1] != ["--"]):
            args = [*args[:own], "--", *args[own:]]
        return super().parse_args(ctx, args)


@cli.command("train", cls=_TrainCommand, short_help="Run a training with the probe attached.")
@click.option("--settings", metavar="FILE", help="What the probe does, as in configs/probe.yaml.")
@click.option("-m", "module", metavar="MODULE", help="Run a module, as python -m does.")
@click.argument("host", nargs=-1, type=click.UNPROCESSED, metavar="TRAIN.PY [ITS OWN ARGUMENTS]")
def train_command(settings: str | None, module: str | None, host: tuple[str, ...]) -> HostCommand:
    """Run an unmodified training of YOLOv5 or ultralytics with the probe attached.

    \b
    yolo-probe train train.py --data coco128.yaml --weights yolov5s.pt
    yolo-probe train -m yolov5.train --data coco128.yaml
    yolo-probe train ultralytics detect train model=yolo11n.pt data=coco8.yaml
    torchrun --nproc_per_node 2 -m yolo_probe train train.py --data coco128.yaml

    With YOLO_PROBE=0 in the environment the probe stays away.
    """  # noqa: D301  # click reads the backspace as: keep these lines
    from yolo_probe.training.runner import ULTRALYTICS, HostCommand

    if module is not None:
        return HostCommand("module", module, host, settings)
    if not host:
        raise click.UsageError(
            "Missing argument 'TRAIN.PY': expected the path of a training script, -m MODULE, or ultralytics."
        )
    name, *arguments = host
    return HostCommand("ultralytics" if name in ULTRALYTICS else "script", name, tuple(arguments), settings)


def _thop_words(thop: Thop | None) -> str:
    if thop is None:
        return "not installed"
    rules = "" if thop.counter else ", whose rules yolo-probe does not know"
    return f"{thop.title}{rules}"


def _question(
    target: str, imgsz: Size, counter: str | None, host: Generation | None, nc: int | None, copy: Copy | None,
    rules: str | None = None, *, verify: bool = False,
) -> Question:  # fmt: skip
    if rules and verify:
        raise click.UsageError("--verify runs the real thop, which has no rules of yours: leave --rules or it out.")
    own = _own_rules(rules) if rules else None
    subject = resolve(target, host=host, classes=nc, copy=copy)
    typed = {"--host": host, "--nc": nc, "--copy": copy, "--counter": counter, "--rules": rules and quote(rules)}
    options = "".join(f" {name} {value}" for name, value in typed.items() if value is not None)
    subject = with_rules(subject, own) if own else subject
    return Question(subject, imgsz, choose_counter(counter, installed_thop(), own), options, own)


def _own_rules(path: str) -> OwnRules:
    from yolo_probe.counters.rules_file import read_rules

    return read_rules(path)


def _be_strict(strict: bool, uncounted: Sequence[Uncounted]) -> None:
    """With ``--strict`` leave with 1 where something is not counted."""
    if strict and uncounted:
        sys.exit(UNEXPLAINED)


def _verified(report: FuseDiff | Info) -> Verification | None:
    """What the real thop and the real ``fuse()`` say; None where the report has no FLOPs, which ends with 2 anyway."""
    if not report.question.subject.has_flops:
        return None
    if find_spec("torch") is None:
        return Verification(reason="torch is not installed", remedy="pip install torch")
    from yolo_probe.reports.verify import verify_report

    return verify_report(report)


def _show(report: Report, form: str) -> None:
    if form == "json":
        import json

        _write(json.dumps(_data(report), indent=2) + "\n")
        return
    if form == "md":
        from yolo_probe.render import markdown

        _write(markdown.render(report))
        return
    from yolo_probe.render.text import coloured, render

    if _colour():
        _write(render(report, coloured, _columns()), styled=True)
    else:
        _write(render(report, columns=_columns()))


_DATA = {
    "FuseDiff": "fuse_diff",
    "Info": "info",
    "Counters": "counters",
    "Inspection": "inspection_json",
    "LayerCosts": "layers",
    "Provenance": "gradients",
    "Story": "story",
}
"""Where each report is written as plain data."""


def _data(report: Report) -> Mapping[str, object]:
    data: Mapping[str, object] = import_module(f"yolo_probe.reports.{_DATA[type(report).__name__]}").as_json(report)
    return data


def _show_table(table: str, form: str) -> None:
    """Write a table of fixed columns under the report; JSON has it as data."""
    if form == "text":
        _write(table)
    elif form == "md":
        from yolo_probe.render.markdown import fenced

        _write(f"\n{fenced(table)}\n")


def _colour() -> bool:
    terminal = sys.stdout is not None and sys.stdout.isatty()
    return terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _columns() -> int | None:
    """Width of the terminal; None where there is none."""
    return os.get_terminal_size(sys.stdout.fileno()).columns if sys.stdout and sys.stdout.isatty() else None


def _write(text: str, *, styled: bool = False) -> None:
    if sys.stdout is None:
        raise TargetError("standard output is closed, expected somewhere to write the report")
    try:
        sys.stdout.write(printable(text, styled=styled))
        sys.stdout.flush()
    except OSError as error:
        # keep Python from complaining when it flushes once more at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            raise TargetError(f"the report cannot be written: {error.strerror}") from None
        sys.exit(0)  # the reader has seen enough


def _finish(question: Question, *, balanced: bool, label: str, verification: Verification | None) -> None:
    """Leave with the code of the answer."""
    subject, rules = question.subject, question.rules
    if subject.gap:
        raise TargetError(f"{label}: FLOPs are not known: {subject.gap.reason}", subject.gap.remedy)
    if unknown := subject.unknown:
        classes = list(dict.fromkeys(kind for _, kind in unknown))
        first = next(path for path, _ in unknown)
        raise TargetError(
            f"{label}: FLOPs are not known: found {', '.join(classes)} (first at {first}), expected modules of YOLOv5",
            f"layers, parameters and gradients above are exact; {advice(unknown, rules)}",
        )
    if not balanced or (verification and verification.differs):
        sys.exit(UNEXPLAINED)
    if verification and verification.problem:
        raise HostError(f"{label}: not verified: {verification.problem}", verification.remedy)


def _refuse(error: ProbeError) -> NoReturn:
    click.echo(printable(f"yolo-probe: {error}" + (f"\n  {error.remedy}" if error.remedy else "")), err=True)
    sys.exit(NO_ANSWER)


def main(arguments: list[str] | None = None) -> None:
    """Entry point: run the command line and turn errors into messages and exit codes."""
    collecting = gc.isenabled()
    gc.disable()  # the process ends before there is anything worth collecting
    try:
        command = cli.main(args=arguments, prog_name="yolo-probe", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort:
        sys.exit("Aborted!")
    except ProbeError as error:
        _refuse(error)
    finally:
        if collecting:
            gc.enable()
    if command:  # only train gives something to be run
        from yolo_probe.training.runner import run_host

        try:
            run_host(command)
        except (HostError, SettingsError) as error:
            _refuse(error)
