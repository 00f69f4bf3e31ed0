"""Unit: reports and messages in Chinese: no sentence is missing, no figure is lost, columns are aligned by cells."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unicodedata import east_asian_width

import pytest

from tests.conftest import Probe
from tests.environments import ROOT
from tests.measurements import report as bench_of
from tests.measurements import steady
from tests.networks import counter, difference, question
from tests.sentences import fixed_parts, is_of_the_source, parts_of_errors
from tests.unit.test_report import STRIPPED, saved_subject
from tests.unit.test_report_page import embedded
from tests.unit.test_training_record import EVENTS
from yolo_probe.counters.conventions import choose_counter
from yolo_probe.errors import ModelYamlError
from yolo_probe.hosts.host import ULTRALYTICS, YOLOV5, Host
from yolo_probe.hosts.printed_line import lines_in
from yolo_probe.hosts.quoted_figures import quoted_in
from yolo_probe.hosts.subject import Saved
from yolo_probe.hosts.target import resolve
from yolo_probe.hosts.tool_prints import tool_prints
from yolo_probe.language import catalogue, is_name, language, page_words, shown_in, translated, translated_error
from yolo_probe.model.freezing import with_frozen
from yolo_probe.model.structure import Module, named_parameters
from yolo_probe.render.document import (
    Chart,
    Figures,
    Footer,
    Heading,
    HostLine,
    Part,
    Section,
    Table,
    TableRow,
    Words,
    Working,
)
from yolo_probe.render.sections import sections
from yolo_probe.render.text import render
from yolo_probe.render.text_layout import cells, hue, wrapped
from yolo_probe.render.translation import in_language
from yolo_probe.reports.counters import counters
from yolo_probe.reports.diff import Side, diff, side
from yolo_probe.reports.explain import explanation, explanation_of_figures
from yolo_probe.reports.fuse_diff import fuse_diff
from yolo_probe.reports.fused_outputs import DifferentRow, FusedOutputs
from yolo_probe.reports.gradients import provenance
from yolo_probe.reports.info import info
from yolo_probe.reports.inspection import inspect
from yolo_probe.reports.known_errors import KNOWN_ERRORS
from yolo_probe.reports.layers import View, layer_costs
from yolo_probe.reports.mechanisms import Known, decide
from yolo_probe.reports.question import Question
from yolo_probe.reports.side_by_side import side_by_side
from yolo_probe.reports.story import read_story
from yolo_probe.reports.timing import Timing
from yolo_probe.reports.tool_figures import counted_by
from yolo_probe.reports.training_record import Changed, FuseTrial, Scales, Started, Switched, Taken, Validated
from yolo_probe.reports.training_record import Part as Modules
from yolo_probe.training.log_lines import (
    change_lines,
    end_lines,
    foreseen_line,
    outputs_line,
    start_lines,
    start_warnings,
    validation_line,
)

if TYPE_CHECKING:
    from yolo_probe.render.sections import Report

NAMES = ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG")

UNCHANGED = {
    *("--format\N{NO-BREAK SPACE}json", "--freeze N [N ...]  --host  --nc  --format\N{NO-BREAK SPACE}json"),
    "yolo-probe info",
    "the rest",
    *("--counter-a  --counter-b  --imgsz-a  --imgsz-b  --format json", "yolo-probe: model_info failed"),
    *("--by row", "--imgsz  --batch  --threads  --device cuda  --half  --channels-last", "-o bench.svg  --format json"),
    *("pip install ultralytics", "yolo val", "of ultralytics.nn.tasks"),
}
"""Commands and names of code."""
UNSHOWN = {
    "reports/ledger": ("BatchNorm has a weight and", "had no bias; the shift", "computes the BatchNorm into", "gives"),
    "model/fusion": (
        "own fuse() does",
        "a module there that computes nothing",
        "end-to-end model",
        "has two heads",
        "side by side",
        "removes these modules",
    ),
    "training/moments": ("these flags after the line",),
    "reports/story": ("requires_grad=",),
    "reports/diff": (
        *("Only the last convolutions", "The depth multiple", "The width multiple", "Counters charge the same"),
        *("A convolution costs as much", "The same block with", "Another block in", "Smaller changes of"),
        *("Modules that are part", "A row that the"),
    ),
    "render/inspection": ("a model alone", "no epochs left"),
    "reports/inspection": ("a model alone", "no epochs left", "no epoch"),
    "render/counters": ("leaves inside",),
}
"""Words of strings that are in JSON alone: why a cause changes a number."""
OF_ERRORS = {
    "reports/ledger": ("the weights of a BatchNorm",),
    "reports/story": ("pass the folder", "render it", "no such file", "in the folder"),
    "model/fusion": ("YOLOv5's fuse() fails here",),
    "training/fuse_trial": ("fuse() fails there",),
    "hosts/summary_line": ("always 3",),
    "render/stride_scaling": ("Less than",),
}
"""Words of errors, which are in English, and of comparisons."""
BEFORE_A_DATE = ("the tag", "HEAD's new line")


def plainer(text: str) -> str:
    """A text with one sign for everything that differs from case to case."""
    return re.sub(r"[^\s(]*\d[\w.]*", "#", re.sub(r"\{\w+\}", "#", text)).lower()


# the language


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, "en"),
        ({"LANG": "C"}, "en"),
        ({"LANG": "C.UTF-8"}, "en"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, "en"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": ""}, "zh"),
        ({"LANG": "en_US.UTF-8", "LC_MESSAGES": "zh_TW"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "LC_MESSAGES": "en_GB.UTF-8"}, "en"),
        ({"LANG": "en_US.UTF-8", "LANGUAGE": "zh_CN:en"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "LANGUAGE": "en"}, "en"),
        ({"LANG": "C", "LANGUAGE": "zh_CN"}, "en"),
        ({"LANG": "zh_CN.UTF-8", "LANGUAGE": "fr"}, "zh"),
    ],
)
def test_the_environment_names_a_language_as_for_gettext(
    environment: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert language() == expected


def test_a_stream_without_chinese_gets_english() -> None:
    assert shown_in("zh", TextIOWrapper(BytesIO(), "ascii")) == "en"
    assert shown_in("zh", TextIOWrapper(BytesIO(), "gbk")) == "zh"
    assert shown_in("zh", None) == shown_in("zh", TextIOWrapper(BytesIO(), "utf-8")) == "zh"


# the catalogue


def test_every_sentence_of_the_source_is_in_the_catalogue() -> None:
    known = "\0".join(plainer(each.english) for each in catalogue())
    exempt = [
        (name, words) for table in (UNSHOWN, OF_ERRORS) for name, all_words in table.items() for words in all_words
    ]
    missing = [
        (name, words)
        for name, words in fixed_parts()
        if plainer(words) not in known and translated(words, "zh") == words and words not in UNCHANGED
        and words not in BEFORE_A_DATE
        and not any(name == module and each in words for module, each in exempt)
    ]  # fmt: skip
    assert missing == []


def test_every_error_that_is_known_is_told_in_chinese() -> None:
    for words in (words for known in KNOWN_ERRORS for words in (known.cause, known.remedy)):
        for sentence in re.split(r"(?<=\S[.?!]) ", words):
            assert translated(sentence, "zh") != sentence


@pytest.mark.exhaustive
def test_every_error_about_what_is_typed_is_told_in_chinese() -> None:
    known = "\0".join(plainer(each.english) for each in catalogue())
    missing = [
        (name, words)
        for name, words in parts_of_errors()
        if re.search(r"[a-z]{2,} [a-z]{2,}", words) and plainer(re.sub(r"^\w+: ", "", words)) not in known
        and translated(words, "zh") == words and not words.startswith("pip install")
    ]  # fmt: skip
    assert missing == []


@pytest.mark.parametrize(
    "row",
    [
        "[-1, 1, Conv]", "[-1, 1, Conv, []]", '[-1, 1, Conv, ["a"]]', "[x, 1, Conv, [64]]", "[-1, 1, Conv, 64]",
        "[[-1, 0], 1, Conv, [64]]", "[-5, 1, Conv, [64]]", "[-1, 1, SPPF, [64, 5, 3, 3]]", "[-1, 1, NoSuch, [64]]",
        "[-1, 1, nn.Upsample, [None, x, nearest]]", "[-1, 1, nn.Conv2d, [3, 64, 3, z]]", '[-1, 1, Conv, ["1+"]]',
    ],
)  # fmt: skip
def test_an_error_about_a_row_of_a_yaml_is_whole_in_chinese(row: str, tmp_path: Path) -> None:
    path, head = tmp_path / "net.yaml", "nc: 1\nanchors: 3\ndepth_multiple: 1\nwidth_multiple: 1\n"
    path.write_text(f"{head}backbone: [{row}]\nhead: [[[0], 1, Detect, [nc, anchors]]]\n", encoding="utf-8")
    with pytest.raises(ModelYamlError) as found:
        resolve(str(path))
    told = translated_error(str(found.value), "zh")
    assert told.startswith(str(path))
    assert untranslated(told) == untranslated(translated(found.value.remedy, "zh")) == ""
    assert told != str(found.value)


def test_an_error_keeps_what_stands_before_its_sentence() -> None:
    assert translated_error("a: b/x.pt: no such file", "zh") == "a: b/x.pt: \u6ca1\u6709\u8fd9\u4e2a\u6587\u4ef6"
    assert translated_error("a: b: words of nobody", "zh") == "a: b: words of nobody"
    assert translated_error("x.pt: no such file", "en") == "x.pt: no such file"


def test_a_shape_stays_as_it_is() -> None:
    told = translated("The source's own forward fails on shapes: model.2: torch.Size([1, 16, 160, 160]).", "zh")
    assert told.endswith("model.2: torch.Size([1, 16, 160, 160])\u3002")
    assert translated_error("best.pt: model.2: torch.Size([1, 16])", "zh") == "best.pt: model.2: torch.Size([1, 16])"


def test_an_error_is_told_in_the_language_that_is_asked_for(probe: Probe, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = probe("info", "nosuch.pt", "--lang", "zh")
    assert (asked.returncode, asked.stdout) == (2, "")
    assert "nosuch.pt: \u6ca1\u6709\u8fd9\u4e2a\u6587\u4ef6" in asked.stderr
    assert "no such file" in probe("info", "nosuch.pt", "--lang", "en").stderr
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    assert probe("info", "nosuch.pt").stderr == asked.stderr
    assert "nosuch: \u6ca1\u6709" in probe("scan", "nosuch").stderr


@pytest.mark.exhaustive
def test_every_sentence_of_the_catalogue_is_in_the_source() -> None:
    assert [each.english for each in catalogue() if not is_of_the_source(each.english)] == []
    assert not is_of_the_source("{n} layers are for this file it prints")


def test_both_languages_say_the_same_of_a_case() -> None:
    for each in catalogue():
        names, theirs = (Counter(re.findall(r"\{(\w+)\}", text)) for text in (each.english, each.chinese))
        assert (each.english, max(names.values(), default=1)) == (each.english, 1)
        assert (each.english, names) == (each.english, theirs)
        assert (each.english, figures(each.english)) == (each.english, figures(each.chinese))


def test_a_sentence_stands_once_and_its_width_is_certain() -> None:
    english = [each.english for each in catalogue()]
    assert len(english) == len({*english}) > 600
    assert all(
        max(each.chinese) >= "\u4e00" or each.english == each.chinese for each in catalogue() if " " in each.english
    )
    assert {c for each in catalogue() for c in each.chinese if east_asian_width(c) == "A"} == set()


# reports


def frozen(names: tuple[int, ...]) -> Module:
    root = resolve("yolov5n@v7.0").root
    parts = tuple(f"model.{row}." for row in names)
    return with_frozen(root, frozenset(name for name, _ in named_parameters(root) if name.startswith(parts)))


def reports(demo: Path) -> Iterator[tuple[str, Report]]:
    """Reports of every kind of network, file and line."""
    for target in (
        *("yolov5n", "yolov5n@v7.0", "yolov5s@v6.1", "yolov5s@v5.0", "yolov5s@v3.1", "yolov5s@v2.0", "yolov5s@v1.0"),
        *("yolov5-fpn@v6.0", "yolov5s-ghost", "yolov7", "yolov9-c", "v5Lite-e", "yolov5s@yolov5-face"),
    ):
        yield f"fuse-diff {target}", difference(target)
        yield (
            f"info {target}",
            info(Question(resolve(target), (320, 640), difference(target).question.counter), fused=False),
        )
        yield f"gradients {target}", provenance(resolve(target))
    for name in ("torch", "fvcore", "ptflops", "calflops", "textbook", "thop-0.0.31"):
        yield f"--counter {name}", difference("yolov5n@v7.0", (640, 640), name)
        yield f"info {name}", info(question("yolov5s-transformer", (320, 320), name), fused=True)
    saved = (
        STRIPPED, replace(STRIPPED, freeze=None),
        replace(STRIPPED, freeze=tuple(range(10)), freeze_option="--freeze 10"),
        Saved("ema", 0, True, True, True, "FP16", ()), Saved("model", 3, True, True, False, "FP32", ()),
        replace(STRIPPED, unusual=("os.system",), dtype="mixed precision"),
        Saved("model", 0, True, True, True, "FP32", ()),
    )  # fmt: skip
    for each in saved:
        for trains in (False, True):
            asked = Question(saved_subject(each, trains), (640, 640), counter())
            report = fuse_diff(asked)
            yield f"{each} {trains}", report
            yield f"info {each} {trains}", info(asked, fused=False, stride_scaled=True)
    outputs = FusedOutputs(size=(64, 64), rows=25, largest=1e-12, first=None)
    yield (
        "outputs",
        replace(report, outputs=outputs, run=("resumed", "--freeze 10 (rows 0 to 9)", "rows 0 to 9 frozen later")),
    )
    for difference_ in (0.25, None):
        row = DifferentRow(name="model.4", kind="C3", difference=difference_)
        yield "other outputs", replace(report, outputs=replace(outputs, first=row))
    yield "unexplained", replace(report, layers=replace(report.layers, after=report.layers.after + 12))
    for freeze in ((0,), (10,), (0, 3, 5), (99,)):
        yield f"gradients {freeze}", provenance(resolve("yolov5s"), freeze)
    yield "demo", fuse_diff(Question(resolve(str(demo)), (640, 640), counter()))
    yield "demo gradients", provenance(resolve(str(demo)))
    yield from _other_reports(demo)
    for text in LINES:
        yield text, explanation(list(lines_in(text)))
    for text in ("157 layers", "7.5M 17.5", "yolov5s 7.07M 8", "13 GFLOPs", "rtdetr-l 32.97M"):
        yield text, explanation_of_figures(list(quoted_in(text)))
    for text in PRINTS_OF_COUNTERS:
        found = tuple((each, counted_by(each)) for each in tool_prints(text))
        yield text, replace(explanation([]), tools=found)


PRINTS_OF_COUNTERS = (
    "flops=7975936000.0 params=7025023.0", "flops=4134849536.0 params=3011043.0", "MACs: 10325083392 params: 21172173",
    "Computational complexity: 10.38 GMac\nNumber of parameters: 21.19 M", "8311398400",
    "Total params: 11,770,751\nTotal mult-adds (G): 7.88", "flops=16622796800 params=7235389",
    "flops=10000000000 params=1872157",
)  # fmt: skip
"""What counters print, of networks that are known and not."""


def _other_reports(demo: Path) -> Iterator[tuple[str, Report]]:
    """Reports of the other commands."""
    pairs = (
        ("yolov5s@v6.1", str(demo)), ("yolov5s@v3.1", "yolov5s@head"), ("yolov5n", "yolov5s-ghost"),
        ("157 layers, 7015519 parameters, 0 gradients", "yolov5s@v7.0"), (str(demo), str(demo)),
    )  # fmt: skip
    for first, second in pairs:
        one, other = (side(each, (640, 640), counter().convention.name) for each in (first, second))
        yield f"diff {first} {second}", diff(one, other)
        yield f"diff {second} {first}", diff(other, replace_counter(one))
    yield "compare", side_by_side((str(demo), "yolov5s", "yolov8n"), (640, 640), counter())
    yield "inspect", inspect(str(demo))
    yield "story", read_story(str(ROOT / "tests" / "golden" / "probe-before.json"))
    for target in ("yolov5s-transformer", str(demo)):
        asked = Question(resolve(target), (640, 640), counter())
        yield from ((f"counters {target}", counters(asked, brief=brief)) for brief in (True, False))
        views = (
            View(brief=True), View(top=3), View(by="module"), View(by="operator", memory=True), View(memory=True),
            View(by="type", brief=True), View(by="module", brief=True, top=5),
        )  # fmt: skip
        yield from ((f"layers {target} {view}", layer_costs(asked, view, fused=view.memory)) for view in views)
    for unfused in (steady(120), steady(80), Timing(0.1, 0.05, 0.15, 5), None):
        yield f"bench {unfused}", bench_of(unfused=unfused, unmeasured={"nn.Fold": 2})


def replace_counter(found: Side) -> Side:
    """The same side of a diff, counted by another counter at another size."""
    question_ = replace(found.question, counter=choose_counter("torch", None), asked_size=(320, 320))
    return replace(found, question=question_, state=question_.state(found.state.root))


LINES = (
    "Model summary: 157 layers, 7015519 parameters, 0 gradients, 15.8 GFLOPs",
    "214 layers, 7025023 parameters, 7025023 gradients, 16.0 GFLOPs\n"
    "157 layers, 7015519 parameters, 0 gradients, 15.8 GFLOPs",
    "283 layers, 7276605 parameters, 7276605 gradients", "300 layers, 7276605 parameters, 0 gradients, 99.1 GFLOPs",
    "214 layers, 7235389 parameters, 7235389 gradients, 66.5 GFLOPs", "290 layers, 10 parameters, 20 gradients",
    "157 layers, 7225885 parameters, 229245 gradients, 16.4 GFLOPs", "214 layers, 9235389 parameters, 700 gradients",
    "157 layers, 7225885 parameters, 7225885 gradients", "214 layers, 7235389 parameters, 3063933 gradients",
    "270 layers, 7235389 parameters, 7235389 gradients, 16.5 GFLOPs",
    "225 layers, 3157200 parameters, 3157184 gradients, 8.9 GFLOPs\n"
    "168 layers, 3151904 parameters, 0 gradients, 8.7 GFLOPs",
    "250 layers, 8468157 parameters, 8468157 gradients, 25.3 GFLOPs\n"
    "200 layers, 8460317 parameters, 0 gradients, 25.2 GFLOPs",
    "214 layers, 7235389 parameters, 7235389 gradients, 16.5 GFLOPs\n"
    "157 layers, 7225885 parameters, 0 gradients, 16.4 GFLOPs",
    "Model Summary: 140 layers, 7.45958e+06 parameters, 7.45958e+06 gradients",
    "Model Summary: 120 layers, 6.8612e+06 parameters, 6.31725e+06 gradients",
    "213 layers, 7225885 parameters, 0 gradients, 16.4 GFLOPs", "125 layers, 7235389 parameters",
    "214 layers, 7235389 parameters, 7235389 gradients, 8.3 GFLOPs",
    "122 layers, 2,408,932 parameters, 0 gradients, 5.4 GFLOPs",
    "314 layers, 36907898 parameters, 0 gradients, 104.5 GFLOPS",
    "285 layers, 2762608 parameters, 0 gradients, 8.6 GFLOPs", "319 layers, 2624080 parameters, 2624064 gradients",
)  # fmt: skip

MONTHS = {
    "June": "6",
    "July": "7",
    "August": "8",
    "September": "9",
    "November": "11",
    "December": "12",
    "February": "2",
}


def figures(text: str) -> Counter[str]:
    """The figures of a text, with those of the months that English has as names."""
    for month, number in MONTHS.items():
        text = text.replace(month, number)
    return Counter(re.findall(r"\d[\d,.]*\d|\d", re.sub(r"\{\w+\}", "", text)))


def texts(part: Part) -> Iterator[str]:
    """The sentences of a part, without a host's line and the label of a heading."""
    match part:
        case HostLine(_, gap):
            yield gap
        case Heading(text):
            yield text.partition(": ")[2]
        case Figures(label, columns) | TableRow(label, columns):
            yield from (label, *columns)
        case Table(heads, rows):
            yield from (cell for row in (heads, *rows) for cell in row)
        case Chart(heads, lines, sums):
            yield from (cell for row in (heads, *lines, *sums) for cell in row)
        case Working(label, sums):
            yield from (label, *(text for each in sums for text in each))
        case _:
            yield from (value for name in part.__slots__ if isinstance(value := getattr(part, name), str))


