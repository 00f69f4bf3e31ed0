"""What is wrong with the words of a command line: what failed, on what, found against expected, what to do.

click finds such an error and says half of it, in English alone. Here it becomes an error like all others.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Sequence

import click

from yolo_probe.errors import TargetError, shown

Commands = Callable[[str], "click.Command | None"]
"""From the name of a command to the command."""


def usage_error(error: click.ClickException, typed: Sequence[str], names: Collection[str], of: Commands) -> TargetError:
    """The error that tells what click has found wrong. ``typed``: the words; ``names``: those of all commands."""
    context = getattr(error, "ctx", None)
    command = (context and context.command) or next((of(word) for word in typed if word in names), None)
    if command is None or isinstance(command, click.Group):
        return TargetError(_in_our_words(error, None), _help("yolo-probe"))
    advice = _advice(error, command, {name: found for name in names if (found := of(name))})
    remedy = " ".join([*advice, _help(f"yolo-probe {command.name}")])
    return TargetError(f"{command.name}: {_in_our_words(error, command)}", remedy)


OTHER_WORDS = {
    **dict.fromkeys(("summary", "model_info", "flops", "gflops", "macs", "params", "parameters"), ("info", "compare")),
    **dict.fromkeys(("profile", "torchinfo", "row", "rows", "memory"), ("layers",)),
    **dict.fromkeys(("thop", "ptflops", "fvcore", "count", "counter"), ("counters",)),
    **dict.fromkeys(("fuse", "fused", "val", "test", "validate", "detect"), ("fuse-diff",)),
    **dict.fromkeys(("freeze", "frozen", "grad", "gradient", "requires_grad"), ("gradients",)),
    **dict.fromkeys(("size", "strip", "load", "open", "safe", "show", "print", "state_dict"), ("inspect",)),
    **dict.fromkeys(("speed", "benchmark", "fps", "latency", "time"), ("bench",)),
    **dict.fromkeys(("help", "why", "faq", "docs"), ("guide",)),
    **dict.fromkeys(("log", "line", "parse"), ("explain",)),
}
"""Commands by other words for what they tell."""

NO_FIGURES = (
    "half fp16 int8 amp device batch batch-size workers epochs conf conf-thres iou iou-thres task data mode project "
    "name exist-ok cache rect save show verbose seed optimizer lr0 patience save-txt save-json hyp"
).split()
"""Options of the hosts that no figure of a network depends on."""


def no_command(word: str, names: Collection[str]) -> TargetError:
    """The error of a first word that is none of the commands, no file and no network."""
    near = list(OTHER_WORDS.get(word.lower(), ())) or _near(word, names)
    problem = f"{shown(word)}: found no command, file or network of that name"
    return TargetError(problem, " ".join([*_meant(near), _help("yolo-probe")]))


def _help(path: str) -> str:
    return f"{path} --help lists what it takes."


def _in_our_words(error: click.ClickException, command: click.Command | None) -> str:
    """What failed, with what was found and expected."""
    if isinstance(error, click.NoSuchOption):
        return f"found the option {error.option_name}, expected one of its own"
    if isinstance(error, click.MissingParameter) and error.param:
        return f"found no {_name(error.param)}, expected {_usage(command)}"
    if isinstance(error, click.BadParameter) and error.param:
        return f"{_name(error.param)}: {_found_and_expected(error.message, error.param.type)}"
    if isinstance(error, click.BadOptionUsage):
        return f"{error.option_name}: {_value_behind(error, command)}"
    if extra := re.fullmatch(r"Got unexpected extra arguments? \((.*)\)", error.message, re.DOTALL):
        return f"found {shown(extra[1])} behind all that it takes, expected {_usage(command)}"
    return error.message


def _advice(error: click.ClickException, command: click.Command, others: dict[str, click.Command]) -> Iterator[str]:
    """Names that may be meant, and the commands that do take an option."""
    if isinstance(error, click.NoSuchOption):
        if error.option_name.strip("-") in NO_FIGURES:
            yield f"Leave {error.option_name} out: neither parameters nor FLOPs depend on it."
        yield from _meant([f"--{name}" for name in _near(error.option_name.strip("-"), _options(command))])
        takers = [name for name, other in others.items() if error.option_name.strip("-") in _options(other)]
        if takers:
            yield f"These commands take {error.option_name}: {', '.join(takers)}."
    elif isinstance(error, click.BadParameter) and error.param and isinstance(error.param.type, click.Choice):
        yield from _meant(_near(_found(error.message), list(map(str, error.param.type.choices))))
    elif isinstance(error, click.MissingParameter) and error.param and "TARGET" in _name(error.param):
        yield "A TARGET is a file, such as best.pt, or the name of a network, such as yolov5s."
    elif sizes := re.fullmatch(r"Got unexpected extra arguments? \((\d+)[x, ](\d+)\)", error.message):
        yield f"An image size stands behind its option: --imgsz {sizes[1]},{sizes[2]}."
    elif free := re.fullmatch(r"Got unexpected extra arguments? \(((?:[\w-]+=\S* ?)+)\)", error.message):
        yield from _meant([f"--{name}" for name in _near(free[1].partition("=")[0], _options(command))])
        if all(pair.partition("=")[0].replace("_", "-") in NO_FIGURES for pair in free[1].split()):
            yield f"Leave {free[1]} out: neither parameters nor FLOPs depend on it."
    elif error.message.startswith("Got unexpected extra"):
        yield "A text with spaces, such as a line of a log, stands in quotes."


def _options(command: click.Command) -> list[str]:
    """The names of its long options, without what they begin with."""
    return [name[2:] for each in command.params for name in each.opts if name.startswith("--")]


def _near(word: str, names: Collection[str]) -> list[str]:
    from difflib import get_close_matches

    return get_close_matches(word.lower(), names, n=3, cutoff=0.6)


def _meant(names: Sequence[str]) -> list[str]:
    return [f"Did you mean {' or '.join(names)}?"] if names else []


def _name(param: click.Parameter) -> str:
    """What stands for a parameter in the help."""
    return max(param.opts, key=len) if isinstance(param, click.Option) else (param.metavar or str(param.name).upper())


def _usage(command: click.Command | None) -> str:
    """How a command is called: ``yolo-probe diff [OPTIONS] A B``."""
    if command is None:
        return "yolo-probe COMMAND"
    pieces = command.collect_usage_pieces(click.Context(command, info_name=command.name))
    return " ".join(["yolo-probe", str(command.name), *pieces])


def _found_and_expected(message: str, kind: click.ParamType) -> str:  # type: ignore[type-arg]  # as in options
    """The message of a value, in our order; those of our own types have it already."""
    return message if message.startswith("found ") else f"found {_found(message)}, expected {_expected(kind)}"


def _found(message: str) -> str:
    """The value that a message of click begins with."""
    return message.partition(" is not ")[0].strip("'\"")


def _value_behind(error: click.BadOptionUsage, command: click.Command | None) -> str:
    """What is wrong with an option that has no value, or has one too many."""
    if "requires" not in error.message:
        return "found a value behind it, expected none"
    params = command.params if command else ()
    param = next((each for each in params if error.option_name in each.opts), None)
    words = _expected(param.type) if param else "its value"
    if param and param.metavar and words.startswith("its "):
        words = f"its {param.metavar}"
    return f"found no value behind it, expected {words}"


def _expected(kind: click.ParamType) -> str:  # type: ignore[type-arg]  # as in options
    """What a type takes, in words."""
    if isinstance(kind, click.Choice):
        return f"{'one of ' if len(kind.choices) > 1 else ''}{', '.join(map(str, kind.choices))}"
    number = "a whole number" if kind.name.startswith("int") else "a number"
    if isinstance(kind, (click.IntRange, click.FloatRange)):
        return f"{number} of at least {kind.min}" if kind.max is None else f"{number} from {kind.min} to {kind.max}"
    return number if kind.name in ("integer", "float") else f"its {kind.name}"
