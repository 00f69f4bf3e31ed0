/** Sections that are mostly words: what trains, what is in the file, how the training went. */
import { chart, tooltip, type Colours, type Picture } from "../charts";
import type { Gradients, Inspection, ReportData, Story } from "../data";
import { el, scrolling, table, type Child } from "../dom";
import { percent, short, whole } from "../figures";
import { withoutFacts, words } from "../parts";
import { say } from "../speech";

export function gradients(data: ReportData): HTMLElement | null {
  const report = data.reports.gradients;
  const told = data.words.gradients;
  if (!report || !told) return null;
  return section("requires-grad", say("Who set requires_grad"), [
    ...words(withoutFacts(told), say("Gradients")),
    scrolling(say("What trains in each row"), trainTable(report)),
  ]);
}

function trainTable(report: Gradients): HTMLTableElement {
  const rows = report.rows.map((row) => [
    String(row.row ?? say("other")),
    row.module,
    row.frozen_by.map((each) => say(each)).join(", ") || "-",
    whole(row.parameters),
    whole(row.trainable),
    row.moving_batch_norms ? whole(row.moving_batch_norms) : "-",
  ]);
  const heads = ["row", "class", "frozen by", "parameters", "train", "moving BatchNorms"];
  return table(say("What trains in each row"), heads.map((head) => say(head)), rows, (i) => i > 2);
}

export function file(data: ReportData): HTMLElement | null {
  const report = data.reports.inspection;
  const told = data.words.inspection;
  if (!report || !told) return null;
  return section("file", say("What is in the file"), [
    chart((colours) => bytes(report, colours)).element,
    ...words(told, say("Bytes of the file")),
  ]);
}

function bytes(report: Inspection, colours: Colours): Picture {
  const { file: total = 0, ...parts } = report.bytes;
  const shown = Object.entries(parts).filter(([, size]) => size > 0);
  const palette = [colours.parameters, colours.gradients, colours.flops, colours.layers, colours.unknown];
  return {
    height: 84,
    summary: say("Bytes of the file: {TEXT}.", { TEXT: shown.map(([name, size]) => `${partOf(name)} ${whole(size)}`).join(", ") }),
    option: {
      legend: { top: 0, left: 0, padding: 0, textStyle: { color: colours.ink }, selectedMode: false, itemHeight: 10, itemWidth: 10, itemGap: 20 },
      grid: { left: 0, right: 0, top: 34, bottom: 18 },
      tooltip: tooltip(colours, (part) => {
        const { name, value } = part as { name: string; value: number };
        return [partOf(name), say("{n} bytes", { n: whole(value) }), percent(value, total)];
      }),
      xAxis: { type: "value", max: total, show: false },
      yAxis: { type: "category", data: ["file"], show: false },
      series: shown.map(([name, size], i) => ({
        type: "bar", stack: "file", name: partOf(name), barWidth: 26,
        itemStyle: { color: palette[i % palette.length], borderColor: colours.paper, borderWidth: 1 },
        data: [{ value: size, name }],
      })),
    },
  };
}

/** A part of a file; the JSON writes the EMA copy in small letters. */
function partOf(name: string): string {
  return name === "ema" ? "EMA" : say(name);
}

export function story(data: ReportData): HTMLElement | null {
  const report = data.reports.story;
  const told = data.words.story;
  if (!report || !told) return null;
  return section("story", say("How the training went"), [chart((colours) => flags(report, colours)).element, ...words(told, say("Training"))]);
}

function flags(report: Story, colours: Colours): Picture {
  const points = report.events.map((event, i) => ({
    name: event.event === "change" ? (event.epoch == null ? say("change") : say("epoch {n}", { n: event.epoch })) : say(event.event),
    value: (event.training ?? event.validated)?.gradients ?? 0,
    i,
  }));
  return {
    height: 220,
    summary: say("Gradients by moment: {TEXT}.", { TEXT: points.map(({ name, value }) => `${name} ${whole(value)}`).join(", ") }),
    option: {
      grid: { left: 60, right: 20, top: 16, bottom: 30 },
      tooltip: tooltip(colours, (point) => {
        const { name, value } = point as { name: string; value: number };
        return [name, say("{n} gradients", { n: whole(value) })];
      }),
      xAxis: { type: "category", data: points.map(({ name }) => name), axisLabel: { color: colours.ink }, axisLine: { lineStyle: { color: colours.line } }, axisTick: { show: false } },
      yAxis: { type: "value", axisLabel: { color: colours.faint, formatter: (value: number) => short(value) }, splitLine: { lineStyle: { color: colours.line } }, splitNumber: 3 },
      series: [{ type: "bar", barMaxWidth: 40, itemStyle: { color: colours.gradients }, data: points, label: { show: true, position: "top", color: colours.ink, formatter: ({ value }: { value: number }) => whole(value) } }],
    },
  };
}

/** What the page cannot show, and why. */
export function missing(data: ReportData): HTMLElement | null {
  const reasons = Object.values(data.reports.missing);
  if (reasons.length === 0) return null;
  return section("missing", say("What is not known"), [el("ul", {}, ...[...new Set(reasons)].map((reason) => el("li", {}, say(reason))))]);
}

function section(id: string, title: string, children: Child[]): HTMLElement {
  return el("section", { id, "aria-labelledby": `${id}-title` }, el("h2", { id: `${id}-title` }, title), ...children);
}