def untranslated(text: str) -> str:
    """What is left of English in a text: two small words in a row that are no names, commands or figures."""
    plain = re.sub(
        r"pip install|not implemented for|`[^`]*`|\"[^\"]*\"|yolo-probe [a-z-]+|--\S+ \S+"
        r"|\d+ (?:layers|parameters|gradients)",
        " ",
        text,
    )
    found = re.search(r"(?<![\w/.-])[a-z]{2,} [a-z]{2,}(?![\w/.(-])", plain)
    return text if found else ""


@pytest.fixture(scope="module")
def both(demo_checkpoint: Path) -> list[tuple[str, list[Section], list[Section]]]:
    """Each report in English and in Chinese."""
    found = [(name, list(sections(report))) for name, report in reports(demo_checkpoint)]
    return [(name, english, list(in_language(english, "zh"))) for name, english in found]


@pytest.mark.exhaustive
def test_no_sentence_of_a_report_is_left_in_english(both: list[tuple[str, list[Section], list[Section]]]) -> None:
    left = {
        text: name
        for name, _, chinese in both
        for section in chinese
        for part in section
        for text in texts(part)
        if untranslated(text) and text not in UNCHANGED
    }
    assert left == {}


@pytest.mark.exhaustive
def test_every_part_has_the_same_figures_in_both(both: list[tuple[str, list[Section], list[Section]]]) -> None:
    for name, english, chinese in both:
        for section, theirs in zip(english, chinese, strict=True):
            for part, other in zip(section, theirs, strict=True):
                ours, its = (sum((figures(text) for text in texts(each)), Counter[str]()) for each in (part, other))
                assert (name, part, ours) == (name, part, its)
                if isinstance(part, Figures) and isinstance(other, Figures):
                    assert (part.label, hue(part.label)) == (part.label, hue(other.label))
                if isinstance(part, HostLine) and isinstance(other, HostLine):
                    assert part.text == other.text


