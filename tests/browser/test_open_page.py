"""Contract: dropped onto the page, a file gets the figures that the command prints, and goes nowhere."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal
from zipfile import ZipFile

import pytest
from playwright.sync_api import Browser

from tests.attacks.families import bombs
from tests.browser.conftest import Opened, served
from tests.checkpoint_files import Asked, save, save_zip
from tests.conftest import Probe
from tests.environments import ROOT
from tests.unit.test_language import untranslated
from tests.unit.test_run_files import START
from yolo_probe.hosts.target import resolve
from yolo_probe.model.structure import count_parameters
from yolo_probe.networks.generations import GENERATIONS
from yolo_probe.training.run_files import RunFiles

DEMO = ROOT / "configs" / "demo" / "narrow-best.pt"
PICTURES = ROOT / "build" / "screenshots"
NUMBERS = ("layers", "parameters", "gradients", "flops")
LINE = "Model summary: 157 layers, 7015519 parameters, 0 gradients, 15.8 GFLOPs"
STARTED = "[data-state=ready], [data-state=failed]"
ANSWERED = "[data-state=answered], [data-state=failed]"
LARGE = 280 << 20
"""Bytes of a file as large as a yolov5x6's."""


@dataclass
class Site(Opened):
    """The page, started."""

    served: list[str] = field(default_factory=list)
    """Paths that its server was asked for."""

    @property
    def status(self) -> str:
        """What the page says of itself."""
        return self.text(".status")

    def drop(self, *paths: Path, mark: str = ANSWERED) -> None:
        """Drop files onto the page, as a hand does, and wait for the answer."""
        files = [(path.name, base64.b64encode(path.read_bytes()).decode()) for path in paths]
        self.page.fill("#ask-imgsz", "640")
        self._wait_for(lambda: self.page.evaluate(DROP, files), mark)

    def choose(self, path: Path) -> None:
        """Choose a file with the button."""
        self._wait_for(lambda: self.page.set_input_files("#ask-file", path), ANSWERED)

    def type(self, text: str, imgsz: str = "640") -> None:
        """Type a line or a name."""
        self.page.fill("#ask-line", text)
        self.page.fill("#ask-imgsz", imgsz)
        self._wait_for(lambda: self.page.keyboard.press("Enter"), ANSWERED)

    def _wait_for(self, act: Callable[[], object], mark: str) -> None:
        self.page.evaluate("document.querySelector('[data-state]').dataset.state = 'asked'")
        act()
        self.page.wait_for_selector(mark)

    def picture(self, name: str) -> None:
        """Keep what it looks like, for people."""
        PICTURES.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=PICTURES / f"open-{name}.png", full_page=True)


DROP = """(files) => {
  const transfer = new DataTransfer();
  for (const [name, text] of files) {
    transfer.items.add(new File([Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0))], name));
  }
  document.querySelector(".drop").dispatchEvent(new DragEvent("drop", { dataTransfer: transfer, bubbles: true }));
}"""


KEPT = """Promise.race([
  navigator.serviceWorker.ready.then(() => true),
  new Promise((resolve) => setTimeout(() => resolve(false), 60_000)),
])"""
"""Whether the site is kept for when there is no network; ``ready`` alone would be waited for without an end."""


@contextmanager
def started(
    browser: Browser, folder: Path, width: int = 1280, scheme: Literal["light", "dark"] = "light", locale: str = "en-GB"
) -> Iterator[Site]:
    """The site in a browser, when it is ready; when the test leaves it, its console must be empty."""
    with served(folder) as server:
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, locale=locale)
        found = Site(context.new_page(), served=server.asked)
        found.page.set_default_timeout(60_000)
        found.page.on("console", lambda message: found.said.append(message.text))
        found.page.on("pageerror", lambda error: found.said.append(str(error)))
        context.on("request", lambda request: found.asked.append(request.url))
        found.page.goto(f"http://127.0.0.1:{server.server_port}/")
        found.page.wait_for_selector(STARTED)
        assert not found.page.locator("[data-state=failed]").count(), found.status
        assert found.page.evaluate(KEPT)
        yield found
        assert found.said == []
        context.close()


