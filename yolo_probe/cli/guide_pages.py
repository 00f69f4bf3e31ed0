"""The pages of the guide, as a terminal shows them, and the sections of them that answer words.

They are Markdown files that are installed with the package, in English and in Chinese, with the same sections in both.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from math import inf, log, sqrt
from pathlib import Path
from textwrap import indent

from yolo_probe.language import HAN, Language, is_chinese
from yolo_probe.render.text_layout import WIDTH, cells, wrapped

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
    """Markdown as a terminal shows it: blocks of code indented, links and bold words as text, Chinese wrapped."""
    text = re.sub(r"^```\w*\n(.*?)^```\n", lambda block: indent(block[1], "    "), markdown, flags=re.M | re.S)
    text = re.sub(r"\*\*([^*]+)\*\*", r"\1", re.sub(r"\[([^\]]+)\]\([^)]+\)", r"\1", text))
    return "".join(f"{line}\n" for long in text.splitlines() for line in _in_width(long))


def _in_width(line: str) -> list[str]:
    """The lines of a line of prose that is too wide, as a paragraph in Chinese is; code and tables stay."""
    if cells(line) <= WIDTH or not is_chinese(line) or line.startswith(("    ", "|", "#")):
        return [line]
    return wrapped(line, WIDTH, others="  " if line.startswith("- ") else "")


_PARTICLES = "[\u7684\u4e86\u5417\u5462\u5374]"
"""Characters that stand between words of Chinese, and are a part of none."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A section of the guide."""

    topic: str
    heading: str
    text: str
    """In the language of the question if that is Chinese, else in the one that is asked for; as Markdown."""
    opens: bool = False
    """Whether it is the opening of its page, which is never shown for a word in it."""
    score: float = 0.0
    """How well it answers the words that were looked up."""


MOST = 4
"""Sections that are found for words; the best is shown, the others are named."""
NEARLY = 0.4
"""What part of the best score another section has to have to be named too."""
ENOUGH = 5.0
"""The score of a section that answers: several rare words, or one in its heading."""
SURE = 16.0
"""The score of a section that answers a question with figures better than the networks that have them."""
OF_A_NAME, _NETWORK = 0.5, r"yolo|gelan"
"""How much less the name of a network counts, beside what is asked of it."""
OF_ITS_OWN, OF_ANOTHER, _SERIES = 1.3, 0.4, r"yolov\d|gelan|ultralytics$"
"""How much more a section counts whose heading names a network of the question, and less one that names others."""
OF_A_STRANGER = 2.0
"""How much a word counts that no section has: it may be said otherwise, or the question is about something else."""
OF_REFERENCE = 0.6
"""How much less a section counts for which nobody asks: one that is there to be looked up."""
IN_TEXT, IN_ASKED, MOST_OF_A_WORD = 1.0, 2.0, 4.0
"""How much a word counts that a section has in its text, and in the ways to ask for it, and how much at most."""
OF_HEADING = 2
"""As how many more ways to ask a heading counts."""
AS_ASKED = 2
"""How much a way to ask counts that is the question itself, for each of its words."""
ALIKE, COVERED = 0.65, 0.2
"""How alike a way to ask has to be; or else what part of a question's words a section has to have, to answer it."""


def passages(words: str, language: Language, *, searched: bool = False) -> tuple[Passage, ...]:
    """The sections that answer a question in words of either language, the best first; none where none does.

    Openings of pages stand behind the sections. ``searched``: the words are not a question, but what is looked for.
    """
    language = "zh" if is_chinese(words) else language
    asked = frozenset(_words(words)) - _common()
    scores = [inf if each.passage.heading == words else _score(each, asked, searched) for each in _index(language)]
    is_asked_so = [asked in each.asked for each in _index(language)]  # in these very words
    best = sorted(range(len(scores)), key=lambda number: (not is_asked_so[number], -scores[number]))[:MOST]
    found = [number for number in best if scores[number] >= max(ENOUGH, NEARLY * scores[best[0]])]
    answers = [replace(_index(language)[number].passage, score=scores[number]) for number in found]
    return tuple(sorted(answers, key=lambda passage: passage.opens))


@dataclass(frozen=True, slots=True)
class _Indexed:
    """A section, with the words that are looked up in it."""

    passage: Passage
    heading: frozenset[str]
    """Those of its heading in both languages."""
    asked: tuple[frozenset[str], ...]
    """Those of each heading, and of each way in which people ask for it."""
    counts: Mapping[str, float]
    """How much each of its words counts: the more of the ways to ask have it, the more."""


def _score(section: _Indexed, asked: frozenset[str], searched: bool) -> float:
    """How well a section answers: by rare words that it has, and by how alike a way to ask it is.

    0 for a question that is about something else than the guide, and is not asked in such a way.
    """
    weight = {word: _rarity(word) for word in asked}
    total = sum(weight.values())
    known = max((_likeness(weight, way) for way in section.asked), default=0)
    held = sum(weight[word] for word in weight if word in section.counts)
    is_about_it = (searched or bool(asked & _subjects())) and held >= COVERED * total
    if not total or not (is_about_it or known >= ALIKE):
        return 0
    score = sum(weight[word] * section.counts.get(word, 0) for word in asked) + AS_ASKED * known**2 * total
    return score * _by_name(section, asked) * (1 if searched or len(section.asked) > 2 else OF_REFERENCE)


