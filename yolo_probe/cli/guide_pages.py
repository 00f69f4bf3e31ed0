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


_PARTICLES = (
    "[\u7684\u4e86\u5417\u5462\u5374\u5728\u662f\u548c\u8ddf\u4e0e\u628a\u88ab\u4f1a\u6211\u4f60\u8fd9\u90a3]"
    "|\u6a21\u578b|\u95ee\u9898|\u8bf7\u95ee|\u4ee5\u53ca|\u4e4b\u540e"
)
"""What stands between the words of Chinese that say what is asked, and is a part of none of them."""


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
NEARLY_OPENING = 0.6
"""The same for the opening of a page, which says little."""
ENOUGH = 4.0
"""The score of a section that answers: e to this power times as likely as the guide as a whole."""
ENOUGH_A_WORD, ENOUGH_AT_ALL = 4.2, 14.0
"""The same for each word of a question that names no subject of the guide, and for such a question however long."""
ASKED = 2
"""How much more the words of the ways to ask for a section say than those of its text."""
SHOWN, CLOSE = 3, 0.75
"""Sections that are shown at most, and what part of the best score the others of them have to have."""
SCREEN = 40
"""Lines of all sections that are shown, at most, but for the best."""
OTHERS = 0.5
"""What is left of the score of a section about networks that the question does not name."""
SURE = 12.0
"""The score of a section that answers a question with figures better than the networks that have them."""


def passages(words: str, language: Language, *, searched: bool = False) -> tuple[Passage, ...]:
    """The sections that answer a question in words of either language, the best first; none where none does.

    Openings of pages stand behind the sections. Where a text asks several questions, the sections that surely answer
    the others stand behind the best. ``searched``: the words are not a question, but what is looked for.
    """
    answers = _answers(words, language, searched)
    questions = () if searched else _questions(words)
    if not answers or len(questions) < LEAST_QUESTIONS:
        return answers
    firsts = [found[0] for each in questions for found in [_answers(each, language, False)] if found]
    told = {each.heading for each in answers[:1]}
    others = {each.heading: each for each in firsts if each.score >= SURE_OF_ONE and not each.opens}
    least = CLOSE * answers[0].score
    added = [replace(each, score=max(each.score, least)) for heading, each in others.items() if heading not in told]
    kept = [each for each in answers[1:] if each.heading not in others]
    return (*answers[:1], *added, *kept)[:MOST]


SURE_OF_ONE = 9.0
"""The score of a section that answers one of several questions, beside the best for all of them."""
LEAST_QUESTIONS, MOST_QUESTIONS = 2, 4
"""Questions of a text from which on each is looked up for itself, and of how many at most."""
LEAST_ASKED = 3
"""Words that a question has at least that is looked up for itself: ``is this expected?`` asks nothing alone."""


def _questions(text: str) -> tuple[str, ...]:
    """The questions of a text, each without the sentences before it."""
    ended = re.findall(r"[^?\uff1f\n]+[?\uff1f]", text)
    alone = (re.split(r"(?<=[.!\u3002\uff01])\s+", each)[-1].strip() for each in ended)
    return tuple(each for each in alone if len(_asked(each)) >= LEAST_ASKED)[:MOST_QUESTIONS]


def _answers(words: str, language: Language, searched: bool) -> tuple[Passage, ...]:
    """The sections that answer words as a whole."""
    language = "zh" if is_chinese(words) else language
    asked = _asked(words)
    enough = ENOUGH if searched or asked & _subjects() else max(ENOUGH, min(ENOUGH_A_WORD * len(asked), ENOUGH_AT_ALL))
    scores = [
        inf if each.passage.heading == words else _score(each, asked) * (OTHERS if each.is_of_others(words) else 1)
        for each in _index(language)
    ]
    asked_so = [asked in each.asked for each in _index(language)] if asked else [False] * len(scores)
    best = sorted(range(len(scores)), key=lambda number: (not asked_so[number], -scores[number]))[:MOST]
    first, sections = best[0], _index(language)
    least = {opens: max(enough, part * scores[first]) for opens, part in ((False, NEARLY), (True, NEARLY_OPENING))}
    found = [
        number for number in best
        if scores[number] >= least[sections[number].passage.opens] or (number == first and asked_so[first])
    ]  # fmt: skip
    least_sure = [SURE if known else 0.0 for known in asked_so]
    answers = [replace(sections[each].passage, score=max(scores[each], least_sure[each])) for each in found]
    return tuple(sorted(answers, key=lambda passage: passage.opens))