@pytest.fixture(scope="module")
def page(browser: Browser, site: Path) -> Iterator[Site]:
    """One page for many questions, as people use it."""
    with started(browser, site) as found:
        yield found


@pytest.fixture(scope="session")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(tmp_path_factory.mktemp("hostile") / "free.pt", Asked("os.system", "true"))


@pytest.fixture(scope="session")
def trojan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's network, and a call in front of it."""
    path = tmp_path_factory.mktemp("trojan") / "better.pt"
    with ZipFile(DEMO) as held:
        entries = {name: held.read(name) for name in held.namelist()}
    call = b"\x80\x02cos\nsystem\nX\x04\x00\x00\x00true\x85R0"
    return save_zip(path, {name: call * name.endswith("data.pkl") + body for name, body in entries.items()})


def shown(found: Site) -> dict[str, list[str]]:
    """The ledgers as the page shows them, by number: the last cell of each row."""
    return {name: [row[-1] for row in found.rows(f"#{name} table")[1:]] for name in NUMBERS}


def printed(probe: Probe, *target: object) -> dict[str, list[str]]:
    """The same as the command has them."""
    report = json.loads(probe("fuse-diff", *target, "--format", "json").stdout)
    ledgers = {name: report["ledger"][name] for name in NUMBERS}
    return {name: [*map(str, _amounts(ledger))] for name, ledger in ledgers.items()}


def _amounts(ledger: dict[str, Any]) -> Iterator[str]:
    yield f"{ledger['before']:,}"
    for amount in (*(entry["amount"] for entry in ledger["entries"]), ledger["unexplained"]):
        yield f"{amount:+,}" if amount else "0"
    yield f"{ledger['after']:,}"


def test_a_dropped_checkpoint_shows_all_four_ledgers_of_the_command(page: Site, probe: Probe) -> None:
    page.drop(DEMO)
    assert page.text("h1") == "narrow-best.pt"
    assert shown(page) == printed(probe, DEMO)
    report = json.loads(probe("fuse-diff", DEMO, "--format", "json").stdout)
    assert page.page.locator(".host-line").all_inner_texts() == [*report["host_lines"].values()]
    assert page.status.startswith("narrow-best.pt: answered in ")
    page.picture("checkpoint")


def test_the_report_is_switched_sorted_and_searched_here_too(page: Site, probe: Probe) -> None:
    page.drop(DEMO)
    page.page.get_by_role("radio", name="after fuse()").check()
    assert page.text("#costs .total") == f"{printed(probe, DEMO)['flops'][-1]} FLOPs"
    lines = json.loads(probe("layers", DEMO, "--format", "json").stdout)["lines"]
    page.page.locator("#rows th", has_text="FLOPs").first.get_by_role("button").click()
    ranked = sorted(lines, key=lambda line: line["flops"], reverse=True)
    assert [row[0] for row in page.rows("#rows tbody")] == [line["name"] for line in ranked]
    page.page.get_by_label("Search").fill("concat")
    assert {row[0] for row in page.rows("#rows tbody")} == {line["name"] for line in lines if line["class"] == "Concat"}


def test_no_request_is_made_for_a_file(page: Site) -> None:
    asked, served = len(page.asked), len(page.served)
    page.drop(DEMO)
    page.choose(DEMO)
    assert (page.asked[asked:], page.served[served:]) == ([], [])
    assert {*map(_host, page.asked)} == {_host(page.page.url)}


def _host(address: str) -> str:
    return address.split("/")[2]


CONNECT = """async () => {
  const tried = { fetch: () => fetch(%(to)r) };
  tried.request = () => new Promise((done, fail) => {
    const request = new XMLHttpRequest();
    Object.assign(request, { onload: done, onerror: fail }).open("GET", %(to)r);
    request.send();
  });
  tried.socket = () => new Promise((done, fail) => {
    const socket = new WebSocket(%(to)r.replace("http", "ws"));
    Object.assign(socket, { onopen: done, onerror: fail });
  });
  const connected = [];
  for (const [name, connect] of Object.entries(tried)) {
    await Promise.resolve().then(connect).then(() => connected.push(name), () => null);
  }
  navigator.sendBeacon?.(%(to)r); // gives no answer
  await new Promise((done) => setTimeout(done, 300));
  return connected;
}"""