@pytest.mark.exhaustive
def test_lines_in_chinese_fit_and_end_at_the_same_column(demo_checkpoint: Path) -> None:
    for name, report in reports(demo_checkpoint):
        english, chinese = (render(report, language=each) for each in ("en", "zh"))
        own = {line for line in english.splitlines() if cells(line) > 80}
        long = [line for line in chinese.splitlines() if cells(line) > 80 and line not in own]
        assert (name, long) == (name, [])
        amounts = re.compile(r"^.*\s{2,}[-+]?\d[\d,]*$")
        ends = [cells(line) for line in chinese.splitlines() if line.startswith("  ") and amounts.match(line)]
        assert (name, {*ends} - {80}) == (name, set())


def test_a_line_does_not_begin_with_a_closing_mark() -> None:
    text = "\u4e00\u4e8c\uff0c\u4e09\uff08a b\uff09\u3002" * 40
    for width in range(12, 60):
        lines = wrapped(text, width, "  ", "  ")
        assert "".join(line.strip() for line in lines).replace(" ", "") == text.replace(" ", "")
        assert all(cells(line) <= width for line in lines)
        assert not any(line.strip()[0] in "\uff0c\u3002\uff09" or line[-1] == "\uff08" for line in lines)


# messages of a training


def test_no_message_of_a_training_is_left_in_english() -> None:
    report = difference("yolov5n@v7.0")
    start, validated, changed, _ = EVENTS
    assert isinstance(start, Started)
    assert isinstance(changed, Changed)
    assert isinstance(validated, Validated)
    assert start.printed
    origin = report.question.subject.origin
    two = replace(
        start.printed, taken=(Taken(mechanism="--freeze", where="rows 0, 1 and 5"), Taken(mechanism="DFL", where=""))
    )
    part = Modules(where="model.24.m.0 and 2 more", modules=3, parameters=30)
    scales = Scales(smallest=(32, 32), largest=(96, 96), flops_of_smallest=1_000_000, flops_of_largest=9_000_000)
    starts = (
        start, replace(start, printed=two), replace(start, printed=replace(two, taken=())),
        replace(start, fuse=FuseTrial(merges=57, fails=None, layers=157, parameters=1_761_871)),
        replace(start, fuse=FuseTrial(merges=57, fails=None, layers=157, parameters=1_761_871, on_values=True)),
        replace(start, announced=False, rectangular=True), replace(start, scales=scales), replace(start, own_loop=True),
        replace(start, scales=replace(scales, flops_of_largest=None)),
        replace(start, not_in_optimizer=("a", "b")), replace(start, printed=replace(two, gone=part, new=part)),
        replace(start, printed=replace(two, taken=(), taken_parameters=0, given_parameters=5, gone=part)),
    )  # fmt: skip
    where = Switched(where="3 tensors (first: model.0.bn.bias)", tensors=3, parameters=30)
    changes = (
        changed,
        replace(changed, epoch=None, train_no_more=where),
        replace(changed, train_now=None, train_no_more=where),
        replace(changed, train_now=None, replaced=where),
        replace(changed, train_now=None, replaced=where, epoch=None),
    )
    row = DifferentRow(name="model.4", kind="C3", difference=0.25)
    outputs = FusedOutputs(size=(64, 64), rows=25, largest=1e-12, first=None)
    own = replace(report.question.subject.origin, own_loop=True)
    of_loop = replace(report.question, subject=replace(report.question.subject, origin=own))
    lines = [
        *(line for each in starts for line in (*start_lines(each, origin), *start_warnings(each))),
        *(line for each in changes for line in change_lines(each)),
        *(validation_line(replace(validated, copy=copy, fused=fused), start.training)
          for copy in ("ema", "model") for fused in (True, False)),
        *(line for first in (True, False) for second in (True, False)
          for line in end_lines(replace(report, first_printed=first, second_printed=second))),
        *end_lines(replace(report, layers=replace(report.layers, after=0))),
        *start_lines(start, origin, size_known=False),
        *start_lines(replace(start, flops_at_imgsz=None), origin, size_known=False),
        *(line for each in (report, replace(report, fusion=replace(report.fusion, merges=())))
          for line in end_lines(replace(each, question=of_loop, second_printed=False))),
        *(outputs_line(each, 1.5, own_loop=own_loop)
          for each in (outputs, replace(outputs, first=row)) for own_loop in (False, True)),
        foreseen_line(replace(outputs, first=row), 0.25),
    ]  # fmt: skip
    for line in lines:
        chinese = translated(line, "zh")
        assert (line, untranslated(chinese), chinese == line) == (line, "", False)
        assert (line, figures(line)) == (line, figures(chinese))


