"""The language of sentences: the one that is asked for, and finished English sentences in it.

English is the language of the code and of all data. ``configs/zh.po`` has each sentence in Chinese, with names in
braces for what differs from case to case: ``n``, ``n2`` for figures, ``NAMES`` in capitals for names, ``TEXT`` for any
text, both as they are, others for words that are translated in turn. What it does not have stays in English. Words that
the page of a report has around its reports are in the context ``page`` there, and the help of the commands in ``help``.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache, reduce
from typing import Literal, TextIO, get_args
from unicodedata import east_asian_width

from yolo_probe.shipped_files import path

Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = get_args(Language)


def language() -> Language:
    """The language that the environment asks for, as gettext reads it: English if it names none that is known."""
    names = ("LC_ALL", "LC_MESSAGES", "LANG")
    locale = next((value for name in names if (value := os.environ.get(name))), "")
    if re.match(r"(C|POSIX)?(\.|$)", locale):
        return "en"
    wanted = [*os.environ.get("LANGUAGE", "").split(":"), locale]
    known = (each for name in wanted for each in LANGUAGES if name.lower().startswith(each))
    return next(known, "en")


HAN = r"[\u4e00-\u9fff]+"
"""A run of Chinese characters."""


def is_chinese(text: str) -> bool:
    """Whether a text has Chinese characters."""
    return re.search(HAN, text) is not None


def shown_in(wanted: Language, stream: TextIO | None) -> Language:
    """That language, or English where the stream cannot show its characters."""
    try:
        "\N{CJK UNIFIED IDEOGRAPH-4E2D}".encode(getattr(stream, "encoding", None) or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return "en"
    return wanted


def language_of_log() -> Language:
    """The environment's language, or English where a host's log loses it: on Windows it keeps ASCII alone."""
    return "en" if os.name == "nt" else shown_in(language(), sys.stderr)


@dataclass(frozen=True)
class Template:
    """A sentence in both languages."""

    english: str
    chinese: str

    @cached_property
    def pieces(self) -> tuple[str, ...]:
        """What is the same in every case."""
        return tuple(filter(None, _NAME.split(self.english)[::2]))

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """A pattern of the sentence in every case."""
        parts = _NAME.split(self.english)
        parts[::2] = map(re.escape, parts[::2])
        parts[1::2] = (f"(?P<{name}>{_part(name)})" for name in parts[1::2])
        return re.compile("".join(parts))

    def match(self, text: str) -> re.Match[str] | None:
        """The match of a whole text."""
        return self.pattern.fullmatch(text) if all(piece in text for piece in self.pieces) else None


_NAME = re.compile(r"\{(\w+)\}")


def _part(name: str) -> str:
    """A pattern of what stands for a name; of hosts are none that others follow with their own number."""
    if name == "hosts":
        return "(?:(?! for ).)+?"
    return _FIGURE if _is_figure(name) else ".+?"


_FIGURE = r"[-+]?\d(?:[\d,]*\d)?(?:\.\d+)?(?:e[-+]\d+)?%?"


def _is_figure(name: str) -> bool:
    return re.fullmatch(r"n\d*", name) is not None


@lru_cache(maxsize=1)
def catalogue() -> tuple[Template, ...]:
    """Every sentence of a report, those with the most words of their own first."""
    return tuple(sorted(_entries(""), key=lambda each: -sum(map(len, each.pieces))))


def page_words() -> dict[str, str]:
    """What the page of a report says itself, around its reports: in Chinese by the English."""
    return {each.english: each.chinese for each in _entries("page")}


@lru_cache(maxsize=1)
def help_words() -> dict[str, str]:
    """What the help of the commands says: in Chinese by the English."""
    return {each.english: each.chinese for each in _entries("help")}


def _entries(context: str) -> Iterator[Template]:
    import json

    text = path("zh.po").read_text(encoding="utf-8")
    for found, english, chinese in re.findall(_ENTRY, text, flags=re.MULTILINE):
        if found == context:
            yield Template(json.loads(english), json.loads(chinese))


_ENTRY = r'^(?:msgctxt "(\w+)"\n)?msgid (".+")\nmsgstr (".*")$'


@lru_cache(maxsize=1)
def _fixed() -> dict[str, str]:
    """The sentences that are the same in every case."""
    return {each.english: each.chinese for each in catalogue() if "{" not in each.english}


def translated(text: str, wanted: Language) -> str:
    """Finished English sentences in that language; a sentence that it does not have stays as it is."""
    if wanted == "en" or not text:
        return text
    lines = re.sub(r"(?<![.:?!])\n", " ", text).split("\n")
    return "\n".join(reduce(_after, map(_sentence, re.split(r"(?<=\S[.?!]) ", line))) for line in lines)


def translated_error(text: str, wanted: Language) -> str:
    """The message of an error in that language; what stands before its sentence, such as a path, stays as it is."""
    parts = text.split(": ")
    for count in range(len(parts)):
        rest = ": ".join(parts[count:])
        told = translated(rest, wanted)
        before = tuple(f"{each}{_SEPARATORS[': ']}" for each in (parts[count], translated(parts[count], wanted)))
        if told != rest and not told.startswith(before):
            return ": ".join([*parts[:count], told])
    return text


def _sentence(text: str) -> str:
    lowered = text[:1].lower() + text[1:]  # a phrase may have become a sentence
    stop = "\N{IDEOGRAPHIC FULL STOP}"
    for each, end in ((text, ""), (lowered, ""), (text.removesuffix("."), stop), (lowered.removesuffix("."), stop)):
        if (found := _complete(each)) is not None:
            return found + (end if text.endswith(".") else "")
    return text


def _after(before: str, sentence: str) -> str:
    return f"{before}{'' if is_wide(before[-1:]) else ' '}{sentence}"


@lru_cache(maxsize=4096)
def _complete(text: str) -> str | None:
    """The text in Chinese, or as it is if it is a name; None if a part of it would stay in English."""
    if (fixed := _fixed().get(text)) is not None:
        return fixed
    for template in catalogue():
        if (match := template.match(text)) and (filled := _filled(template.chinese, match)) is not None:
            return filled
    return text if is_name(text) else _listed(text)


def is_name(text: str) -> bool:
    """Whether it is a name, a figure or an expression: one word, or several that are all more than small letters."""
    return " " not in text or not _PLAIN.search(_LABELS.sub("", text))


_PLAIN = re.compile(r"(?:^|[\s(])[a-z]{2,}(?=[\s,.;:)]|$)")
_LABELS = re.compile(r"\b(?:layers|parameters|gradients|model|ema|thop|ultralytics|textbook)\b")


def _listed(text: str) -> str | None:
    """Several such texts in a row; None if one of them would stay in English."""
    for english, chinese in _SEPARATORS.items():
        parts = text.split(english)
        for i in range(1, len(parts)):
            before, after = english.join(parts[:i]), english.join(parts[i:])
            if before.count("[") != before.count("]"):  # inside a shape
                continue
            first, rest = _complete(before), _complete(after)
            if first is not None and rest is not None:
                return _beside(_beside(first, chinese), rest)
    return None


_SEPARATORS = {
    "; or ": "\uff1b\u6216 ", "; ": "\uff1b", ": ": "\uff1a", ", ": "\uff0c", " and ": " \u548c ", " or ": " \u6216 ",
    " + ": " + ", " -> ": " -> ",
}  # fmt: skip
"""What is between the parts of a list, in both languages."""


def _filled(chinese: str, match: re.Match[str]) -> str | None:
    """The sentence in Chinese for this case; None if words in it would stay in English."""
    text = ""
    for i, part in enumerate(_NAME.split(chinese)):
        value = part if i % 2 == 0 else _value(part, match[part])
        if value is None:
            return None
        text = _beside(text, value)
    return text


def _value(name: str, text: str) -> str | None:
    if name.startswith("TEXT") or _is_figure(name):
        return text
    if name.isupper():
        return text if is_name(text) else None
    return _complete(text)


def _beside(before: str, after: str) -> str:
    """Both texts in a row, with a space between them only where one of the letters there is not Chinese."""
    if before.endswith(" ") and is_wide(before[-2:-1]) and is_wide(after[:1]):
        return before[:-1] + after
    if after.startswith(" ") and is_wide(after[1:2]) and is_wide(before[-1:]):
        return before + after[1:]
    return before + after


def is_wide(character: str) -> bool:
    """Whether a terminal shows a character in two cells, as it does Chinese; not so without a character."""
    return character != "" and east_asian_width(character) in ("W", "F")