def test_neither_the_page_nor_python_can_connect_even_to_its_own_server(
    browser: Browser, site: Path, probe: Probe, tmp_path: Path
) -> None:
    with started(browser, site) as found:
        asked, to = len(found.served), f"{found.page.url}files.json"
        (worker,) = found.page.workers
        for place in (found.page, worker):
            assert place.evaluate(CONNECT % {"to": to}) == []
        assert found.served[asked:] == []
        found.said.clear()  # the refusals
        (tmp_path / "yaml.py").write_bytes(DEMO.read_bytes())
        found.drop(tmp_path / "yaml.py")  # as the first question, when Python still imports
        assert shown(found) == printed(probe, DEMO)


@pytest.mark.parametrize("name", ["yolov5s@v7.0", "yolov5n", "yolov7"])
def test_a_name_is_answered_as_by_the_command(name: str, page: Site, probe: Probe) -> None:
    page.type(name, "320")
    assert shown(page) == printed(probe, name, "--imgsz", "320")


def test_a_model_yaml_is_answered_as_by_the_command(page: Site, probe: Probe) -> None:
    path = ROOT / "configs" / "demo" / "narrow.yaml"
    page.drop(path)
    assert shown(page) == printed(probe, path)


def test_host_and_classes_are_those_of_the_options(page: Site, probe: Probe) -> None:
    page.page.fill("#ask-nc", "3")
    page.page.select_option("#ask-host", "v3.1")
    page.type("yolov5s")
    assert shown(page) == printed(probe, "yolov5s", "--nc", "3", "--host", "v3.1")
    page.page.fill("#ask-nc", "many")
    page.page.get_by_role("button", name="Explain").click()
    assert refusal(page)[0] == "Classes: found many, expected a whole number, 1 to 100000"
    page.page.fill("#ask-nc", "")
    page.page.select_option("#ask-host", "")
    hosts = page.page.locator("#ask-host option").all_inner_texts()
    assert hosts == ["as it is", *GENERATIONS]


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run with its checkpoint and its record, and what else is there."""
    folder = tmp_path_factory.mktemp("runs") / "exp"
    (folder / "weights").mkdir(parents=True)
    (folder / "weights" / "best.pt").write_bytes(DEMO.read_bytes())
    (folder / "weights" / "last.pt").write_bytes(b"not this one")
    (folder / "opt.yaml").write_text("epochs: 1\n")
    (folder / "results.png").write_bytes(b"a picture")
    model = replace(START.training, parameters=count_parameters(resolve(str(DEMO)).root))
    RunFiles(folder).write(("json",), (replace(START, training=model),), None, print)
    return folder


DROP_FOLDER = """async (files) => {
  const last = (path) => path.split("/").at(-1);
  const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const file = ([path, text]) => new File([bytes(text)], last(path));
  const entry = (path) => {
    const inside = files.filter(([name]) => name.startsWith(`${path}/`));
    const name = last(path);
    const held = files.find(([each]) => each === path);
    if (held) return { name, isFile: true, file: (done) => done(file(held)) };
    const names = [...new Set(inside.map(([each]) => each.slice(path.length + 1).split("/")[0]))];
    const parts = names.map((each) => [entry(`${path}/${each}`)]);
    return { name, isDirectory: true, createReader: () => ({ readEntries: (done) => done(parts.shift() ?? []) }) };
  };
  const items = [{ webkitGetAsEntry: () => entry("exp") }];
  const dropped = { files: [new File([], "exp")], items, getData: () => "" };
  const event = new Event("drop", { bubbles: true, cancelable: true });
  Object.defineProperty(event, "dataTransfer", { value: dropped });
  document.querySelector(".drop").dispatchEvent(event);
}"""
"""Drops a folder as browsers give it: entries that are asked for their files, a part at a time."""


def test_the_folder_of_a_run_is_answered_by_its_best_checkpoint(page: Site, probe: Probe, run_folder: Path) -> None:
    files = [
        (path.relative_to(run_folder.parent).as_posix(), base64.b64encode(path.read_bytes()).decode())
        for path in run_folder.rglob("*")
        if path.is_file()
    ]
    choose = lambda: page.page.set_input_files("#ask-folder", run_folder)  # noqa: E731
    drop = lambda: page.page.evaluate(DROP_FOLDER, files)  # noqa: E731
    for act in (choose, drop):
        page.type("yolov5n")
        page._wait_for(act, ANSWERED)
        assert page.text("h1") == "best.pt"
        assert shown(page) == printed(probe, DEMO)
        assert page.page.locator("#story").count() == 1
        assert page.status.startswith("exp is a folder; this is its exp/weights/best.pt: answered in ")


def test_a_line_gets_the_words_of_explain(page: Site, probe: Probe) -> None:
    page.type(LINE)
    assert page.text("main h2") == LINE
    (verdict,) = [line for line in probe("explain", LINE).stdout.splitlines() if line.startswith("This is")]
    assert verdict in page.text("main")
    page.picture("line")


def test_a_log_gets_the_words_of_explain(page: Site) -> None:
    page.drop(ROOT / "configs" / "demo" / "narrow-best.log")
    heads = page.page.locator("main h2").all_inner_texts()
    assert heads[:2] == (ROOT / "configs" / "demo" / "narrow-best.log").read_text().splitlines()


def refusal(found: Site) -> list[str]:
    return [found.text("[role=alert]"), found.text("[role=alert] + p span")]


def test_a_hostile_file_is_refused_in_the_words_of_the_command(page: Site, probe: Probe, hostile: Path) -> None:
    page.drop(hostile)
    assert page.text("h1") == "Do not load this file"
    done = probe("fuse-diff", hostile)
    problem, remedy = done.stderr.replace(str(hostile), hostile.name).splitlines()[-2:]
    assert done.returncode == 3
    assert refusal(page) == [problem.removeprefix("yolo-probe: "), remedy.strip()]
    page.picture("hostile")


def test_a_network_that_brings_something_to_run_is_shown_with_a_warning(page: Site, trojan: Path) -> None:
    page.drop(trojan)
    assert "better.pt would run os.system when it is loaded" in refusal(page)[0]
    assert page.text("h1") == "better.pt"
    page.picture("warning")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "an empty file (0 bytes)"),
        (DEMO.read_bytes()[:-9], "cut short: the zip directory at its end is missing"),
        (b"\x89PNG", "a PNG picture, not a PyTorch checkpoint"),
    ],
)
def test_another_file_is_refused_with_what_it_is(content: bytes, problem: str, page: Site, tmp_path: Path) -> None:
    (tmp_path / "best.pt").write_bytes(content)
    page.drop(tmp_path / "best.pt")
    assert page.text("h1") == "No answer"
    assert refusal(page)[0].startswith(f"best.pt: {problem}")


def test_wrong_questions_are_refused_with_what_to_do(page: Site) -> None:
    page.page.fill("#ask-line", "")
    page.page.get_by_role("button", name="Explain").click()
    assert refusal(page)[0].startswith("Nothing was asked: found an empty text, expected a summary line")
    page.page.fill("#ask-line", "yolov5s")
    page.page.fill("#ask-imgsz", "0x10")
    page.page.get_by_role("button", name="Explain").click()
    assert refusal(page) == [
        "Image size: found 0x10, expected whole pixels, 1 to 65536",
        "640 is what YOLOv5 counts at.",
    ]
    page.drop(DEMO, DEMO, mark=".status")
    assert refusal(page) == ["2 files were dropped, expected one", "Drop one file."]
    page.type("no such network")
    assert "found no summary line" in refusal(page)[0]
    page.type("yolov5q")
    assert "yolov5q" in refusal(page)[0]
    page.picture("refusal")


def test_names_in_a_file_never_become_a_part_of_the_page(page: Site, tmp_path: Path) -> None:
    name = "<img src=x onerror=alert(1)>.pt"
    (tmp_path / name).write_bytes(DEMO.read_bytes())
    page.drop(tmp_path / name)
    assert page.text("h1") == name
    assert page.page.locator("img").count() == 0


COUNT_BYTES = """() => {
  const { readAsArrayBuffer } = FileReaderSync.prototype;
  globalThis.bytesRead = 0;
  FileReaderSync.prototype.readAsArrayBuffer = function (part) {
    globalThis.bytesRead += part.size;
    return readAsArrayBuffer.call(this, part);
  };
}"""


def test_of_a_large_file_only_what_is_needed_is_read(page: Site, probe: Probe, tmp_path: Path) -> None:
    path = enlarged(tmp_path / "large.pt")
    (worker,) = page.page.workers
    worker.evaluate(COUNT_BYTES)
    page.choose(path)
    assert shown(page) == printed(probe, DEMO)
    assert path.stat().st_size > LARGE
    assert worker.evaluate("globalThis.bytesRead") < 1 << 20


def enlarged(path: Path) -> Path:
    """The checkpoint, with a storage more that nothing uses."""
    path.write_bytes(DEMO.read_bytes())
    with ZipFile(path, "a") as archive:
        root = archive.namelist()[0].partition("/")[0]
        with archive.open(f"{root}/data/999", "w", force_zip64=True) as entry:
            for _ in range(LARGE >> 20):
                entry.write(bytes(1 << 20))
    return path


BREAK = "() => { FileReaderSync.prototype.readAsArrayBuffer = () => { throw new RangeError('broken'); }; }"


def test_a_python_that_breaks_is_replaced_by_another_one_which_answers(page: Site, probe: Probe) -> None:
    (worker,) = page.page.workers
    worker.evaluate(BREAK)
    page.choose(DEMO)
    assert shown(page) == printed(probe, DEMO)
    assert page.page.workers != [worker]
    page.said.clear()  # what Pyodide says when it ends


def test_after_a_file_that_is_too_deep_for_python_the_next_one_is_answered(
    page: Site, probe: Probe, tmp_path: Path
) -> None:
    (bomb,) = (each for each in bombs() if each.name == "bomb nested tuples")
    bomb.write(tmp_path / "bomb.pt")
    page.drop(tmp_path / "bomb.pt")
    assert refusal(page)[0] == probe("fuse-diff", tmp_path / "bomb.pt").stderr.splitlines()[-2].rpartition("/")[2]
    for name in ("yolov5x6", "yolov7", "yolov9-c"):
        page.type(name)
        assert shown(page) == printed(probe, name)
    page.said.clear()  # what Pyodide says when it ends


def test_it_is_used_by_keyboard(page: Site) -> None:
    page.page.locator("#ask-file").focus()
    assert page.page.locator("label[for=ask-file]").evaluate("label => getComputedStyle(label).outlineStyle") == "solid"
    order = []
    for _ in range(6):
        page.page.keyboard.press("Tab")
        order.append(page.page.evaluate("document.activeElement.id || document.activeElement.textContent"))
    assert order == ["ask-folder", "ask-line", "ask-imgsz", "ask-nc", "ask-host", "Explain"]


def test_axe_finds_nothing_in_any_state_colours_and_width(page: Site, hostile: Path, trojan: Path) -> None:
    asks: list[Callable[[], None]] = [lambda: page.drop(trojan), lambda: page.drop(hostile), lambda: page.type(LINE)]
    for ask in asks:
        ask()
        for width, scheme in ((1280, "light"), (1280, "dark"), (390, "light"), (390, "dark")):
            page.page.set_viewport_size({"width": width, "height": 900})
            page.page.emulate_media(color_scheme=scheme)
            assert page.faults() == []
            assert page.page.evaluate("document.documentElement.scrollWidth") <= width
    page.page.set_viewport_size({"width": 1280, "height": 900})
    page.page.emulate_media(color_scheme="light")


def test_the_bar_has_the_colours_that_are_chosen_and_they_stay(page: Site) -> None:
    paper = "getComputedStyle(document.querySelector('.open')).backgroundColor"
    page.drop(DEMO)
    light = page.page.evaluate(paper)
    page.page.get_by_role("radio", name="dark").check()
    dark = page.page.evaluate(paper)
    page.type("yolov5n")
    assert page.page.get_by_role("radio", name="dark").is_checked()
    assert page.page.evaluate(paper) == dark != light
    page.picture("dark")
    page.page.get_by_role("radio", name="as the system").check()


def test_paper_has_the_report_alone(page: Site) -> None:
    page.drop(DEMO)
    page.page.emulate_media(media="print")
    assert not page.page.locator("#ask-line").is_visible()
    assert page.page.locator("h1").is_visible()
    page.page.emulate_media(media="screen")


def test_it_speaks_chinese_to_those_who_read_it_and_can_be_switched(browser: Browser, site: Path) -> None:
    with started(browser, site, 390, "dark", locale="zh-CN") as found:
        assert found.page.evaluate("document.documentElement.lang") == "zh-CN"
        assert found.status == "就绪。之后不再需要网络。"
        assert found.faults() == []
        found.picture("chinese-narrow-dark")
        found.page.get_by_role("radio", name="English").check()
        assert found.status == "Ready. No network is needed any more."
        assert found.text("h1") == "Why do the two lines of your training differ?"
        found.type(LINE)
        found.page.get_by_role("radio", name="中文").check()
        found.page.wait_for_selector("h1:has-text('这些行说明什么')")
        assert "yolov5s" in found.text("main p")
        assert "用时" in found.status


def test_a_report_is_in_the_language_of_the_page_with_the_same_figures(
    browser: Browser, site: Path, probe: Probe
) -> None:
    with started(browser, site, locale="zh-CN") as found:
        found.drop(DEMO)
        assert shown(found) == printed(probe, DEMO)
        assert found.text("#costs h2") == "开销在哪里"
        assert "两行描述的是同一个网络。" in found.text(".answer")
        assert found.text("#layers h3") == "layers"
        assert found.faults() == []
        assert left_in_english(found) == []
        found.picture("chinese-report")
        found.page.get_by_role("radio", name="English").check()
        found.page.wait_for_selector("#ledgers h2:has-text('What changed, and why')")
        assert shown(found) == printed(probe, DEMO)


def test_a_refusal_is_in_the_language_of_the_page(
    browser: Browser, site: Path, probe: Probe, trojan: Path, hostile: Path
) -> None:
    with started(browser, site, locale="zh-CN") as found:
        found.drop(hostile)
        assert found.text("h1") == "不要加载这个文件"
        done = probe("fuse-diff", hostile, "--lang", "zh")
        problem, remedy = done.stderr.replace(str(hostile), hostile.name).splitlines()[-2:]
        assert refusal(found) == [problem.removeprefix("yolo-probe: "), remedy.strip()]
        found.picture("chinese-hostile")
        found.page.get_by_role("radio", name="English").check()
        found.page.wait_for_selector("[role=alert]:has-text('would run os.system')")
        found.page.get_by_role("radio", name="中文").check()
        found.type("yolov5n", "many")
        assert "得到 many" in refusal(found)[0]
        found.page.get_by_role("radio", name="English").check()
        assert refusal(found)[0].startswith("Image size: found many")
        found.page.get_by_role("radio", name="中文").check()
        found.drop(trojan)
        assert refusal(found)[0].startswith("加载 better.pt 时会运行 os.system")


def left_in_english(found: Site) -> list[str]:
    """Sentences and heads of the sections that are made of the page's own words, which are not Chinese."""
    texts = found.page.locator("h2, legend, nav a, #rows th button, #costs .note, #graph p, dt").all_inner_texts()
    labels = {
        "Trained",
        "Options",
        "Hyp",
        "Git",
        "Classes",
        "Layers",
        "Loading",
        "Unusual",
        "Faults",
        "Default",
        "Params",
    }
    return [text for text in texts if untranslated(text.replace("\n", " ")) and text not in labels]


def test_without_a_network_it_opens_again_and_answers(browser: Browser, site: Path, probe: Probe) -> None:
    with started(browser, site) as found:
        found.page.context.set_offline(True)
        found.page.reload()
        found.page.wait_for_selector(STARTED)
        found.drop(DEMO)
        assert shown(found) == printed(probe, DEMO)
        found.said.clear()  # that there is no network


def test_a_browser_without_webassembly_is_told(browser: Browser, site: Path) -> None:
    with served(site) as server:
        context = browser.new_context()
        context.add_init_script("delete globalThis.Worker")
        page = context.new_page()
        page.goto(f"http://127.0.0.1:{server.server_port}/")
        page.wait_for_selector("[data-state=failed]")
        assert page.locator("[role=alert]").inner_text().startswith("Python did not start in this browser: ")
        context.close()
