from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.environments import HOSTS
from tests.oracles.real_host import Case, RealHost


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """In a file, tests of one real host follow each other, so that it starts each host once; all others stay."""
    files: dict[Path, list[int]] = {}
    for place, item in enumerate(items):
        if case_of(item) is not None:
            files.setdefault(item.path, []).append(place)
    for places in files.values():
        ordered = sorted((items[i] for i in places), key=lambda item: HOSTS.index(case_of(item).host))  # type: ignore[union-attr]
        for place, item in zip(places, ordered, strict=True):
            items[place] = item


def case_of(item: pytest.Item) -> Case | None:
    """The case that a test is about, if it is about one."""
    callspec = getattr(item, "callspec", None)
    case = callspec.params.get("case") if callspec is not None else None
    return case if isinstance(case, Case) else None


@dataclass(frozen=True)
class Facts:
    """What a real host says of a case, and the files that it was asked about."""

    case: Case
    answer: dict[str, Any]
    checkpoint: Path
    yaml: Path


@pytest.fixture(scope="module")
def hosts(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], RealHost]]:
    """The running host of a release; the next one that the file needs works ahead, those before it are ended."""
    cases: dict[str, list[Case]] = {}
    for item in request.session.items:
        case = case_of(item) if item.path == request.path else None
        if case is not None and case not in cases.setdefault(case.host, []):
            cases[case.host].append(case)
    order, running = list(cases), dict[str, RealHost]()
    folder = tmp_path_factory.mktemp("hosts")

    def running_host(release: str) -> RealHost:
        here = order.index(release)
        for other in [other for other in running if order.index(other) < here]:
            running.pop(other).close()
        for wanted in order[here : here + 2]:
            if wanted not in running:
                running[wanted] = RealHost(wanted, cases[wanted], folder)
        return running[release]

    yield running_host
    for host in running.values():
        host.close()


@pytest.fixture
def facts(case: Case, hosts: Callable[[str], RealHost]) -> Iterator[Facts]:
    """The real host's answer on the case of this test; its checkpoint is deleted with the test."""
    host = hosts(case.host)
    checkpoint = host.file(case)
    yield Facts(case, host.answer(case), checkpoint, host.folder / f"{case}.yaml")
    checkpoint.unlink(missing_ok=True)
