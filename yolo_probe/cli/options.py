"""The options that the commands about a network share."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import partial

import click

from yolo_probe.counters.conventions import CONVENTIONS, DEFAULT
from yolo_probe.hosts.images import MAX_SIDE, Size
from yolo_probe.language import LANGUAGES, Language, language
from yolo_probe.networks.generations import GENERATIONS, generation_named


class ImageSize(click.ParamType):  # type: ignore[type-arg]  # generic from click 8.3 on
    """``640``, ``640,320`` or ``640x320``: height and width in pixels."""

    name = "size"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Size:
        """Height and width, in pixels; click's usage error for anything else."""
        if isinstance(value, tuple):
            return value[0], value[1]
        parts = re.split(r"[,xX*]", str(value))
        sides = [int(part) for part in parts if part.strip().isdecimal() and part.isascii()]
        if len(sides) != len(parts) or len(sides) not in (1, 2) or min(sides) < 1 or max(sides) > MAX_SIDE:
            self.fail(f"found {value!r}, expected pixels, 1 to {MAX_SIDE}: 640, or height,width: 640,320", param, ctx)
        return sides[0], sides[-1]


class RowNumber(click.ParamType):  # type: ignore[type-arg]  # generic from click 8.3 on
    """``10``: a number of ``--freeze``, whole and not below 0."""

    name = "number"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The number; click's usage error for anything else."""
        text = str(value)
        if not (text.isdecimal() and text.isascii()):
            self.fail(
                f"found {text!r}, expected numbers of rows: 10 is rows 0 to 9 (the backbone of yolov5s), 0 5 is rows 0 "
                "and 5. yolo-probe layers TARGET lists the rows.",
                param,
                ctx,
            )
        return int(text)


class Parameters(click.ParamType):  # type: ignore[type-arg]  # generic from click 8.3 on
    """``7200000``, ``7,200,000`` or ``7.2M``: a number of parameters."""

    name = "number"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The number; click's usage error for anything else."""
        found = re.fullmatch(r"(\d+(?:[,_]\d{3})*(?:\.\d+)?)([kKmMgG]?)", str(value), re.ASCII)
        amount = Decimal(found[1].replace(",", "")) * _THOUSANDS[found[2].upper()] if found else None
        if amount is None or amount % 1:
            self.fail(f"found {str(value)!r}, expected a number of parameters: 7200000, 7,200,000 or 7.2M", param, ctx)
        return int(amount)


_THOUSANDS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9}


_LANGUAGE = "yolo_probe.language"
"""Where a command notes the language of its report."""
_CHOSEN = "yolo_probe.language_chosen"
"""Where it notes that ``--lang`` was given."""


def spoken() -> Language:
    """The language of the command that runs; where it has no ``--lang``, the environment's."""
    context = click.get_current_context(silent=True)
    found: Language = context.meta.get(_LANGUAGE) or language() if context else language()
    return found


def speak_chinese() -> None:
    """Have the command that runs answer in Chinese, as what is asked in Chinese is; not against its ``--lang``."""
    context = click.get_current_context(silent=True)
    if context and not context.meta.get(_CHOSEN):
        context.meta[_LANGUAGE] = "zh"


def _speak(context: click.Context, _: click.Parameter, asked: Language | None) -> None:
    context.meta[_CHOSEN] = bool(asked) or context.meta.get(_CHOSEN, False)
    context.meta[_LANGUAGE] = asked or context.meta.get(_LANGUAGE) or language()
    if context.obj is not None:  # for an error, which is told when the command is over
        context.obj.language = asked or context.obj.language


_lang_option = partial(
    click.option,
    "--lang",
    type=click.Choice(LANGUAGES),
    help="Language of the sentences: English or Chinese.",
    show_default="zh if LANGUAGE, LC_ALL, LC_MESSAGES or LANG asks for it, else en",
)
LANG_OPTION = _lang_option(callback=_speak, expose_value=False)
TRAINING_LANG_OPTION = _lang_option()
"""The same for a command whose settings name a language too."""


def _format(forms: tuple[str, ...], words: str) -> Callable[[Command], Command]:
    return click.option("--format", "form", type=click.Choice(forms), default="text", show_default=True, help=words)


class _Host(click.Choice):  # type: ignore[type-arg]  # generic since click 8.2 alone
    """A generation by any of its names: ``v3.1``, ``3.1``, ``master``."""

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The generation."""
        found: str = super().convert(generation_named(value) or value, param, ctx)
        return found


def of_networks(*names: str) -> Callable[[Command], Command]:
    """A decorator that adds these of the shared options to a command, in this order."""
    hosts = _Host(GENERATIONS, case_sensitive=False)
    helps = {
        "imgsz": "Image size in pixels, one number or HEIGHT,WIDTH; rounded up to a multiple of the stride.",
        "counter": f"Counter whose rules give the FLOPs: thop (the installed one), or one of {', '.join(CONVENTIONS)}.",
        "host": "Generation of YOLOv5 that builds the network and prints its line.",
        "nc": "Number of classes, if TARGET is a name or a YAML.",
        "copy": "Copy of the model, if TARGET is a checkpoint.",
        "source": "Folder of the fork's code that trained TARGET. Its code is imported and run on shapes: trust it.",
        "rules": "YAML or Python file with counting rules of your own. A .py file is executed.",
        "strict": "Exit with 1 if the counter has no rule for some operator.",
        "format": "Plain text, Markdown or JSON.",
        "table format": "Plain text, Markdown, JSON or CSV.",
        "verify": "Also run the installed host's fuse() and thop. Exit with 1 if their figures differ.",
    }
    options: Mapping[str, Callable[[Command], Command]] = {
        "target": click.argument("target"),
        "imgsz": click.option("--imgsz", type=ImageSize(), default="640", show_default=True, help=helps["imgsz"]),
        "counter": click.option(
            "--counter", type=click.Choice(("thop", *CONVENTIONS)), metavar="NAME", help=helps["counter"],
            show_default=f"thop, or {DEFAULT} if no thop is installed",
        ),
        "host": click.option(
            "--host", type=hosts, help=helps["host"], show_default="head, or the one that made the checkpoint"
        ),
        "nc": click.option(
            "--nc", type=click.IntRange(1), help=helps["nc"], show_default="as its YAML says"
        ),
        "copy": click.option(
            "--copy", type=click.Choice(("model", "ema")), help=helps["copy"],
            show_default="the one that validation uses: ema if there is one",
        ),
        "source": click.option("--source", metavar="DIR", help=helps["source"]),
        "rules": click.option("--rules", metavar="FILE", help=helps["rules"]),
        "strict": click.option("--strict", is_flag=True, help=helps["strict"]),
        "verify": click.option("--verify", is_flag=True, help=helps["verify"]),
        "lang": LANG_OPTION,
        "format": _format(("text", "md", "json"), helps["format"]),
        "table format": _format(("text", "md", "json", "csv"), helps["table format"]),
    }  # fmt: skip

    def added(command: Command) -> Command:
        for name in reversed(names):
            command = options[name](command)
        return command

    return added


Command = Callable[..., None]


NETWORK_OPTIONS = of_networks(
    "target", "imgsz", "counter", "host", "nc", "copy", "source", "rules", "strict", "format", "lang", "verify"
)
"""The options of the commands about the four numbers, ``fuse-diff`` and ``info``."""

FUSED_OPTION = click.option("--fused", is_flag=True, help="Show the network after fuse(), as validation runs it.")

WEIGHTS_OPTION = click.option(
    "--weights", is_flag=True, help="Also read the weights, and count those that are 0, NaN or infinite by row."
)