@dataclass(frozen=True, slots=True)
class _Indexed:
    """A section, with the words that are looked up in it."""

    passage: Passage
    asked: tuple[frozenset[str], ...]
    """Those of its heading in both languages, and of each way in which people ask for it."""
    shares: Mapping[str, float]
    """What share each word has of all words of the ways to ask, ``ASKED`` times, and of all of the text, added up."""

    def is_of_others(self, words: str) -> bool:
        """Whether its heading names networks, and a question none that its text names."""
        return bool(_networks(self.passage.heading)) and not _networks(words) & _networks(
            f"{self.passage.heading} {self.passage.text}"
        )


def _networks(text: str) -> set[str]:
    """The networks, and the other subjects, that a text names, of those that a section can be about."""
    found = {name.replace("-", "").lower() for name in _NETWORKS.findall(text)}
    return found | {name for name, pattern in _OWN_SUBJECTS.items() if re.search(pattern, text, re.IGNORECASE)}


_NETWORKS = re.compile(r"RT-?DETR|YOLO-?World|YOLOv?(?:7|9|10|26)(?!\d)", re.IGNORECASE)
"""Networks that a section can be about."""

_OWN_SUBJECTS = {
    "ddp": r"\bddp\b|parallel|distribut|\bgpus?\b|\branks?\b|wrapper|\u591a\u5361|\u663e\u5361",
    "head": r"\bP2\b|\bdetect\b|\bheads?\b|detection layers?|small (?:target|object)"
    r"|\u5c0f\u76ee\u6807|\u68c0\u6d4b(?:\u5934|\u5c42)",
    "freezing": r"fr[eo]ez|frozen|froze|requires_grad|trainable|\u51bb\u7ed3",
    "exports": r"onnx|export|tensorrt|\btrt\b|netron|\bengine\b|tflite|openvino|ncnn|torchscript|\u5bfc\u51fa",
    "callbacks": r"callback|\bon_\w+|\u56de\u8c03",
    "precision": r"(?<!best\.pt )\b(?:fp16|float16)\b(?! or | and INT8| change it)|\bhalf(?:[ -]precision|=)|--half"
    r"|\b(?:amp|precision|with half|int8|8[- ]?bit|quanti[sz]\w+)\b(?! the)|\u91cf\u5316|\u534a\u7cbe\u5ea6",
    "reparameterization": r"re-?param|\u91cd\u53c2\u6570",
    "loggers": r"logger|tensorboard|wandb|comet|clearml|mlflow|\u65e5\u5fd7",
}
"""Subjects of sections that use the words of every question, such as parameters and FLOPs."""


def _score(section: _Indexed, asked: frozenset[str]) -> float:
    """How much likelier a section is to have the words of a question than the guide as a whole.

    Formula: the logarithm of a mixture of the section and the guide against the guide, summed over the words: the
    query likelihood of a unigram language model with the smoothing of Jelinek and Mercer. A word that the guide has not
    says nothing. Up to half as much again where the question is like one of the ways to ask: a section has all of its
    ways in one, and words that never stand together there are in it too.
    """
    guide = _guide()
    likely = sum(log(1 + section.shares.get(word, 0) / guide[word]) for word in asked if word in guide)
    nearest = sorted((_likeness(asked, way) for way in section.asked), reverse=True)[:2]
    return likely * (1 + sum(nearest) / 4)


