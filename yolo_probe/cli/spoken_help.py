"""The help of the commands in the language that is asked for. English is click's own; Chinese is wrapped by cells.

Each paragraph and each option's help has its Chinese in ``configs/zh.po``, in the context ``help``; names, values and
examples stay as they are.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Sequence

import click

from yolo_probe.language import LANGUAGES, Language, help_words, language, shown_in
from yolo_probe.render.text_layout import cells, wrapped

EXAMPLES = "\b"
"""What click writes before lines that stay as they are."""


def asked_language(words: Sequence[str]) -> Language | None:
    """The language that words ask for, which are not read yet or cannot be."""
    return next((each for each in LANGUAGES if re.search(rf"--lang[ =]{each}\b", " ".join(words))), None)


class SpokenFormatter(click.HelpFormatter):
    """Click's formatter, with Chinese in place of the English that it is given."""

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        """How a command is called."""
        super().write_usage(prog, args, said("Usage: ") if prefix is None else prefix)

    def write_heading(self, heading: str) -> None:
        """The words above a list."""
        super().write_heading(said(heading))

    def write_text(self, text: str) -> None:
        """Paragraphs of help."""
        start = " " * self.current_indent
        for number, paragraph in enumerate(re.split(r"\n\s*\n", text.strip())):
            lines = paragraph.splitlines()
            is_example = lines[0].strip() == EXAMPLES
            shown = [start + line.strip() for line in lines[1:]] if is_example else self._wrapped(paragraph, start)
            self.write("\n" * (number > 0) + "".join(f"{line}\n" for line in shown))

    def _wrapped(self, paragraph: str, start: str) -> list[str]:
        return wrapped(said(paragraph), self.width, start, start)

    def write_dl(self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2) -> None:
        """Names, each with what it is."""
        found = list(rows)
        width = min(max(cells(name) for name, _ in found), col_max) + col_spacing
        start = " " * self.current_indent
        for name, text in found:
            is_short = cells(name) <= width - col_spacing
            first = f"{start}{name}{' ' * (width - cells(name))}" if is_short else start + " " * width
            lines = wrapped(_option(text), self.width, first, start + " " * width)
            self.write("".join(f"{line}\n" for line in [*([] if is_short else [start + name]), *lines]))


def said(text: str) -> str:
    """A paragraph of help in Chinese; as it is where it has none, such as a name."""
    return help_words().get(" ".join(text.split()) if text.strip() == text else text, text)


def _option(text: str) -> str:
    """The help of an option with its default and its limits."""
    words, found, extra = text.partition("  [")
    if not found:
        return said(text)
    return f"{said(words)}  [{'; '.join(_extra(each) for each in extra.removesuffix(']').split('; '))}]"


def _extra(text: str) -> str:
    name, found, value = text.partition(": ")
    if name != "default" or not found:
        return said(text)
    return f"\u9ed8\u8ba4\uff1a{said(value.removeprefix('(').removesuffix(')'))}"


class SpokenContext(click.Context):
    """A context whose help is in the language of the command line, or of the environment."""

    def make_formatter(self) -> click.HelpFormatter:
        """The formatter of that language."""
        root = self.find_root()
        wanted = getattr(root.obj, "language", None) or language()
        if shown_in(wanted, sys.stdout) == "zh":
            return SpokenFormatter(width=self.terminal_width, max_width=self.max_content_width)
        return super().make_formatter()
