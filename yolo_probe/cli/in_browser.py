"""A question of the page that ``yolo-probe page`` writes -> its answer as JSON. The page runs this in a browser.

A file is one that was dropped onto the page, or the folder of a run; anything else is a summary line or the name of a
network. The answer is the data of a report, the words about lines, or what the command prints as an error; its messages
are the command's own.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import cast

from yolo_probe.cli.line_commands import Text, explained, text_of
from yolo_probe.cli.output import DO_NOT_LOAD, error_words, folder_words, warning_of
from yolo_probe.counters.conventions import choose_counter
from yolo_probe.environment import installed_thop
from yolo_probe.errors import ProbeError, TargetError, UnsafeError, shown, visible
from yolo_probe.hosts.printed_line import LOG_ENDINGS
from yolo_probe.hosts.subject import Subject
from yolo_probe.hosts.target import in_folder, resolve
from yolo_probe.language import Language, translated
from yolo_probe.networks.generations import Generation
from yolo_probe.render.report_page import data_of, words_of
from yolo_probe.reports.full_report import full_report
from yolo_probe.reports.question import Question


def answer(
    target: str, imgsz: int, is_file: bool, language: Language = "en", host: str = "", classes: int = 0
) -> str:  # fmt: skip
    """What the page shows, as JSON: ``report``, ``lines`` or ``refusal``, and perhaps a ``warning`` beside it.

    ``imgsz``: the side of an image in pixels. ``is_file``: whether the target is in the current folder. ``language``:
    that of the sentences. ``host``, ``classes``: as ``--host`` and ``--nc``; empty and 0 for none. ``said``: which file
    of a folder it is.
    """
    found: dict[str, object] = {"report": None, "lines": None, "refusal": None, "warning": None, "said": None}
    try:
        if is_file and Path(target).is_dir():
            folder, target = target, in_folder(target)
            found["said"] = translated(visible(folder_words(folder, target)), language)
        if not is_file and re.fullmatch(r"(?!\w+://)\S*([/\\]\S*|\.pth?)", target):
            raise TargetError(
                f"{target}: found the path of a file, which a page cannot open; expected a line or a network's name",
                "Drop the file onto the page, or choose it.",
            )
        if _has_lines(target, is_file):
            found["lines"] = words_of(
                explained([text_of(target) if is_file else Text(shown(target), target)]), language
            )
        else:
            subject = resolve(target, host=cast(Generation, host) or None, classes=classes or None)
            found["warning"] = _warning(subject, language)
            typed = f"{host and f' --host {host}'}{f' --nc {classes}' if classes else ''}"
            question = Question(subject, (imgsz, imgsz), choose_counter(None, installed_thop()), typed)
            found["report"] = data_of(full_report(question), language)
    except ProbeError as error:
        found["refusal"] = _told(str(error), error.remedy, language, is_unsafe=isinstance(error, UnsafeError))
    return json.dumps(found, allow_nan=False)


def _has_lines(target: str, is_file: bool) -> bool:
    return target.endswith(LOG_ENDINGS) if is_file else not re.fullmatch(r"\S+", target)


def _warning(subject: Subject, language: Language) -> dict[str, object] | None:
    runs = subject.saved.runs if subject.saved else ()
    return _told(warning_of(subject.label, runs), DO_NOT_LOAD, language, is_unsafe=True) if runs else None


def _told(problem: str, remedy: str, language: Language, *, is_unsafe: bool) -> dict[str, object]:
    problem, remedy = error_words(problem, remedy, language)
    return {"problem": problem, "remedy": remedy, "unsafe": is_unsafe}
