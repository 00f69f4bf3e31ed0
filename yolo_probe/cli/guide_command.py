"""The command that shows the guide: Markdown files that are installed with the package, in English and in Chinese."""

from __future__ import annotations

import re
from pathlib import Path
from textwrap import indent

import click

from yolo_probe.cli.options import LANG_OPTION, spoken
from yolo_probe.cli.output import write
from yolo_probe.errors import TargetError, shown

GUIDE = Path(__file__).parents[1] / "guide"
TOPICS = (
    *("why-the-numbers-differ", "counters-and-rules", "training", "forks-and-source"),
    *("safety", "live-models", "many-files", "speed", "in-the-browser", "supported", "glossary"),
)
"""In reading order: each is a file of that name."""


@click.command("guide")
@click.argument("topic", required=False)
@LANG_OPTION
def guide_command(topic: str | None) -> None:
    """Teach the subject: what the numbers are, and why they differ.

    Without TOPIC, the topics are listed. The first letters of one are enough: why, counters.
    """
    folder = GUIDE / "zh" if spoken() == "zh" else GUIDE
    if topic is None:
        for name in TOPICS:
            write(f"{name:<24}{_text(folder, name).splitlines()[2]}\n")
        return
    found = [name for name in TOPICS if name.startswith(topic.lower())]
    if len(found) != 1:
        raise TargetError(f"guide: found topic {shown(topic)}, expected one of {', '.join(TOPICS)}")
    write(plain(_text(folder, found[0])))


def plain(markdown: str) -> str:
    """Markdown as a terminal shows it: blocks of code indented, links and bold words as text."""
    text = re.sub(r"^```\w*\n(.*?)^```\n", lambda block: indent(block[1], "    "), markdown, flags=re.M | re.S)
    return re.sub(r"\[([^\]]+)\]\([^)]+\)", r"\1", text).replace("**", "")


def _text(folder: Path, name: str) -> str:
    return (folder / f"{name}.md").read_text(encoding="utf-8")
