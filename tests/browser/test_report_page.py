"""Contract: the page shows the figures that the commands print, can be used by everybody, and loads nothing."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import PAGE, Open
from tests.conftest import Probe
from tests.measurements import report as measured
from tests.networks import difference, question
from tests.unit.test_run_files import START
from yolo_probe.render import report_page
from yolo_probe.reports.full_report import full_report, report_around
from yolo_probe.training.run_files import RunFiles

DEMO = "configs/demo/narrow-best.pt"
TARGETS = (DEMO, "yolov5x6", "yolov5s@v3.1", "yolov7", "yolov5n --freeze 10")
NUMBERS = {"layers": "layers", "parameters": "parameters", "gradients": "gradients", "flops": "FLOPs"}
HOSTILE = "</script><script>window.hit = 1</script><img src=x onerror='window.hit = 1'>"
of_each = pytest.mark.parametrize("target", TARGETS)


def shown(value: int) -> str:
    return f"{value:,}"


def change(value: int) -> str:
    return f"{value:+,}" if value else "0"


def test_the_shipped_programs_are_what_their_sources_build(tmp_path: Path) -> None:
    npm = shutil.which("npm")
    assert npm, "found no npm, expected node and npm: make .venv/browser"
    subprocess.run([npm, "run", "--silent", "build"], cwd=PAGE, check=True, env=os.environ | {"BUILT": str(tmp_path)})
    built = {path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir()}
    assert built == {path.name: path.read_text(encoding="utf-8") for path in (PAGE / "built").iterdir()}
    assert "</script" not in built["report.js"]


@of_each
def test_the_lines_and_the_ledgers_are_those_of_fuse_diff(target: str, opened: Open, written: Any) -> None:
    page = written(target)
    report = page.answers("fuse-diff")
    with opened(page.path) as found:
        lines = found.page.locator(".host-line").all_inner_texts()
        assert lines == [line for line in report["host_lines"].values() if line]
        for name, label in NUMBERS.items():
            ledger = report["ledger"][name]
            rows = found.rows(f"#{name} table")
            entries = [change(entry["amount"]) for entry in ledger["entries"]]
            amounts = [shown(ledger["before"]), *entries, change(ledger["unexplained"]), shown(ledger["after"])]
            assert [row[-1] for row in rows[1:]] == amounts
            for entry, row in zip(ledger["entries"], rows[2:], strict=False):
                assert entry["cause"] in row[0]
                assert entry["arithmetic"] == "0" or entry["arithmetic"] in row[0]
            picture = found.page.locator(f"#{name} .chart").get_attribute("aria-label") or ""
            assert picture.startswith(f"Waterfall of {label}: training {amounts[0]}, ")
            assert picture.endswith(f"validation {amounts[-1]}.")


@of_each
def test_the_table_of_rows_is_that_of_layers(target: str, opened: Open, written: Any) -> None:
    page = written(target)
    unfused, fused = page.answers("layers"), page.answers("layers --fused")
    with opened(page.path) as found:
        heads, *rows = found.rows("#rows table")
        column = {head.strip(): i for i, head in enumerate(heads)}
        for report, suffix in ((unfused, ""), (fused, " after fuse()")):
            for key, head in (("flops", "FLOPs"), ("parameters", "parameters")):
                figures = [shown(line[key]) for line in (*report["lines"], report["total"])]
                assert [row[column[head + suffix]] for row in rows] == figures
        assert [row[column["class"]] for row in rows[:-1]] == [line["class"] for line in unfused["lines"]]
        assert rows[-1][column["bytes moved"]] == shown(unfused["total"]["bytes"])
        assert rows[-1][column["activations, bytes"]] == shown(unfused["memory"]["activations_bytes"])


@of_each
def test_the_counters_and_what_trains_are_those_of_their_commands(
    target: str, opened: Open, written: Any, probe: Probe
) -> None:
    page = written(target)
    counters = page.answers("counters")["counters"]
    rows = json.loads(probe("gradients", *target.split(), "--format", "json").stdout)["rows"]
    with opened(page.path) as found:
        tables = [found.rows(f"#counters table >> nth={number}") for number in (0, 1)]  # in MACs, in FLOPs
        table = {row[0]: row for each in tables for row in each}
        for name, counter in counters.items():
            assert table[name][1:3] == [shown(counter["unfused"]), shown(counter["fused"])]
        trained = found.rows("#requires-grad .scrolling:last-of-type table")[1:]
        assert [row[3:5] for row in trained] == [[shown(row["parameters"]), shown(row["trainable"])] for row in rows]


def test_the_bytes_of_a_file_are_those_of_inspect(opened: Open, written: Any) -> None:
    page = written(DEMO)
    sizes = page.answers("inspect")["bytes"]
    with opened(page.path) as found:
        table = {row[0]: row[-1] for row in found.rows("#file table")}
        assert (table["model"], table["file"]) == (shown(sizes["model"]), shown(sizes["file"]))
        assert f"container {shown(sizes['container'])}" in found.page.locator("#file .chart").get_attribute(
            "aria-label"
        )


def test_each_number_of_the_lines_leads_to_its_block(opened: Open, written: Any) -> None:
    with opened(written(DEMO).path) as found:
        links = found.page.locator(".host-line").first.locator("a")
        assert [link.get_attribute("href") for link in links.all()] == [
            "#layers",
            "#parameters",
            "#gradients",
            "#flops",
        ]
        colours = {link.evaluate("link => getComputedStyle(link).color") for link in links.all()}
        assert len(colours) == 4
        for name in NUMBERS:
            assert found.page.locator(f"#{name} h3").count() == 1


def test_the_areas_switch_between_measures_and_states(opened: Open, written: Any) -> None:
    page = written(DEMO)
    unfused, fused = page.answers("layers")["total"], page.answers("layers --fused")["total"]
    with opened(page.path) as found:
        assert found.text("#costs .total") == f"{shown(unfused['flops'])} FLOPs"
        found.page.get_by_role("radio", name="after fuse()").check()
        assert found.text("#costs .total") == f"{shown(fused['flops'])} FLOPs"
        found.page.get_by_role("radio", name="bytes moved").check()
        assert found.text("#costs .total") == f"{shown(fused['bytes'])} bytes moved"
        assert "Areas of bytes moved by row" in (found.page.locator("#costs .chart").get_attribute("aria-label") or "")


def test_frozen_rows_are_hatched(opened: Open, written: Any) -> None:
    with opened(written("yolov5n --freeze 10").path) as found:
        assert found.page.locator("#costs svg pattern").count() > 0
        assert found.page.locator("#rows tr.frozen").count() == 10
        assert "Hatched rows did not train" in found.text("#costs .note")
    with opened(written("yolov7").path) as found:
        assert found.page.locator("#costs svg pattern, #rows tr.frozen").count() == 0


def test_the_table_is_sorted_and_searched(opened: Open, written: Any) -> None:
    page = written("yolov5x6")
    lines = page.answers("layers")["lines"]
    with opened(page.path) as found:
        head = found.page.locator("#rows th", has_text="FLOPs").first
        for order, falling in (("descending", True), ("ascending", False)):
            head.get_by_role("button").click()
            assert head.get_attribute("aria-sort") == order
            ranked = sorted(lines, key=lambda line: line["flops"], reverse=falling)
            assert [row[0] for row in found.rows("#rows tbody")] == [line["name"] for line in ranked]
        found.page.get_by_label("Search").fill("concat")
        places = [line["name"] for line in lines if line["class"] == "Concat"]
        assert sorted(row[0] for row in found.rows("#rows tbody")) == sorted(places)
        assert found.text("#rows [role=status]") == f"{len(places)} of {len(lines)} rows"


def test_a_row_is_shown_in_detail_by_click_by_list_and_by_button(opened: Open, written: Any) -> None:
    page = written(DEMO)
    lines = {line["name"]: line for line in page.answers("layers")["lines"]}
    with opened(page.path) as found:
        found.page.locator("#graph svg text", has_text="2 C3").first.click()
        assert found.text(".detail h3") == "2 C3"
        found.page.get_by_label("Row", exact=True).select_option("0")
        formula = lines["0"]["formulas"][0]
        assert f"{formula['formula']} = {shown(formula['flops'])}" in found.text(".detail")
        found.page.get_by_role("button", name="row 9: details").click()
        assert found.page.evaluate("document.activeElement.id") == "detail"
        assert "x".join(map(str, lines["9"]["outputs"][0])) in found.text(".detail")


@pytest.mark.parametrize("target", [DEMO, "yolov5n --freeze 10"])
def test_axe_finds_nothing_in_any_colours_and_widths(target: str, opened: Open, written: Any) -> None:
    for width, scheme in ((1280, "light"), (1280, "dark"), (390, "light"), (390, "dark")):
        with opened(written(target).path, width, scheme) as found:
            assert found.faults() == []
            assert found.page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_switch_of_colours_is_stronger_than_the_system(opened: Open, written: Any) -> None:
    paper = "getComputedStyle(document.getElementById('report')).backgroundColor"
    ink = "document.querySelector('#layers .chart svg text').getAttribute('fill')"
    with opened(written(DEMO).path, scheme="dark") as found:
        dark = found.page.evaluate(f"[{paper}, {ink}]")
        found.page.get_by_role("radio", name="light").check()
        light = found.page.evaluate(f"[{paper}, {ink}]")
        assert light[0] == "rgb(255, 255, 255)"
        assert light[0] != dark[0]
        assert light[1] != dark[1]
        found.page.get_by_role("radio", name="dark").check()
        assert found.page.evaluate(f"[{paper}, {ink}]") == dark


def test_it_prints_on_white_paper(opened: Open, written: Any, tmp_path: Path) -> None:
    with opened(written("yolov5n --freeze 10").path, scheme="dark") as found:
        found.page.pdf(path=tmp_path / "report.pdf", format="A4")
        assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF")
        found.page.emulate_media(media="print")
        assert not found.page.locator("nav").is_visible()
        paper = found.page.locator("#report").evaluate("page => getComputedStyle(page).backgroundColor")
        assert paper == "rgb(255, 255, 255)"


def test_the_keyboard_reaches_everything(opened: Open, written: Any) -> None:
    with opened(written(DEMO).path) as found:
        found.page.keyboard.press("Tab")
        assert found.page.evaluate("document.activeElement.textContent") == "Skip to the report"
        found.page.keyboard.press("Enter")
        found.page.keyboard.press("Tab")
        assert found.page.evaluate("document.querySelector('main').contains(document.activeElement)")
        found.page.get_by_role("radio", name="FLOPs").focus()
        found.page.keyboard.press("ArrowRight")
        assert found.text("#costs .total").endswith(" parameters")


def test_names_in_a_file_never_become_a_part_of_the_page(
    opened: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = report_around(difference("yolov5n"))
    clean = json.dumps(report_page.data_of(report))
    for name in ("Conv", "yolov5n", "conv", "BatchNorm", "thop"):
        clean = clean.replace(name, json.dumps(f"{name}{HOSTILE}")[1:-1])
    monkeypatch.setattr(report_page, "data_of", lambda *_: json.loads(clean))
    path = tmp_path / "<img src=x onerror='window.hit = 1'>.html"
    report_page.write(report, path)
    with opened(path) as found:
        found.page.locator("#graph svg text").first.hover()
        found.page.locator("#costs svg text").first.hover()
        found.page.get_by_role("button", name="row 0").click()
        assert "<script>window.hit = 1</script>" in found.text("h1")
        assert found.page.evaluate("window.hit") is None
        assert found.page.locator("#report img, #report script, .chart img").count() == 0


ATTEMPTS = """async () => {
  const refused = [];
  document.addEventListener("securitypolicyviolation", (event) => refused.push(event.effectiveDirective));
  const add = (tag, given) => document.body.append(Object.assign(document.createElement(tag), given));
  await fetch("https://page.invalid/").catch(() => null);
  add("img", { src: "https://page.invalid/a.png" });
  add("script", { src: "https://page.invalid/a.js" });
  add("script", { textContent: "window.hit = 1" });
  add("link", { rel: "stylesheet", href: "https://page.invalid/a.css" });
  add("iframe", { src: "https://page.invalid/" });
  await new Promise((done) => setTimeout(done, 300));
  return refused.sort();
}"""


def test_a_policy_forbids_every_connection_and_every_other_program(opened: Open, written: Any) -> None:
    with opened(written(DEMO).path) as found:
        refused = ["connect-src", "frame-src", "img-src", "script-src-elem", "script-src-elem", "style-src-elem"]
        assert found.page.evaluate(ATTEMPTS) == refused
        assert found.page.evaluate("window.hit") is None
        found.said.clear()  # the refusals
        found.asked = found.asked[:1]


def test_a_training_leaves_its_story_as_a_page(opened: Open, tmp_path: Path) -> None:
    warnings: list[str] = []
    RunFiles(tmp_path).write(("html",), (START,), difference("yolov5n"), warnings.append)
    assert warnings == []
    with opened(tmp_path / "probe.html") as found:
        assert found.text("#story h2") == "How the training went"
        assert found.page.locator("#costs svg").count() == 1
        assert found.faults() == []


def test_a_notebook_shows_it_in_a_frame(opened: Open, tmp_path: Path) -> None:
    notebook = tmp_path / "notebook.html"
    frame = report_page.framed(report_around(difference("yolov5n")))
    notebook.write_text(f"<!doctype html><title>a notebook</title><link rel=icon href=data:,>{frame}", encoding="utf-8")
    with opened(notebook, shows="iframe") as found:
        inside = found.page.frame_locator("iframe")
        inside.locator("#costs svg").wait_for()
        assert inside.locator("h1").inner_text() == "yolov5n"
        found.asked = [address for address in found.asked if address != "about:srcdoc"]


def test_a_large_network_opens_in_a_second_and_is_small(opened: Open, written: Any) -> None:
    path = written("yolov5x6").path
    assert path.stat().st_size < 6_000_000
    with opened(path) as found:
        found.page.wait_for_selector("#counters svg")
        assert found.page.locator("#rows tbody tr").count() == 34


def test_measured_times_stand_beside_the_flops_of_their_rows(opened: Open, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    report_page.write(replace(full_report(question("yolov5n")), bench=measured()), path)
    with opened(path) as found:
        assert "fuse() saves 20.0 ms of 120 ms (16.7 %), give or take 0.00 ms" in found.text("#bench p")
        times, roofline = (
            chart.get_attribute("aria-label") or "" for chart in found.page.locator("#bench .chart").all()
        )
        assert times == "Milliseconds of one pass: 640x640, batch 1 120 ms, after fuse() 100 ms."
        assert roofline.startswith("Roofline: 100 GFLOPS at most, memory is the limit below 10.0 FLOPs a byte.")
        found.page.locator("#bench summary").click()
        table = found.rows("#bench details table")
        assert [row[:3] for row in table[1:]] == [["0", "Conv", "30.00"], ["1", "C3", "50.00"], ["2", "Conv", "20.00"]]
        heads, *rows = found.rows("#rows table")
        column = heads.index("ms after fuse()")
        assert [row[column] for row in rows[:4]] == ["30.00", "50.00", "20.00", ""]
        assert found.faults() == []
