"""The command: its subcommands, and how an error becomes a message and an exit code."""

from __future__ import annotations

import gc
import sys
from importlib import import_module
from typing import NoReturn

import click

from yolo_probe import __version__
from yolo_probe.cli.options import LANG_OPTION
from yolo_probe.cli.output import INTERRUPTED, UNSAFE, Outcome, code_of, say, write
from yolo_probe.cli.spellings import DEFAULT_COMMAND, respelled
from yolo_probe.cli.spoken_help import SpokenContext, asked_language
from yolo_probe.counters.conventions import choose_counter
from yolo_probe.environment import Thop, installed_thop, version_of
from yolo_probe.errors import HostError, ProbeError, SettingsError

HOMES = {
    **dict.fromkeys(
        ("fuse-diff", "info", "inspect", "gradients", "counters", "layers", "report"), "yolo_probe.cli.network_commands"
    ),
    **dict.fromkeys(("explain", "diff", "compare"), "yolo_probe.cli.line_commands"),
    **dict.fromkeys(("scan", "check"), "yolo_probe.cli.registry_commands"),
    **dict.fromkeys(("story", "train"), "yolo_probe.cli.training_commands"),
    "bench": "yolo_probe.cli.bench_command",
    "page": "yolo_probe.cli.page_command",
    "guide": "yolo_probe.cli.guide_command",
}
"""Where each command is defined."""


def _imported(name: str) -> click.Command:
    command: click.Command = getattr(import_module(HOMES[name]), f"{name.replace('-', '_')}_command")
    return command


class _Commands(click.Group):
    """The commands, each imported when it is asked for: a short one does not wait for what the others need."""

    context_class = SpokenContext

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every name, in alphabetical order."""
        return sorted([*HOMES, *super().list_commands(ctx)])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name; None if there is none."""
        command = super().get_command(ctx, cmd_name) if cmd_name not in HOMES else _imported(cmd_name)
        if command:
            command.context_class = SpokenContext
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command of the first word, as click finds it.

        Raises: TargetError where there is none.
        """
        if not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            from yolo_probe.cli.usage import no_command

            raise no_command(args[0], COMMANDS)
        return super().resolve_command(ctx, args)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="yolo-probe")
@LANG_OPTION
def cli() -> None:
    """Explain the summary lines of YOLOv5: layers, parameters, gradients, GFLOPs.

    TARGET is a checkpoint (best.pt), a model YAML, or the name of a network (yolov5s, yolov5s@v6.1; with ultralytics
    installed also yolov8n). Nothing in a checkpoint is executed.

    Exit code: 0 if all is explained, 1 if a number is not or a check that you asked for fails, 2 if there is no answer,
    3 if the file would run something when it is loaded, which no checkpoint needs.
    """


@cli.command("version")
def version_command() -> None:
    """Show the versions and the counter that decide the figures."""
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
    write("".join(f"{name:<13}{value}\n" for name, value in rows))
    if thop is not None and thop.shadowed:
        say(
            f"{thop.title} and {thop.shadowed} are both installed into the folder thop; YOLOv5 HEAD and ultralytics "
            "print no GFLOPs with the old one.",
            "Do: pip uninstall -y thop ultralytics-thop && pip install ultralytics-thop",
        )


COMMANDS = (*HOMES, *cli.commands)
"""Every name of a command."""


def _thop_words(thop: Thop | None) -> str:
    if thop is None:
        return "not installed: hosts print no GFLOPs"
    rules = "" if thop.counter else ", whose rules yolo-probe does not know"
    return f"{thop.title}{rules}"


def _refuse(error: ProbeError, outcome: Outcome) -> NoReturn:
    say(str(error), error.remedy, outcome.language)
    sys.exit(UNSAFE if outcome.is_unsafe else code_of(error))


def main(arguments: list[str] | None = None) -> None:
    """Entry point: run the command line and turn errors into messages and exit codes."""
    typed = sys.argv[1:] if arguments is None else arguments
    outcome, collecting = Outcome(language=asked_language(typed)), gc.isenabled()
    gc.disable()  # the process ends before there is anything worth collecting
    try:
        words = respelled(typed, COMMANDS) or ["--help"]
        if words[:1] == [DEFAULT_COMMAND] != typed[:1]:
            others = "info, layers, counters, gradients, inspect, compare, diff, explain"
            say(f"showing {DEFAULT_COMMAND}", f"There are also {others}.", outcome.language)
        host = cli.main(args=words, prog_name="yolo-probe", standalone_mode=False, obj=outcome)
    except click.ClickException as error:
        from yolo_probe.cli.usage import usage_error

        _refuse(usage_error(error, words, COMMANDS, lambda name: cli.get_command(click.Context(cli), name)), outcome)
    except click.Abort:
        say("stopped", asked=outcome.language)
        sys.exit(INTERRUPTED)
    except ProbeError as error:
        _refuse(error, outcome)
    except SystemExit:
        if outcome.is_unsafe:
            sys.exit(UNSAFE)
        raise
    finally:
        if collecting:
            gc.enable()
    if outcome.is_unsafe:
        sys.exit(UNSAFE)
    if host:  # only train gives something to be run
        from yolo_probe.training.runner import run_host

        try:
            run_host(host)
        except (HostError, SettingsError) as error:
            _refuse(error, outcome)
