"""The help of the commands in Chinese: nothing of it stays in English, and it fits in a terminal."""

from __future__ import annotations

import re
from collections.abc import Iterator

import click
import pytest

from tests.conftest import Probe
from yolo_probe.cli import cli
from yolo_probe.cli.command import COMMANDS
from yolo_probe.cli.spoken_help import EXAMPLES
from yolo_probe.language import help_words
from yolo_probe.render.text_layout import cells


def command_of(name: str) -> click.Command:
    found = cli.get_command(click.Context(cli), name)
    assert found
    return found


def texts_of(command: click.Command) -> Iterator[str]:
    """The texts of a command's help that are said in Chinese."""
    for paragraph in re.split(r"\n\s*\n", (command.help or "").strip()):
        if paragraph.split("\n")[0].strip() != EXAMPLES:
            yield " ".join(paragraph.split())
    yield from filter(None, [command.short_help])
    options = [each for each in command.params if isinstance(each, click.Option)]
    yield from (each.help for each in options if each.help)
    defaults = (each.show_default for each in options if isinstance(each.show_default, str))
    yield from (each for each in defaults if "/" not in each)


def test_every_text_of_the_help_is_in_chinese_and_no_other() -> None:
    used = {text for command in (cli, *map(command_of, COMMANDS)) for text in texts_of(command)}
    known = {*help_words()} - {"Usage: ", "Options", "Commands", "Show this message and exit."}
    assert sorted(used - known) == []
    assert sorted(known - used - {"Show the version and exit."}) == []


SPEAKING = [name for name in COMMANDS if any("--lang" in each.opts for each in command_of(name).params)]


@pytest.mark.parametrize("name", ["", *SPEAKING])
def test_the_help_in_chinese_fits_and_keeps_names_and_values(name: str, probe: Probe) -> None:
    words = [name] if name else []
    english, chinese = (probe(*words, "--help", *lang).stdout for lang in (("--lang", "en"), ("--lang", "zh")))
    assert chinese.startswith("\u7528\u6cd5\uff1ayolo-probe")
    assert [line for line in chinese.splitlines() if cells(line) > 80] == []
    options = re.compile(r"^  (?:-\w, )?(--[\w-]+)", re.MULTILINE)
    assert options.findall(chinese) == options.findall(english)
    assert not re.search(r"\b(?:the|default|and) ", chinese)


def test_the_help_is_in_the_language_of_the_environment(probe: Probe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    assert probe("info", "--help").stdout == probe("info", "--help", "--lang", "zh").stdout
    assert probe("info", "--help", "--lang", "en").stdout.startswith("Usage: ")
    assert probe("--lang", "zh", "explain", "157 layers").stdout == probe("explain", "157 layers").stdout
