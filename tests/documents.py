"""The README and the guide, as tests read them: their blocks of code, the commands in them, and their figures."""

from __future__ import annotations

import re
from pathlib import Path

from tests.environments import ROOT

GUIDE = ROOT / "yolo_probe" / "guide"
PAGES = {"README": ROOT / "README.md", **{path.stem: path for path in sorted(GUIDE.glob("*.md"))}}
"""The pages in English, by their names."""
TEXTS = {name: path.read_text(encoding="utf-8") for name, path in PAGES.items()}


def chinese(name: str) -> Path:
    """The page of that name in Chinese."""
    return GUIDE / "zh" / f"{name}.md"


def fences(text: str) -> list[tuple[str, str]]:
    """Language and text of each block of code, in order."""
    return re.findall(r"^```(\w*)\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)


def prose(text: str) -> str:
    """A page without its blocks of code."""
    return re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)


def python_blocks(name: str) -> list[str]:
    """The blocks of Python of a page."""
    return [block for language, block in fences(TEXTS[name]) if language == "python"]


def shell_commands(text: str) -> list[str]:
    """The commands in blocks of shell, without their comments, and those in cells of tables."""
    blocks = [line for language, block in fences(text) if language == "sh" for line in block.splitlines()]
    cells = [
        command
        for line in prose(text).splitlines()
        if line.startswith("| ")
        for command in re.findall(r"`(yolo-probe [^`]+)`", line)
    ]
    return [*(line.partition("#")[0].strip() for line in blocks if line), *cells]


def screens(*, of_trainings: bool) -> list[tuple[str, list[str]]]:
    """Each command that a page shows in a block, without the prompt, and the lines below it."""
    blocks = [block.splitlines() for text in TEXTS.values() for language, block in fences(text) if language == ""]
    shown = [(lines[0].removeprefix("$ "), lines[1:]) for lines in blocks if lines[0].startswith("$ ")]
    return [each for each in shown if each[0].startswith("yolo-probe train ") == of_trainings]


def not_printed(shown: list[str], output: str) -> list[str]:
    """The lines of a screen that the output does not have in this order; ``...`` stands for any."""
    remaining = iter(output.splitlines())
    return [line for line in shown if line not in ("", "...") and line not in remaining]


def sections(text: str) -> dict[str, str]:
    """The prose of a page by its headings of the second level; what is before them under the title."""
    first, *others = re.split(r"^## ", prose(text).removeprefix("# "), flags=re.MULTILINE)
    return {part.partition("\n")[0]: part.partition("\n")[2] for part in (first, *others)}


NO_FIGURE = re.compile(
    r"`[^`]*`|\bv\d+(?:\.\d+)*|\d+\.\d+\.\d+|\b20\d\d\b(?: 年 \d+ 月)?|\b\d+\^\d+|thop \d\.\d|DFL|ShuffleNet V2"
)
"""Code, versions, dates and names, which contain digits."""
FIGURE = re.compile(r"(?<![\w.^])(?:\d[\d,]*\d|\d)(?:\.\d+)?%?(?![\d.]*\.\d)", re.ASCII)


def figures(text: str) -> list[str]:
    """The figures in the prose of a page, as they are written."""
    return FIGURE.findall(NO_FIGURE.sub(" ", prose(text)))