def _likeness(asked: frozenset[str], way: frozenset[str]) -> float:
    """How much of two questions is the same, from 0 to 1: the cosine of their words, each by how rare it is."""
    rarity = _rarity()
    sums = [sum(rarity.get(word, RAREST) for word in words) for words in (asked & way, asked, way)]
    return sums[0] / sqrt(sums[1] * sums[2]) if sums[0] else 0.0


RAREST = 6.0
"""How rare a word is that is in no way to ask."""


@cache
def _rarity() -> Mapping[str, float]:
    """How rare each word of the ways to ask is among them. Formula: the inverse document frequency of BM25."""
    ways = [way for section in _index("en") for way in section.asked]
    having = Counter(word for way in ways for word in way)
    return {word: log(1 + (len(ways) - number + 0.5) / (number + 0.5)) for word, number in having.items()}


@cache
def _guide() -> Mapping[str, float]:
    """What share each word has of the guide, where each section has each of its words once."""
    having = Counter(word for section in _index("en") for word in section.shares)
    total = sum(having.values())
    return {word: number / total for word, number in having.items()}


@cache
def _index(language: Language) -> tuple[_Indexed, ...]:
    """Every section, and its words in both languages."""
    ways = ways_to_ask()
    return tuple(
        _indexed(passage, text, (*headings, *ways.get(headings[0], ())))
        for passage, headings, text in _sections(language)
    )


def _indexed(passage: Passage, text: str, ways: Iterable[str]) -> _Indexed:
    """A section with its words: its text in both languages, and its headings and the other ways to ask for it."""
    asked = tuple(map(_asked, ways))
    in_text = {word: number for word, number in _words(text).items() if word not in _common()}
    shares: dict[str, float] = {}
    for counts, times in ((Counter(word for way in asked for word in way), ASKED), (in_text, 1)):
        total = sum(counts.values())
        shares |= {word: shares.get(word, 0) + times * number / total for word, number in counts.items()}
    return _Indexed(passage, asked, shares)


@cache
def _subjects() -> frozenset[str]:
    """What the guide is about: a question without any of these words may be about something else."""
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
    """The best section as a terminal shows it, with where it is from; then the commands that show the others.

    Those that answer nearly as well are shown too, as far as they fit a screen: which is meant, a reader sees at once.
    """
    texts = [
        f"{each.heading} (yolo-probe guide {each.topic})\n\n{plain(each.text)}"
        for each in close(answers)
        if not each.opens
    ]
    while len(texts) > 1 and sum(text.count("\n") + 1 for text in texts) > SCREEN:
        texts.pop()
    others = "".join(f"{_command(each)}\n" for each in answers[len(texts) :])
    return "\n".join([*texts, *(others,) * bool(others)])


def close(answers: tuple[Passage, ...]) -> tuple[Passage, ...]:
    """The best section, and those that answer nearly as well."""
    return tuple(each for each in answers[:SHOWN] if each.score >= CLOSE * answers[0].score)


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


def _asked(question: str) -> frozenset[str]:
    """The words of a question, with those for what its figures say."""
    return frozenset(_words(_with_states(question) + _times(question) + _doubled(question))) - _common()


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


@cache
def _stem(word: str) -> str:
    """A word without the ends that English has for many and for acts: ``stopped`` and ``stops`` are ``stop``."""
    return re.sub(r"([bdgmnprt])\1$", r"\1", re.sub(r"(?<=\w{3})(?:ing|es|ed|e|(?<!s)s)$", "", word))


