"""A question of the page that ``yolo-probe page`` writes -> its answer as JSON. The page runs this in a browser.

A file is one that was dropped onto the page, anything else a summary line or the name of a network. The answer is the
data of a report, the words about lines, or what the command prints as an error; its messages are the command's own.
"""

from __future__ import annotations

import json
import re

from yolo_probe.cli.line_commands import explained, text_of
from yolo_probe.cli.output import DO_NOT_LOAD, warning_of
from yolo_probe.counters.conventions import choose_counter
from yolo_probe.environment import installed_thop
from yolo_probe.errors import ProbeError, UnsafeError, visible
from yolo_probe.hosts.printed_line import LOG_ENDINGS
from yolo_probe.hosts.subject import Subject
from yolo_probe.hosts.target import resolve
from yolo_probe.language import Language
from yolo_probe.render.report_page import data_of, words_of
from yolo_probe.reports.full_report import full_report
from yolo_probe.reports.question import Question


def answer(target: str, imgsz: int, is_file: bool, language: Language = "en") -> str:
    """What the page shows, as JSON: ``report``, ``lines`` or ``refusal``, and perhaps a ``warning`` beside it.

    ``imgsz``: the side of an image in pixels. ``is_file``: whether the target is a file in the current folder.
    ``language``: that of the words about lines; a report and an error are in English.
    """
    found: dict[str, object] = {"report": None, "lines": None, "refusal": None, "warning": None}
    try:
        if _has_lines(target, is_file):
            found["lines"] = words_of(explained([text_of(target) if is_file else (target, False)], target), language)
        else:
            subject = resolve(target)
            found["warning"] = _warning(subject)
            found["report"] = _report(subject, imgsz)
    except ProbeError as error:
        found["refusal"] = _told(str(error), error.remedy, is_unsafe=isinstance(error, UnsafeError))
    return json.dumps(found, allow_nan=False)


def _has_lines(target: str, is_file: bool) -> bool:
    return target.endswith(LOG_ENDINGS) if is_file else not re.fullmatch(r"\S+", target)


def _warning(subject: Subject) -> dict[str, object] | None:
    runs = subject.saved.runs if subject.saved else ()
    return _told(warning_of(subject.label, runs), DO_NOT_LOAD, is_unsafe=True) if runs else None


def _report(subject: Subject, imgsz: int) -> dict[str, object]:
    return data_of(full_report(Question(subject, (imgsz, imgsz), choose_counter(None, installed_thop()))))


def _told(problem: str, remedy: str, *, is_unsafe: bool) -> dict[str, object]:
    return {"problem": visible(problem), "remedy": visible(remedy), "unsafe": is_unsafe}