@pytest.mark.parametrize("host", [YOLOV5, ULTRALYTICS])
def test_no_reason_of_a_mechanism_is_left_in_english(host: Host) -> None:
    fused = difference("yolov5n@v7.0").validation.root
    more: dict[str, Any] = {"host": host}
    kinds = [
        Known("live", **more), Known("file", **more), Known("file", is_ema=True, **more),
        Known("file", is_alone=True, **more),
        Known("file", is_stripped=True, **more), Known("file", is_restored=True, **more),
        Known("live", freeze=(0, 1), option="--freeze 2", **more),
        Known("live", freeze=(0, 2), option="--freeze 0 2", **more),
        Known("live", freeze=(), **more), Known("live", non_leaf=frozenset(), **more),
    ]  # fmt: skip
    roots = [frozen(()), frozen((0, 1)), frozen((0, 2)), frozen((1,)), frozen(tuple(range(25))), fused]
    for root in roots:
        for known in kinds:
            for each in decide(root, known):
                chinese = translated(each.words, "zh")
                assert (each.words, untranslated(chinese)) == (each.words, "")
                assert (each.words, figures(each.words)) == (each.words, figures(chinese))


# the page


SOURCES = ROOT / "yolo_probe" / "render" / "page" / "src"


def test_every_word_of_the_page_is_in_the_catalogue_and_no_other_is() -> None:
    sources = "".join(path.read_text(encoding="utf-8") for path in sorted(SOURCES.rglob("*.ts")))
    said = set(re.findall(r'say\(\s*"((?:[^"\\]|\\.)*)"', sources))
    known = page_words()
    assert said - known.keys() == set()
    assert [english for english in known if f'"{english}"' not in sources and english != "other code"] == []
    for english, chinese in known.items():
        assert sorted(re.findall(r"\{\w+\}", english)) == sorted(re.findall(r"\{\w+\}", chinese)), english


