"""The command that shows the guide, a topic of it or the sections that answer a question."""

from __future__ import annotations

import click

from yolo_probe.cli.guide_pages import TOPICS, in_plain_text, page, passages, plain
from yolo_probe.cli.line_commands import Text, explain_command, with_own_numbers
from yolo_probe.cli.options import LANG_OPTION, spoken
from yolo_probe.cli.output import write
from yolo_probe.errors import TargetError, shown


@click.command("guide")
@click.argument("words", nargs=-1, metavar="[TOPIC | WORDS]...")
@LANG_OPTION
def guide_command(words: tuple[str, ...]) -> None:
    """Teach the subject: what the numbers are, and why they differ.

    Without a TOPIC, the topics are listed. The first letters of one are enough: why, counters. Other WORDS are searched
    for: yolo-probe guide file size. A summary line and an error message are explained as yolo-probe explain does.
    """
    language = spoken()
    if not words:
        for name in TOPICS:
            write(f"{name:<24}{page(name, language).splitlines()[2]}\n")
        return
    found = [name for name in TOPICS if name.startswith(words[0].lower())] if len(words) == 1 else []
    if len(found) == 1:
        write(plain(page(found[0], language)))
        return
    asked = " ".join(words)
    answers = passages(asked, language, searched=True)
    is_heading = bool(answers) and answers[0].heading == asked
    text = Text(asked, asked)
    if not is_heading and (text.is_told or (not answers and text.quoted)):
        click.get_current_context().invoke(explain_command, lines=(asked,), form="text")
        return
    if not answers:
        raise TargetError(
            f"guide: found {shown(asked)}, expected one of {', '.join(TOPICS)}, or words that are in them"
        )
    write(in_plain_text(answers) if is_heading else with_own_numbers(asked, answers))