def _by_name(section: _Indexed, asked: frozenset[str]) -> float:
    """How much more a section counts whose heading names a network of the question, and less one that names others."""
    named, own = ({word for word in words if re.match(_SERIES, word)} for words in (asked, section.heading))
    if named & own:
        return OF_ITS_OWN
    return OF_ANOTHER if named and own and not named & section.counts.keys() else 1


def _likeness(weight: Mapping[str, float], way: frozenset[str]) -> float:
    """How alike two questions are, from 0 to 1: what they share of all rare words in them."""
    shared = sum(weight[word] for word in weight if word in way)
    return shared / sqrt(sum(weight.values()) * sum(map(_rarity, way))) if shared else 0


@cache
def _rarity(word: str) -> float:
    """How much a word says: the fewer sections have it, the more; little where none has it, and a figure nothing."""
    index = _index("en")
    having = sum(word in each.counts for each in index)
    share = log((1 + len(index)) / (0.5 + having)) if having else OF_A_STRANGER * (not word[0].isdigit())
    return share * (OF_A_NAME if re.match(_NETWORK, word) else 1)


@cache
def _index(language: Language) -> tuple[_Indexed, ...]:
    """Every section, and its words in both languages."""
    ways = ways_to_ask()
    return tuple(
        _indexed(passage, " ".join(headings), text, (*headings, *ways.get(headings[0], ())))
        for passage, headings, text in _sections(language)
    )


def _indexed(passage: Passage, heading: str, text: str, ways: Iterable[str]) -> _Indexed:
    """A section with its words: the heading and the text in both languages, and the ways to ask for it."""
    in_heading, in_text = frozenset(_words(heading)), frozenset(_words(text))
    asked = tuple(frozenset(_words(way)) - _common() for way in ways)
    said = Counter(word for way in asked for word in way) + Counter(dict.fromkeys(in_heading, OF_HEADING))
    counts = {
        word: min(MOST_OF_A_WORD, IN_TEXT * (word in in_text) + IN_ASKED * said[word] / sqrt(len(asked)))
        for word in {*said, *in_text}
    }
    return _Indexed(passage, in_heading, asked, counts)


@cache
def _subjects() -> frozenset[str]:
    """What the guide is about: a question without any of these words is about something else."""
    return frozenset(_words(_SUBJECTS))


@cache
def _common() -> frozenset[str]:
    """Words that say nothing about what is asked; found when they are needed, as the page in a browser has no guide."""
    return frozenset(_words(_COMMON))


