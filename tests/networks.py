"""Small networks that tests build by name, and reports on them: each once for a run, as nothing in them changes."""

from __future__ import annotations

from functools import cache

from yolo_probe.counters.conventions import Counter, choose_counter
from yolo_probe.hosts.images import Size
from yolo_probe.hosts.subject import Subject
from yolo_probe.hosts.target import resolve
from yolo_probe.reports.fuse_diff import FuseDiff, fuse_diff
from yolo_probe.reports.question import Question


def counter(name: str | None = None) -> Counter:
    """A counter in an environment without thop."""
    return choose_counter(name, None)


@cache
def subject(target: str) -> Subject:
    """A network that YOLOv5 ships."""
    return resolve(target)


def question(target: str, size: Size = (640, 640), name: str | None = None) -> Question:
    """A question about a network."""
    return Question(subject(target), size, counter(name))


@cache
def difference(target: str, size: Size = (640, 640), name: str | None = None) -> FuseDiff:
    """Training against validation."""
    return fuse_diff(question(target, size, name))
