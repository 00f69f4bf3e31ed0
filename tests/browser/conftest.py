"""A browser, and pages in it that say what they asked for and what went wrong."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache, partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, Literal, cast

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.conftest import Probe
from tests.environments import ROOT

PAGE = ROOT / "yolo_probe" / "render" / "page"
AXE = PAGE / "node_modules" / "axe-core" / "axe.min.js"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@dataclass
class Opened:
    """A page in a browser."""

    page: Page
    said: list[str] = field(default_factory=list)
    """Messages of its console, and its errors."""
    asked: list[str] = field(default_factory=list)
    """Addresses that it asked for, beside its own file."""

    def text(self, selector: str) -> str:
        """The text of the first element, with single spaces."""
        return " ".join(self.page.locator(selector).first.inner_text().split())

    def rows(self, selector: str) -> list[list[str]]:
        """The text of the cells of a table."""
        script = "table => [...table.rows].map(row => [...row.cells].map(cell => cell.textContent.trim()))"
        return cast("list[list[str]]", self.page.locator(selector).first.evaluate(script))

    def faults(self) -> list[str]:
        """What axe finds: the rule, and the first element that breaks it."""
        script = f"{_axe()}; axe.run().then(found => found.violations.map(each => [each.id, each.nodes[0].html]))"
        return [": ".join(each) for each in cast("list[list[str]]", self.page.evaluate(script))]


@cache
def _axe() -> str:
    return AXE.read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    assert found, f"found none of {', '.join(BROWSERS)}, expected a browser: make .venv/browser"
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield launched
        launched.close()


Open = Callable[..., Any]


@pytest.fixture(scope="session")
def opened(browser: Browser) -> Open:
    """Opens an HTML file; when the test leaves it, it must have said nothing and asked for nothing."""

    @contextmanager
    def open_page(
        path: Path, width: int = 1280, scheme: Literal["light", "dark"] = "light", *, shows: str = "#report-main"
    ) -> Iterator[Opened]:
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        found = Opened(context.new_page())
        found.page.set_default_timeout(20_000)
        found.page.on("console", lambda message: found.said.append(message.text))
        found.page.on("pageerror", lambda error: found.said.append(str(error)))
        found.page.on("request", lambda request: found.asked.append(request.url))
        found.page.goto(path.as_uri())
        found.page.wait_for_selector(shows)
        yield found
        assert (found.said, found.asked) == ([], [path.as_uri()])
        context.close()

    return open_page


@dataclass(frozen=True)
class Written:
    """A page that the command wrote, and what the other commands say of the same target."""

    path: Path
    answers: Callable[[str], Any]
    """The JSON of a command about the target."""


@pytest.fixture(scope="session")
def written(probe: Probe, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Written]:
    """The page of a target, written once; options may follow the target."""

    @cache
    def write(target: str) -> Written:
        path = tmp_path_factory.mktemp("page") / "report.html"
        done = probe("report", *target.split(), "-o", path)
        assert (done.returncode, done.stderr) == (0, "")
        name = target.split()[0]
        return Written(
            path, cache(lambda command: json.loads(probe(*command.split(), name, "--format", "json").stdout))
        )

    return write


class _Handler(SimpleHTTPRequestHandler):
    """Python's own server of files, which remembers what it was asked for instead of printing it."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Remember the path."""
        cast("_Server", self.server).asked.append(self.path)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, folder: Path) -> None:
        self.asked: list[str] = []
        super().__init__(("127.0.0.1", 0), partial(_Handler, directory=str(folder)))


@pytest.fixture(scope="session")
def site(probe: Probe, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site as the command writes it."""
    folder = tmp_path_factory.mktemp("site")
    done = probe("page", "-o", folder)
    assert done.returncode == 0, done.stderr
    return folder


@contextmanager
def served(folder: Path) -> Iterator[_Server]:
    """A server of a folder on this machine; it stops when the test leaves it."""
    server = _Server(folder)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
