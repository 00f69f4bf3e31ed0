"""Every report on one target as one HTML page that needs nothing else and asks no server for anything.

The page is a program, built from the sources in ``page`` into ``page/built``, and the data that it shows. Nothing from
the data becomes HTML: the program writes it as text.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator, Mapping
from hashlib import sha256
from html import escape
from math import isfinite
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from yolo_probe import __version__
from yolo_probe.errors import TargetError
from yolo_probe.language import Language, page_words, translated, translated_error
from yolo_probe.render.sections import sections
from yolo_probe.render.text_layout import printable
from yolo_probe.render.translation import in_language
from yolo_probe.reports.full_report import FullReport, as_json
from yolo_probe.reports.fuse_diff import FuseDiff

if TYPE_CHECKING:
    from yolo_probe.render.document import Part
    from yolo_probe.render.sections import Report

BUILT = Path(__file__).parent / "page" / "built"
"""The program and its styles, as `make page-bundle` builds them."""


def render(report: FullReport, language: Language = "en") -> str:
    """The whole page, its sentences in that language."""
    program, style = ((BUILT / name).read_text(encoding="utf-8") for name in ("report.js", "report.css"))
    data = json.dumps(data_of(report, language), ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return _PAGE.format(
        policy=f"default-src 'none'; script-src 'sha256-{_digest(program)}'; style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'",
        language=_TAGS[language],
        title=escape(printable(report.label)),
        style=style,
        data=data.replace("<", "\\u003c"),
        program=program,
    )


def framed(report: FullReport) -> str:
    """The page in a frame, for the output of a notebook: its styles and its program stay inside."""
    page = escape(render(report))
    return f'<iframe sandbox="allow-scripts" title="yolo-probe report" style="{_FRAME}" srcdoc="{page}"></iframe>'


def write(report: FullReport, path: str | PathLike[str], language: Language = "en") -> None:
    """Write the page as a file. Raises: TargetError where it cannot be written."""
    try:
        Path(path).write_text(render(report, language), encoding="utf-8")
    except OSError as error:
        raise TargetError(
            f"{path}: the page cannot be written: {error.strerror}", "Name another file with -o."
        ) from None


def data_of(report: FullReport, language: Language = "en") -> dict[str, object]:
    """The data of the page: the JSON of every report, and the words that the command prints of it in that language."""
    told = {
        "answer": report.answer,
        "gradients": report.gradients,
        "counters": report.counters,
        "inspection": report.inspection,
        "story": report.story,
        "bench": report.bench,
    }
    words = {name: each and _parts(each, language) for name, each in told.items()}
    reports = as_json(report)
    page = {
        "version": __version__,
        "label": report.label,
        "language": language,
        "phrases": _phrases(report, reports, language),
        "reports": reports,
        "words": words,
    }
    return {key: _plain(value) for key, value in page.items()}


def _phrases(report: FullReport, reports: Mapping[str, Any], language: Language) -> dict[str, str]:
    """The sentences that the page itself has, and those in the JSON of the reports, by the English ones."""
    if language == "en":
        return {}
    answer = report.answer
    ledgers = (answer.layers, answer.parameters, answer.gradients, answer.flops) if isinstance(answer, FuseDiff) else ()
    entries = [entry for ledger in ledgers if ledger for entry in ledger.entries]
    texts = {text for each in entries for text in (each.cause, each.why)} | {*_terms(reports)}
    found = {text: translated(text, language) for text in texts}
    return page_words() | found | {text: translated_error(text, language) for text in report.missing.values()}


def _terms(reports: Mapping[str, Any]) -> Iterator[str]:
    """The terms of formulas and of counters, the parts of a file, the moments of a training."""
    for costs in (reports["layers"], reports["fused_layers"]):
        yield from (formula["term"] for line in (costs or {}).get("lines", ()) for formula in line["formulas"])
    for counter in (reports["counters"] or {}).get("counters", {}).values():
        yield from counter["terms"]
    yield from (reports["inspection"] or {}).get("bytes", ())
    yield from (event["event"] for event in (reports["story"] or {}).get("events", ()))


def words_of(report: Report, language: Language) -> object:
    """The words that the command prints of one report, as data of a page."""
    return _plain(_parts(report, language))


def _parts(report: Report, language: Language = "en") -> list[list[dict[str, object]]]:
    """The sections of a report, each part as its kind and its fields."""
    return [[_part(part) for part in section] for section in in_language(sections(report), language)]


def _part(part: Part) -> dict[str, object]:
    return {"part": type(part).__name__} | {name: getattr(part, name) for name in type(part).__slots__}


def _plain(value: object) -> object:
    """A value as JSON can have it: no control characters, no NaN, no infinity."""
    if isinstance(value, str):
        return printable(value.replace("\N{NO-BREAK SPACE}", " "))
    if isinstance(value, float):
        return value if isfinite(value) else None
    if isinstance(value, Mapping):
        return {printable(str(key)): _plain(each) for key, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, list | tuple) else value


def _digest(text: str) -> str:
    return b64encode(sha256(text.encode()).digest()).decode()


_TAGS: Mapping[Language, str] = {"en": "en", "zh": "zh-CN"}
_FRAME = "width: 100%; height: 48rem; border: 0"

_PAGE = """<!doctype html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}: yolo-probe report</title>
<link rel="icon" href="data:,">
<style>{style}</style>
</head>
<body>
<div id="report"></div>
<noscript><p>This page shows its figures with JavaScript, which is turned off here. It loads nothing from anywhere; the
same figures: yolo-probe fuse-diff TARGET.</p></noscript>
<script id="report-data" type="application/json">{data}</script>
<script>{program}</script>
</body>
</html>
"""
