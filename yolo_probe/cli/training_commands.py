"""The commands about a training: run one with the probe, and show what it recorded."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from yolo_probe.cli.options import TRAINING_LANG_OPTION, of_networks
from yolo_probe.cli.output import UNEXPLAINED, show
from yolo_probe.errors import TargetError

if TYPE_CHECKING:
    from yolo_probe.language import Language
    from yolo_probe.training.runner import HostCommand


@click.command("story")
@of_networks("target", "format", "lang")
def story_command(target: str, form: str) -> None:
    """Show what the probe recorded in a training.

    TARGET is the folder of the training (runs/train/exp), or its probe.json.
    """
    from yolo_probe.reports.story import read_story

    story = read_story(target)
    show(story, form)
    if not story.balanced:
        sys.exit(UNEXPLAINED)


class _TrainCommand(click.Command):
    """A command that takes all words from the script's name on as the host's, also those that look like options."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put ``--`` before the host's words, so that click reads only yolo-probe's own."""
        own, module = 0, False
        while not module and own < len(args) and args[own].startswith("-") and args[own] != "--":
            module = args[own].startswith("-m")
            own += 2 if args[own] in ("--settings", "--lang", "-m") else 1
        if own <= len(args) and (module or args[own : own + 1] != ["--"]):
            args = [*args[:own], "--", *args[own:]]
        return super().parse_args(ctx, args)


@click.command("train", cls=_TrainCommand, short_help="Run a training with the probe attached.")
@click.option(
    "--settings", metavar="FILE", help="YAML file with settings of the probe.", show_default="configs/probe.yaml"
)
@TRAINING_LANG_OPTION
@click.option("-m", "module", metavar="MODULE", help="Run a module instead of a script, as python -m does.")
@click.argument("host", nargs=-1, type=click.UNPROCESSED, metavar="TRAIN.PY [ARGUMENTS OF TRAIN.PY]")
def train_command(
    settings: str | None, lang: Language | None, module: str | None, host: tuple[str, ...]
) -> HostCommand:
    """Run an unmodified training of YOLOv5 or ultralytics with the probe attached.

    \b
    yolo-probe train train.py --data coco128.yaml --weights yolov5s.pt
    yolo-probe train -m yolov5.train --data coco128.yaml
    yolo-probe train ultralytics detect train model=yolo11n.pt data=coco8.yaml
    torchrun --nproc_per_node 2 -m yolo_probe train train.py --data coco128.yaml

    With torchrun only rank 0 prints; the other ranks are silent, on purpose.

    Put options of yolo-probe before the script. Set YOLO_PROBE=0 in the environment to run without the probe.
    """  # noqa: D301  # click reads the backspace as: keep these lines
    from yolo_probe.training.runner import ULTRALYTICS, HostCommand

    if module is not None:
        return HostCommand("module", module, host, settings, lang)
    if not host:
        raise TargetError(
            "train: found no TRAIN.PY, expected the path of a training script, -m MODULE, or ultralytics",
            "Such as: yolo-probe train train.py --data coco128.yaml",
        )
    name, *arguments = host
    return HostCommand("ultralytics" if name in ULTRALYTICS else "script", name, tuple(arguments), settings, lang)