@pytest.mark.exhaustive
def test_the_page_of_a_report_is_in_the_language_that_is_asked_for(
    probe: Probe, demo_checkpoint: Path, tmp_path: Path
) -> None:
    english, chinese = (tmp_path / f"{each}.html" for each in ("en", "zh"))
    for path in (english, chinese):
        assert probe("report", demo_checkpoint, "--lang", path.stem, "-o", path).returncode == 0
    assert '<html lang="zh-CN">' in chinese.read_text(encoding="utf-8")
    ours, theirs = (embedded(path.read_text(encoding="utf-8")) for path in (english, chinese))
    assert (ours["reports"], ours["phrases"]) == (theirs["reports"], {})
    ledgers = [ledger["entries"] for ledger in theirs["reports"]["fuse_diff"]["ledger"].values()]
    texts = {text for entries in ledgers for entry in entries for text in (entry["cause"], entry["why"])}
    assert [text for text in texts if untranslated(theirs["phrases"][text])] == []


# the command


@pytest.mark.exhaustive
def test_a_language_changes_sentences_alone(
    probe: Probe, demo_checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for command in (f"{each} {demo_checkpoint}" for each in ("fuse-diff", "info", "gradients")):
        english, chinese = (probe(*command.split(), "--lang", each) for each in ("en", "zh"))
        assert (english.returncode, chinese.returncode) == (0, 0)
        assert english.stdout.isascii()
        assert not chinese.stdout.isascii()
        data = probe(*command.split(), "--format", "json", "--lang", "zh").stdout
        assert json.loads(data) == json.loads(probe(*command.split(), "--format", "json").stdout)
        monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
        assert probe(*command.split()).stdout == chinese.stdout
        assert probe(*command.split(), "--lang", "en").stdout == english.stdout
        monkeypatch.delenv("LC_ALL")


def test_a_file_alone_and_a_line_take_the_language_too(probe: Probe, demo_checkpoint: Path) -> None:
    assert "\u6ca1\u6709\u95ee\u9898" in probe(demo_checkpoint, "--lang", "zh").stdout
    line = "157 layers, 7015519 parameters, 0 gradients, 15.8 GFLOPs"
    said = probe("explain", line, "--lang", "zh").stdout
    assert said.startswith(f"{line}\n")
    assert "\u8fd9\u662f 2 \u4e2a\u7c7b\u522b\u7684 yolov5s" in said
    markdown = probe("explain", line, "--lang", "zh", "--format", "md").stdout
    assert "\u8fd9\u662f 2 \u4e2a\u7c7b\u522b\u7684 yolov5s" in markdown


def test_a_name_from_a_file_stays_as_it_is() -> None:
    parts = (Heading("other code: yolov5n, 2 classes"), Words("built from other code.yaml"), Footer("File", "my words"))
    heading, words, footer = (part for section in in_language([parts], "zh") for part in section)
    assert heading == Heading("other code: yolov5n\uff0c2 \u4e2a\u7c7b\u522b")
    assert isinstance(words, Words)
    assert "other code.yaml" in words.text
    assert footer == Footer("\u6587\u4ef6", "my words")
    assert is_name("YOLOv5 v7.0")
    assert not is_name("two words")
