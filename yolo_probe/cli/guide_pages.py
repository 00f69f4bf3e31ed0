"""The pages of the guide, as a terminal shows them, and the sections of them that answer words.

They are Markdown files that are installed with the package, in English and in Chinese, with the same sections in both.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from math import log
from pathlib import Path
from textwrap import indent

from yolo_probe.language import Language

GUIDE = Path(__file__).parents[1] / "guide"
TOPICS = (
    *("why-the-numbers-differ", "questions", "counters-and-rules", "training", "forks-and-source"),
    *("safety", "live-models", "many-files", "speed", "in-the-browser", "supported", "glossary"),
)
"""In reading order: each is a file of that name."""


def page(topic: str, language: Language) -> str:
    """The Markdown of a topic."""
    folder = GUIDE / "zh" if language == "zh" else GUIDE
    return (folder / f"{topic}.md").read_text(encoding="utf-8")


def plain(markdown: str) -> str:
    """Markdown as a terminal shows it: blocks of code indented, links and bold words as text."""
    text = re.sub(r"^```\w*\n(.*?)^```\n", lambda block: indent(block[1], "    "), markdown, flags=re.M | re.S)
    return re.sub(r"\*\*([^*]+)\*\*", r"\1", re.sub(r"\[([^\]]+)\]\([^)]+\)", r"\1", text))


@dataclass(frozen=True, slots=True)
class Passage:
    """A section of the guide."""

    topic: str
    heading: str
    text: str
    """In the language that is asked for, as Markdown."""


MOST = 3
"""Sections that are shown for words."""
NEARLY = 0.7
"""What part of the best score another section has to have to be shown too."""
ENOUGH = 5.0
"""The score of a section that answers: several rare words, or one in its heading."""
IN_HEADING = 3
"""How much more a word counts in a heading."""


def passages(words: str, language: Language) -> tuple[Passage, ...]:
    """The sections that answer a question in words of either language, the best first; none where none does."""
    asked = {word for word in _words(words) if word not in _COMMON}
    sections = list(_sections(language))
    held = [(_words(heading), _words(text)) for _, heading, text in sections]
    rarity = {
        word: log((1 + len(held)) / (0.5 + sum(_has(heading | text, word) for heading, text in held))) for word in asked
    }
    scores = [
        sum(rarity[word] * (IN_HEADING * _has(heading, word) + _has(text, word)) for word in asked)
        for heading, text in held
    ]
    best = sorted(range(len(sections)), key=lambda number: -scores[number])[:MOST]
    found = [number for number in best if scores[number] >= max(ENOUGH, NEARLY * scores[best[0]])]
    return tuple(sections[number][0] for number in found)


def in_plain_text(answers: tuple[Passage, ...]) -> str:
    """Sections of the guide as a terminal shows them, each with where it is from."""
    texts = (f"{each.heading} (yolo-probe guide {each.topic})\n\n{plain(each.text)}" for each in answers)
    return "\n".join(texts)


def _sections(language: Language) -> Iterator[tuple[Passage, str, str]]:
    """Each section, with its heading and its text in both languages."""
    for topic in TOPICS:
        parts = {each: _parts(page(topic, each)) for each in ("en", "zh")}
        for number, (heading, text) in enumerate(parts[language]):
            both = [parts[each][number] for each in ("en", "zh")]
            yield Passage(topic, heading, text), " ".join(part[0] for part in both), " ".join(part[1] for part in both)


def _parts(markdown: str) -> list[tuple[str, str]]:
    """Heading and text of each section of a page; the first is what stands below its title."""
    texts = re.split(r"^##? ", markdown, flags=re.MULTILINE)[1:]
    return [(text.partition("\n")[0], text.partition("\n")[2].strip("\n") + "\n") for text in texts]


def _words(text: str) -> Counter[str]:
    """The words of a text in small letters, without the ends that English has for many and for acts."""
    lowered = text.lower()
    words = re.findall(r"[a-z][a-z0-9]+(?:[._][a-z0-9]+)*|\d+(?:\.\d+)?", lowered)
    words += [part for word in words for part in re.split(r"[._]", word) if part != word and len(part) > 2]
    pairs = [run[at : at + 2] for run in re.findall(r"[\u4e00-\u9fff]+", lowered) for at in range(len(run) - 1)]
    stems = (re.sub(r"(?<=\w{3})(?:ing|es|ed|s)$", "", word) for word in words)
    return Counter([*(_SHORT.get(stem, stem) for stem in stems), *pairs])


_SHORT = {"param": "parameter", "grad": "gradient", "conv": "convolution", "interrupt": "stopp", "bigger": "large",
          "different": "differ", "difference": "differ", "doc": "documentation", "vanish": "miss"}  # fmt: skip
"""Words that people write for others, as stems."""


def _has(words: Counter[str], word: str) -> bool:
    return word in words


_COMMON = frozenset(
    "a an and are as at be but by can could do doe for from get give given have how i if in into is it its me my not "
    "of on or our same should so than that the their them then there these they thi this to too us use using was we "
    "were what when where which who why will with would you your yolo yolov5 model number question issue problem help "
    "please hi hello thank than after before noth someth wrong total one two "
    "\u4e3a\u4ec0 \u4ec0\u4e48 \u600e\u4e48 \u600e\u6837 \u591a\u5c11".split()
)
"""Words that say nothing about what is asked; in the form that ``_words`` gives them."""