def _times(text: str) -> str:
    """Words for how many times as large as the other the one of two files is, where a text has the sizes of two.

    Where it has one, that is held against a finished file of the network that the text names.
    """
    sizes = sorted({float(size) for size in _MEGABYTES.findall(text)})
    if not (0 < len(sizes) < 3 and _OF_FILES.search(text)):
        return ""
    if len(sizes) == 1:  # of 58M beside a name explain itself tells what it is
        sizes = [*(_finished(text) if re.search(r"\d ?MB", text, re.IGNORECASE) else ()), *sizes]
    if len(sizes) < 2:
        return ""
    return next((words for least, most, words in _TIMES if least <= sizes[1] / sizes[0] < most), "")


def _doubled(text: str) -> str:
    """Words for MACs that somebody holds against FLOPs: of two amounts of billions, one is twice the other."""
    from yolo_probe.hosts.quoted_figures import quoted_in

    found = [quoted for quoted in quoted_in(text) if quoted.billions]
    if not any(quoted.has_unit or quoted.says_flops for quoted in found):
        return ""
    amounts = sorted({float(quoted.billions) for quoted in found})
    twice = any(TWICE[0] < more / less < TWICE[1] for less in amounts for more in amounts if less)
    return " twice macs flops multiply 2 " if twice else ""


TWICE = 1.95, 2.05
"""What twice as much is at least and at most: counters differ in what they charge beside convolutions."""


def _finished(text: str) -> list[float]:
    """The megabytes of a finished file of the network that a text names, at 2 bytes for each parameter."""
    from yolo_probe.hosts.quoted_figures import name_in, own_lines

    return [own.network.parameters(80, own.fused) * 2 / 1e6 for own in own_lines(name_in(text))[:1]]


def _with_states(text: str) -> str:
    """A text that has a figure of a network before ``fuse()`` and that after it, with words in place of the two."""
    parameters = {int(number.replace(",", "")) for number in _PARAMETERS.findall(text)}
    if len(parameters) == 2 and min(parameters) / max(parameters) > 1 - MERGED:
        return _PARAMETERS.sub(OF_FUSE, text)
    layers = {int(number) for number in _LAYERS.findall(text)} if _OF_LAYERS.search(text) else set()
    if len(layers) == 2 and (max(layers), min(layers)) in _layers_of_states():
        return _LAYERS.sub(OF_FUSE, text)
    return text


@cache
def _layers_of_states() -> frozenset[tuple[int, int]]:
    from yolo_probe.hosts.known_lines import known_networks

    return frozenset((network.layers[0], network.layers[1]) for network in known_networks())


MERGED = 0.004
"""What part of the parameters ``fuse()`` takes away at most: two numbers so near are of one network."""
OF_FUSE = " fused training validation lines differ "
"""Words of questions on both."""

_PARAMETERS = re.compile(r"(?<![\w.,])(?:\d{1,3}(?:,\d{3}){1,2}|\d{6,9})(?![\w.,])", re.ASCII)
_LAYERS = re.compile(r"(?<![\w.,])\d{2,4}(?![\w.,])", re.ASCII)
_OF_LAYERS = re.compile(r"\blayers?\b|\u5c42", re.IGNORECASE)

_MEGABYTES = re.compile(r"(?<![\w.])(\d+(?:\.\d+)?)\+? ?M(?:B|iB|egs?|egabytes?)?(?!\w)", re.IGNORECASE | re.ASCII)
_OF_FILES = re.compile(
    r"\d ?MB|\.pt\b|\bonnx\b|\b(?:weights?|files?|sizes?|checkpoints?|trained)\b"
    r"|\u6587\u4ef6|\u6743\u91cd|\u6a21\u578b",
    re.IGNORECASE,
)
"""What has megabytes, where parameters have millions."""

_TIMES = (
    (1, 1.15, " parameters times bytes decide mb file "),
    (1.7, 2.4, " fp32 twice the file"),
    (3.2, 20, " file 4 times optimizer stripped"),
)
"""How many times at least, how many less than, and the words for it."""

_FILE, _SIZE = r"(?:weights?|checkpoints?|files?|saved model|\w+\.pth?)", r"(?:size|large|larger|big|bigger|huge)"

