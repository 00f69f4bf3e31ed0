"""A report on standard output, as text, Markdown or JSON; and the exit codes of a command."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from yolo_probe.cli.options import spoken
from yolo_probe.errors import ProbeError, TargetError, UnsafeError, visible
from yolo_probe.language import Language, shown_in, translated, translated_error
from yolo_probe.render.text_layout import printable, sentences

if TYPE_CHECKING:
    from yolo_probe.render.sections import Report

UNEXPLAINED = 1
"""Exit code if a number is not explained, an operator is not counted, or the real tools give another figure."""
NO_ANSWER = 2
"""Exit code if the question cannot be answered."""
UNSAFE = 3
"""Exit code if the file would run something when it is loaded, which no checkpoint needs."""
INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it."""


def code_of(error: ProbeError) -> int:
    """The exit code of a question that is not answered."""
    return UNSAFE if isinstance(error, UnsafeError) else NO_ANSWER


DO_NOT_LOAD = "Do not load it: torch.load(weights_only=False) runs what a file names. Nothing of it was run here."
"""What to do about a file that would run something."""


@dataclass(slots=True)
class Outcome:
    """What one run of the command found, beside its report."""

    is_unsafe: bool = False
    """Whether the file would run something when it is loaded."""
    language: Language | None = None
    """The language that was asked for; None where none was."""


def say(message: str, remedy: str = "", asked: Language | None = None) -> None:
    """Write a message to standard error, with what to do below it; a terminal gets lines of 80 columns at most.

    ``asked``: its language, else that of the command that runs, or of the environment.
    """
    told = shown_in(asked or spoken(), sys.stderr)
    width = min(80, os.get_terminal_size(sys.stderr.fileno()).columns or 80) if sys.stderr.isatty() else None
    problem, todo = error_words(message, remedy, told)
    for text, indent in ((f"yolo-probe: {problem}", ""), (todo, "  ")):
        if text:
            lines = sentences(text, indent, "  ", width) if width else [indent + text]
            click.echo("\n".join(lines), err=True)


def error_words(message: str, remedy: str, language: Language) -> tuple[str, str]:
    """What failed and what to do, each as one line in that language."""
    return translated_error(visible(message), language), translated(visible(remedy), language)


def warn_of(target: str, runs: Sequence[str]) -> None:
    """Say what a file would run when it is loaded, if there is any; the command then exits with ``UNSAFE``."""
    if not runs:
        return
    say(warning_of(target, runs), DO_NOT_LOAD)
    click.get_current_context().obj.is_unsafe = True


def warning_of(target: str, runs: Sequence[str]) -> str:
    """What a file would run when it is loaded, in words."""
    return f"{visible(target)} would run {', '.join(runs[:5])} when it is loaded, and no checkpoint does"


def require_ending(output: str, *known: str) -> None:
    """Raises: TargetError where the name of a file to write ends otherwise."""
    if (ending := Path(output).suffix.lower()) not in known:
        *others, last = known
        expected = f"{', '.join(others)} or {last}"
        raise TargetError(f"{output}: found the ending {ending}, expected {expected}", "Name another file.")


def folder_words(folder: str, found: str) -> str:
    """Which file of a folder is reported on."""
    return f"{folder} is a folder; this is its {found}"


def show(report: Report, form: str) -> None:
    """Write a report to standard output. ``form``: ``text``, ``md`` or ``json``."""
    if form == "json":
        import json

        from yolo_probe.render.sections import as_json

        write(json.dumps(as_json(report), indent=2) + "\n")
        return
    language = shown_in(spoken(), sys.stdout)
    if form == "md":
        from yolo_probe.render import markdown

        write(markdown.render(report, language=language))
        return
    from yolo_probe.render.text import coloured, render

    if _colour():
        write(render(report, coloured, _columns(), language=language), styled=True)
    else:
        write(render(report, columns=_columns(), language=language))


def show_table(table: str, form: str) -> None:
    """Write a table of fixed columns below the report; nothing for JSON, which has the same as data."""
    if form == "text":
        write(table)
    elif form == "md":
        from yolo_probe.render.markdown import fenced

        write(f"\n{fenced(table)}\n")


def _colour() -> bool:
    terminal = sys.stdout is not None and sys.stdout.isatty()
    return terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _columns() -> int | None:
    """Width of the terminal; None where there is none, or it tells none."""
    return (os.get_terminal_size(sys.stdout.fileno()).columns or None) if sys.stdout and sys.stdout.isatty() else None


def write(text: str, *, styled: bool = False) -> None:
    """Write text without its control characters, which could steer a terminal. ``styled``: colours are kept.

    Raises: TargetError where standard output is closed or full.
    """
    with _to_stdout() as stream:
        text = printable(text, styled=styled)
        encoding = stream.encoding or "utf-8"
        stream.write(text.encode(encoding, "replace").decode(encoding))
        stream.flush()


def write_data(text: str) -> None:
    """Write data as they are, in UTF-8, for a file or another program; to a terminal as ``write`` does."""
    with _to_stdout() as stream:
        if not stream.isatty() and hasattr(stream, "buffer"):
            stream.buffer.write(text.encode())
            stream.buffer.flush()
            return
    write(text)


@contextmanager
def _to_stdout() -> Iterator[TextIO]:
    """Standard output. Raises: TargetError where it is closed or full."""
    if sys.stdout is None:
        raise TargetError("standard output is closed, expected somewhere to write the report")
    try:
        yield sys.stdout
    except OSError as error:
        # keep Python from complaining when it flushes once more at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            raise TargetError(f"the report cannot be written: {error.strerror}") from None
        sys.exit(0)  # the reader has seen enough
