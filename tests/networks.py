"""Small networks that tests build by name, and reports on them."""

from __future__ import annotations

from yolo_probe.counters.conventions import Counter, choose_counter
from yolo_probe.hosts.images import Size
from yolo_probe.hosts.target import resolve
from yolo_probe.reports.fuse_diff import FuseDiff, fuse_diff
from yolo_probe.reports.question import Question


def counter(name: str | None = None) -> Counter:
    """A counter in an environment without thop."""
    return choose_counter(name, None)


def question(target: str, size: Size = (640, 640), name: str | None = None) -> Question:
    """A question about a network or file."""
    return Question(resolve(target), size, counter(name))


def difference(target: str, size: Size = (640, 640), name: str | None = None) -> FuseDiff:
    """Training against validation."""
    return fuse_diff(question(target, size, name))