_LETTER = r"(?<![a-z0-9_'-])(?:yolov?\d+)?[nsmlx](?![a-z0-9_'-])"
"""The letter of a scale, alone or behind a series."""
_NEXT = r"(?: *[,\u3001/] *(?:and |or )?| )"
"""What is between two of them."""

_SIDE = r"(?:320|416|512|608|640|960|1024|1280)"
"""What people name as the side of an image."""

_PHRASES = (
    (r"^\s*\d+ +(?:-?\d+|\[.*?\]) +\d+ +\d+ +[\w.]+ +\[.*$", "from number module args yaml row multiples"),
    (r"(?i)\bnot? (?:longer )?(?:show\w*|display\w*|print\w*|appear\w*|there)\b", "missing"),
    (r"(?i)\b(?:did|does|do|is|are|was|were)n['\u2019]?t (?:show|display|print|appear|there|any)\w*", "missing"),
    (r"(?i)\bcan(?:no|'?)t (?:i )?(?:see|show|display|print|get)\b", "missing"),
    (r"(?i)\b(?:times |x ?)2\b|\b2 ?(?:x|times)\b|\bmultipl\w+ (?:by|with) (?:2|two)\b", "twice"),
    (r"(?i)\b(?=(?:slower|faster) than\b)|\b(?=(?:is|are|runs?) (?:slower|faster)\b)", "fewer fps time "),
    (r"(?=\u6bd4[^\uff0c\u3002\uff1f,.?]{1,20}(?:\u6162|\u5feb))", "fewer fps time "),
    (r"(?i)\bno g?flops\b|\bflops (?:is |are )?missing\b", "missing gflops"),
    (r"\bFLOPS\b(?=.*\bFLOPs\b)|\bFLOPs\b(?=.*\bFLOPS\b)|(?i:\boperations per second\b)", "flops speed second amount"),
    (
        r"(?i)\u6ca1\u6709?(?:\u663e\u793a|\u6253\u5370|\u8f93\u51fa)? ?g?flops"
        r"|g?flops ?(?:\u6ca1\u4e86|\u6ca1\u6709\u4e86|\u4e0d\u89c1\u4e86|\u6d88\u5931)",
        "missing gflops",
    ),
    (r"(?i)\bnothing (?:is |was )?(?:shown|displayed|printed)\b", "missing"),
    (r"(?i)\btransferred \d+ ?/ ?\d+ items\b", "transferred items"),
    (r"(?i)\bpretrained ?= ?\w+", "pretrained argument scratch"),
    (r"(?i)\bmemory access(?: costs?)?\b", "mac memory"),
    (r"(?i)\byolo(?:v8|v?1[12]|v?26)[nsmlx]?\b", "ultralytics"),
    (r"(?i)\btorch-pruning\b", "torchpruning"),
    (r"(?i)\bre-param", "reparam"),
    (r"(?i)\bfine[- ]tun", "finetun"),
    (r"(?i)\b(?=(?:fvcore|ptflops|calflops|mmdet|get_flops|flopcounter|torchprofile))", "counter "),
    (
        r"(?i)\b\d+ ?(?:mb|megabytes?|megs?)\b|\b(?:weights?|model) ?(?:size(?! info)|smaller|larger)"
        r"|\bsize of (?:the |my )?(?:model|weights?|file)",
        "file size mb large",
    ),
    (rf"(?i)(?=\b{_FILE}\W(?:[\w.]+ ){{1,4}}{_SIZE}\b|\b{_SIZE} (?:\w+ ){{1,4}}{_FILE}\b)", "file size mb large"),
    (
        rf"(?i)\b{_SIDE} (?:and|or|vs\.?|to) {_SIDE}\b|\b{_SIDE}(?:[x*]\d+)? ?(?:size|px|pixels?|input|resolution)\b"
        rf"|\b(?:at|with) {_SIDE}(?:[x*]\d+)?\b|\b{_SIDE}[x*]{_SIDE}\b",
        "image size",
    ),
    (
        rf"(?i)\b(?:size|imgsz|img|train\w*|input|resolution)(?: size)?(?: of| at| to| with| is|=)? {_SIDE}\b",
        "image size",
    ),
    (
        r"(?i)\b(?:inference|detection|prediction|forward) (?:time|speed|latency)s?\b|\btime of inference\b",
        "speed time",
    ),
    (r"(?i)\b(?:took|takes?|taking) longer\b", "slower time"),
    (
        r"(?i)\b(?:time|speed|latency|fps)s? (?:\w+ ){0,2}?(?:remains?|stays?|is|are|was) (?:\w+ ){0,2}?"
        r"(?=same\b|unchanged\b)",
        "speed time slower fewer fps ",
    ),
    (r"(?i)\bframe ?rates?\b", "fps"),
    (r"\([BG]\)|\b[Bb]illions?\b|\b[Gg]iga\b", " billion "),
    (
        r"(?i)\b(?:less|few(?:er)?|lower|small\w*|large\w*|more) param\w*(?:\W+\w+){0,6}?\W+"
        r"(?:less|few(?:er)?|lower|small\w*|large\w*|more|high\w*|many) (?:g?flops)",
        "few parameters many gflops",
    ),
    (r"(?i)\bzero(?:-ops?|_ops?)?\b", "0"),
    (r"\bmAP\b", "accuracy"),
    (r"(?i)\bmulti[- ]?gpus?\b", "several gpu"),
    (
        rf"(?i){_LETTER}(?: *[,\u3001/] *(?:and |or )?{_LETTER}| {_LETTER}){{1,4}}(?: *(?:and|or|\u548c) *{_LETTER})?",
        " scale series ",
    ),
    (r"(?i)\byolov5[nsmlx]6\b|\bP[2-7]\b", "p6 map"),
    (r"(?i)(?=\b(?:yolo\w+)?[nsmlx],? *(?:or|\u8fd8\u662f) *(?:yolo\w+)?[nsmlx]\b)", " scale "),
    (
        r"(?i)(?:model|weights?|file|\u6a21\u578b|\u6743\u91cd|\u6587\u4ef6)(?!.*(?:param|flop|\u53c2\u6570))"
        r"(?=.{0,12}?(?<![\d.])\d+ ?M(?!\w).{1,12}?(?<![\d.])\d+ ?M(?!\w))",
        "file size mb large ",
    ),
    (r"(?i)\bch ?[:=] ?\d|\b(?:single|one|1|four|4)[- ]channels?\b", "gray input channels"),
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
calculations computation
fuse fused fusing forward_fuse freeze thop ptflops fvcore calflops torchprofile deepspeed torchinfo torchsummary counter
summary model_info stride profile best.pt last.pt checkpoint ema optimizer strip_optimizer state_dict total_ops fp16
fp32 half prune pruned quantized callbacks ddp dataparallel de_parallel rank ranks reparameterization gelan deploy
transferred nc fps latency slower megabytes mb buffers silu activation onnx yolo-probe counters rules story scan check
\u6bcf\u5c42 \u6458\u8981 \u901a\u9053 speed pretrained gray scale resume depth width
"""
"""What the guide is about, in both languages."""

_COMMON = (
    "a an and are as at be but by can could do does for from get gets give gives given have has how i if in into "
    "is it its me my not of on or our same should so than that the their them then there these they this to too "
    "us use using was we were what when where which who why will with would you your yolo yolov5 model number "
    "question issue problem help please hi hello thanks before after nothing something wrong total one two say take "
    "correct even also really know reason generally "
    "\u4e3a\u4ec0 \u6709\u4ec0 \u4ec0\u4e48 \u600e\u4e48 \u600e\u6837 \u591a\u5c11"
)
"""Words that say nothing about what is asked."""
