/** A whole report as a page. */
import { disposeCharts } from "./charts";
import type { ReportData } from "./data";
import { el } from "./dom";
import { networkOf, Selection } from "./network";
import { words } from "./parts";
import { bench } from "./sections/bench";
import { costs } from "./sections/costs";
import { counters } from "./sections/counters";
import { graph } from "./sections/graph";
import { head } from "./sections/head";
import { ledgers } from "./sections/ledgers";
import { rowTable } from "./sections/rows";
import { file, gradients, missing, story } from "./sections/told";
import "./style.css";
import { say, speak } from "./speech";
import { themeSwitch } from "./theme";

/** Shows a report in a container, in the place of what is there. */
export function renderReport(container: HTMLElement, data: ReportData): void {
  speak(data.phrases);
  const network = networkOf(data);
  const selection = new Selection(network);
  const hasCosts = network.totals.training !== undefined || network.totals.fused !== undefined;
  const sections = [
    data.reports.info && one(data),
    ledgers(data),
    hasCosts ? costs(network, selection) : null,
    graph(network, selection),
    network.rows.length > 0 ? rowTable(network, selection) : null,
    bench(data),
    counters(data),
    gradients(data),
    file(data),
    story(data),
    missing(data),
  ].filter((section): section is HTMLElement => section !== null);
  disposeCharts(container);
  container.classList.add("report");
  container.replaceChildren(
    el("a", { class: "skip", href: "#report-main" }, say("Skip to the report")),
    el(
      "header",
      {},
      el("div", { class: "top" }, el("p", { class: "eyebrow" }, say("yolo-probe report")), themeSwitch(container)),
      head(data),
    ),
    el("nav", { "aria-label": say("On this page") }, el("ul", {}, ...sections.map(entry))),
    el("main", { id: "report-main", tabindex: -1 }, ...sections),
    el("footer", {}, el("p", {}, `yolo-probe ${data.version}. ${say("This page loads nothing from anywhere. Charts: Apache ECharts, Apache License 2.0.")}`)),
  );
}

/** The figures of a network of which one line alone is known. */
function one(data: ReportData): HTMLElement {
  const told = (data.words.answer ?? []).filter((parts) => !parts.some((part) => part.part === "HostLine"));
  return el("section", { id: "numbers", "aria-labelledby": "numbers-title" }, el("h2", { id: "numbers-title" }, say("What each number means")), ...words(told, say("The four numbers")));
}

function entry(section: HTMLElement): HTMLElement {
  return el("li", {}, el("a", { href: `#${section.id}` }, section.querySelector("h2")?.textContent ?? ""));
}
