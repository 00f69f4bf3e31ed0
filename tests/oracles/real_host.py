"""One real YOLOv5 in a process of its own, with all the real counters, that answers requests one after another."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests import environments
from tests.processes import pipe, start

RELEASES = {
    "thop-2019": ("thop", "0.0.31.post1909021322"),
    "thop-0.0.31": ("thop", "0.0.31.post2005241907"),
    "thop-0.1": ("thop", "0.1.1.post2209072238"),
    "ultralytics-thop-2.0.16": ("ultralytics-thop", "2.0.16"),
    "ultralytics-thop-2.1.2": ("ultralytics-thop", "2.1.2"),
    "ultralytics-thop-2.1.3": ("ultralytics-thop", "2.1.6"),
    "ultralytics-thop-2.2": ("ultralytics-thop", "2.2.3"),
}
"""For each set of rules a release that follows it."""

COUNTERS = (*RELEASES, "torch")

GENERATIONS = {
    "5.0.0": "v5.0",
    "5.0.10": "v5.0",
    "6.0.7": "v6.0",
    "6.1.9": "v6.2",
    "6.2.3": "v7.0",
    "7.0.14": "v7.0",
}
"""The ``--host`` that builds a name as that release does."""

SIZE, WIDE = (640, 640), (384, 512)
"""Two image sizes, height and width: multiples of the largest stride, 128."""

EVERYWHERE: dict[str, list[tuple[int, int]]] = {name: [SIZE] for name in COUNTERS}
TWO_SIZES = EVERYWHERE | {name: [SIZE, WIDE] for name in ("thop-0.0.31", "ultralytics-thop-2.2", "torch")}
TWO_RULES = {name: [SIZE] for name in ("thop-0.0.31", "ultralytics-thop-2.2")}
"""Two thops, where it is not the counters that are asked about."""

AHEAD = 6
"""How many requests a host works on before anybody asks for the answer."""

SCRIPT = Path(__file__).with_name("host_facts.py")


@dataclass(frozen=True)
class Case:
    """One network of one host, and what is asked of it."""

    host: str
    name: str
    request: dict[str, Any] = field(default_factory=dict, compare=False)
    count: dict[str, list[tuple[int, int]]] = field(default_factory=lambda: EVERYWHERE, compare=False)
    lines: tuple[str, ...] = ("thop-0.0.31", "thop-0.1", "ultralytics-thop-2.2")
    """The counters with which the host's line is asked for."""
    saves: bool = True
    """Whether a checkpoint is made."""

    def __str__(self) -> str:
        return f"{self.host}-{self.name}"


class RealHost:
    """A running process; ``answer`` gives what it says of a case, in the order of the cases."""

    def __init__(self, release: str, cases: Iterable[Case], folder: Path) -> None:
        self.folder = folder
        self._waiting = deque(cases)
        self._asked: deque[Case] = deque()
        self._log = (folder / f"{release}.log").open("w")
        counters = {name: str(environments.counter(*version)) for name, version in RELEASES.items()}
        paths = [environments.ROOT, environments.host(release), environments.release("ultralytics", "8.4.190")]
        (requests, self._requests), (self._answers, answers) = pipe(), pipe()
        with requests, answers:
            self._process = start(
                [str(SCRIPT), release, json.dumps(counters)],
                env=environments.environment(paths),
                cwd=folder,
                streams=(requests, answers, self._log),
            )
        self._ask_ahead()

    def file(self, case: Case) -> Path:
        """Where the checkpoint of a case lies once it is answered."""
        return self.folder / f"{case}.pt"

    def answer(self, case: Case) -> dict[str, Any]:
        """What the host says of this case; the answers of cases that nobody asked for are dropped."""
        while True:
            asked = self._asked.popleft()
            self._ask_ahead()
            answer: dict[str, Any] = json.loads(self._answers.readline())
            if "failed" in answer:
                self.file(asked).unlink(missing_ok=True)
            if asked == case:
                assert "failed" not in answer, answer["failed"]
                return answer
            self.file(asked).unlink(missing_ok=True)

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()
        for stream in (self._requests, self._answers, self._log):
            stream.close()

    def _ask_ahead(self) -> None:
        while self._waiting and len(self._asked) < AHEAD:
            case = self._waiting.popleft()
            print(json.dumps(self._request(case)), file=self._requests, flush=True)
            self._asked.append(case)

    def _request(self, case: Case) -> dict[str, Any]:
        request = case.request | {"id": str(case), "count": case.count, "lines": case.lines}
        if "network" in request:
            path = network_file(case.host, request["network"])
            request["cfg"] = str(path) if request.get("by_path", True) else yaml.safe_load(path.read_text())
            request["segmentation"] = request["network"].endswith("-seg")
        elif "yaml" in request:
            path = self.folder / f"{case}.yaml"
            path.write_text(request["yaml"])
            request["cfg"] = str(path)
        elif "official" in request:
            request["open"] = str(getattr(environments, request["official"])())
        if case.saves:
            request["file"] = str(self.file(case))
        return request


def network_file(host: str, network: str) -> Path:
    """The model YAML of that name that the release ships."""
    (path,) = (environments.host(host) / "yolov5" / "models").rglob(f"{network}.yaml")
    return path
