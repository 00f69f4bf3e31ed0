"""The options that questions about a network take."""

from __future__ import annotations

from collections.abc import Callable

import click

from yolo_probe.counters.conventions import CONVENTIONS
from yolo_probe.hosts.images import Size
from yolo_probe.networks.generations import GENERATIONS
from yolo_probe.networks.network import MOST_CLASSES


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


def of_networks(*names: str) -> Callable[[Command], Command]:
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


NETWORK_OPTIONS = of_networks("target", "imgsz", "counter", "host", "nc", "copy", "rules", "strict", "format", "verify")
"""The options that every question about the four numbers takes."""