def ways_to_ask() -> dict[str, list[str]]:
    """How people ask for a section, by its English heading: below each in ``asked.txt``, indented."""
    found: dict[str, list[str]] = {}
    for line in (GUIDE / "asked.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith(" "):
            found[list(found)[-1]].append(line.strip())
        elif line and not line.startswith("#"):
            found[line] = []
    return found


def in_plain_text(answers: tuple[Passage, ...]) -> str:
    """The best section as a terminal shows it, with where it is from; then the commands that show the others."""
    best, *others = answers
    if best.opens:
        return "".join(f"{_command(each)}\n" for each in answers)
    shown = f"{best.heading} (yolo-probe guide {best.topic})\n\n{plain(best.text)}"
    return "\n".join([shown, *("".join(f"{_command(each)}\n" for each in others),) * bool(others)])


def _command(passage: Passage) -> str:
    """What shows a section."""
    return f"yolo-probe guide {passage.topic}" if passage.opens else f'yolo-probe guide "{passage.heading}"'


def _sections(language: Language) -> Iterator[tuple[Passage, tuple[str, str], str]]:
    """Each section, with its heading in English and in Chinese, and its text in both."""
    for topic in TOPICS:
        parts = {each: _parts(page(topic, each)) for each in ("en", "zh")}
        for number, (heading, text) in enumerate(parts[language]):
            both = [parts[each][number] for each in ("en", "zh")]
            headings = both[0][0], both[1][0]
            yield Passage(topic, heading, text, number == 0), headings, " ".join(part[1] for part in both)


def _parts(markdown: str) -> list[tuple[str, str]]:
    """Heading and text of each section of a page; the first is what stands below its title."""
    texts = re.split(r"^##? ", markdown, flags=re.MULTILINE)[1:]
    return [(text.partition("\n")[0], text.partition("\n")[2].strip("\n") + "\n") for text in texts]


def _words(text: str) -> Counter[str]:
    """The words of a text in small letters, without the ends that English has for many and for acts."""
    for pattern, word in _PHRASES:
        text = re.sub(pattern, f" {word} ", text)
    chinese, others = _others()
    lowered = chinese.sub(lambda found: f" {' '.join(others[found[0]])} ", text.lower())
    words = re.findall(r"[a-z][a-z0-9]+(?:[._][a-z0-9]+)*|\d+(?:\.\d+)?", lowered)
    words += [part for word in words for part in re.split(r"[._]", word) if part != word and len(part) > 2]
    runs = [run for text in re.findall(HAN, lowered) for run in re.split(_PARTICLES, text)]
    pairs = [run[at : at + 2] for run in runs for at in range(len(run) - 1)]
    stems = [stem for word in words for stem in others.get(_stem(word), [_stem(word)])]
    return Counter([*stems, *pairs])


def _stem(word: str) -> str:
    """A word without the ends that English has for many and for acts: ``stopped`` and ``stops`` are ``stop``."""
    return re.sub(r"([bdgmnprt])\1$", r"\1", re.sub(r"(?<=\w{3})(?:ing|es|ed|e|(?<!s)s)$", "", word))


_FILE, _SIZE = r"(?:weights?|checkpoints?|files?|saved model|\w+\.pth?)", r"(?:size|large|larger|big|bigger|huge)"

_PHRASES = (
    (r"(?i)\bnot? (?:longer )?(?:shown?|displayed|printed|appear\w*|there)\b|\bnot show\b", "missing"),
    (r"(?i)\b(?:did|does|do|is|are|was|were)n['\u2019]?t (?:show|display|print|appear|there|any)\w*", "missing"),
    (r"(?i)\bcan(?:no|'?)t (?:i )?(?:see|show|display|print|get)\b", "missing"),
    (r"(?i)\b(?:times |x ?)2\b|\b2 ?(?:x|times)\b|\bmultipl\w+ (?:by|with) (?:2|two)\b", "twice"),
    (r"(?i)\bno g?flops\b|\bflops (?:is |are )?missing\b", "missing gflops"),
    (r"(?i)\btransferred \d+ ?/ ?\d+ items\b", "transferred items"),
    (r"(?i)\bmemory access(?: costs?)?\b", "mac memory"),
    (r"(?i)\byolo(?:v8|v?1[12]|v?26)[nsmlx]?\b", "ultralytics"),
    (r"(?i)\btorch-pruning\b", "torchpruning"),
    (r"(?i)\b(?=(?:fvcore|ptflops|calflops|mmdet|get_flops|flopcounter|torchprofile))", "counter "),
    (r"(?i)\b\d+ ?(?:mb|megabytes?)\b|\b(?:weights?|model) ?(?:size|smaller|larger)", "file size mb large"),
    (rf"(?i)(?=\b{_FILE}\W(?:[\w.]+ ){{1,4}}{_SIZE}\b|\b{_SIZE} (?:\w+ ){{1,4}}{_FILE}\b)", "file size mb large"),
    (r"(?i)\b(?:320|416|512|640|960|1280) (?:and|or|vs\.?|to) (?:320|416|512|640|960|1280)\b", "image size"),
    (r"(?i)\bzero(?:-ops?|_ops?)?\b", "0"),
    (r"\bmAP\b", "accuracy"),
    (r"(?i)\bmulti[- ]?gpus?\b", "several gpu"),
)
"""What people write in several words, or with capitals that count, and the word for it."""


@cache
def _others() -> tuple[re.Pattern[str], dict[str, list[str]]]:
    """What finds the words of ``words.txt`` in Chinese; and the stems for which each of its words is written."""
    found: dict[str, list[str]] = {}
    for line in (GUIDE / "words.txt").read_text(encoding="utf-8").splitlines()[1:]:
        word, _, others = line.partition(":")
        found |= {_stem(other): [*map(_stem, word.split())] for other in others.split()}
    return re.compile("|".join(sorted(filter(is_chinese, found), key=len, reverse=True))), found


_SUBJECTS = """
layers parameters params gradients requires_grad flops gflops macs gmac gmacs mult-adds bflops convolutions batchnorm
fuse fused fusing forward_fuse freeze thop ptflops fvcore calflops torchprofile deepspeed torchinfo torchsummary counter
summary model_info stride profile best.pt last.pt checkpoint ema optimizer strip_optimizer state_dict total_ops fp16
fp32 half prune pruned quantized callbacks ddp dataparallel de_parallel rank ranks reparameterization gelan deploy
transferred nc fps latency megabytes mb buffers silu activation onnx yolo-probe counters rules story scan check
\u6bcf\u5c42 \u6458\u8981 \u901a\u9053 speed
"""
"""What the guide is about, in both languages."""

_COMMON = (
    "a an and are as at be but by can could do does for from get gets give gives given have has how i if in into "
    "is it its me my not of on or our same should so than that the their them then there these they this to too "
    "us use using was we were what when where which who why will with would you your yolo yolov5 model number "
    "question issue problem help please hi hello thanks before after nothing something wrong total one two say "
    "\u4e3a\u4ec0 \u4ec0\u4e48 \u600e\u4e48 \u600e\u6837 \u591a\u5c11"
)
"""Words that say nothing about what is asked."""
