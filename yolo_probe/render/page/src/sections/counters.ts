/** What every FLOP counter says of the same network. */
import { chart, tooltip, type Colours, type Picture } from "../charts";
import type { Counters, ReportData } from "../data";
import { el, scrolling, table } from "../dom";
import { whole } from "../figures";
import { words } from "../parts";
import { say } from "../speech";

const ROW = 24;

export function counters(data: ReportData): HTMLElement | null {
  const report = data.reports.counters;
  const told = data.words.counters;
  if (!report || !told) return null;
  const [intro, ...others] = words(told, say("Every counter"));
  return el(
    "section",
    { id: "counters", "aria-labelledby": "counters-title" },
    el("h2", { id: "counters-title" }, say("What other counters say")),
    intro ?? null,
    chart((colours, width) => picture(report, colours, width)).element,
    ...others,
    el("details", {}, el("summary", {}, say("The terms of each counter")), scrolling(say("The terms of each counter"), terms(report))),
  );
}

function terms(report: Counters): HTMLTableElement {
  const rows = Object.entries(report.counters).flatMap(([name, counter]) =>
    Object.entries(counter.terms).map(([term, modes]) => [name, say(term), counter.unit, whole(modes.unfused), whole(modes.fused)]),
  );
  return table(say("Terms that add up to the figure of each counter"), ["counter", "term", "unit", "in training", "after fuse()"].map((head) => say(head)), rows, (i) => i > 2);
}

/** Points, not bars: the scale need not start at 0 for the differences to be seen. */
function picture(report: Counters, colours: Colours, width: number): Picture {
  const found = Object.entries(report.counters);
  const giga = (flops: number | null): number | null => (flops === null ? null : flops / 1e9);
  const values = found.flatMap(([, { flops }]) => [flops.unfused, flops.fused]).flatMap((each) => (each === null ? [] : [each / 1e9]));
  const pad = (Math.max(...values) - Math.min(...values)) * 0.06 || 1;
  const points = (name: string, mode: "unfused" | "fused", symbol: string, color: string): object => ({
    type: "scatter",
    name,
    symbol,
    symbolSize: 11,
    itemStyle: { color },
    data: found.map(([counter, { flops }]) => ({ value: [giga(flops[mode]), counter], exact: flops[mode], counter })),
  });
  return {
    height: found.length * ROW + 70,
    summary: say("GFLOPs by counter, before and after fuse(). They are in the table below."),
    option: {
      legend: { top: 0, left: 0, padding: 0, textStyle: { color: colours.ink }, selectedMode: false, itemHeight: 10, itemWidth: 10, itemGap: 20 },
      grid: { left: width < 480 ? 150 : 180, right: 20, top: 32, bottom: 34 },
      tooltip: tooltip(colours, (point) => {
        const { counter, exact } = point as { counter: string; exact: number | null };
        return [counter, `${whole(exact)} FLOPs`];
      }),
      xAxis: {
        type: "value",
        min: Math.min(...values) - pad,
        max: Math.max(...values) + pad,
        name: say("GFLOPs, 1 MAC as 2"),
        nameLocation: "middle",
        nameGap: 22,
        nameTextStyle: { color: colours.faint },
        axisLabel: { color: colours.faint, formatter: (value: number) => value.toPrecision(4).replace(/\.?0+$/, ""), showMinLabel: false, showMaxLabel: false, hideOverlap: true },
        splitLine: { lineStyle: { color: colours.line } },
        splitNumber: 4,
      },
      yAxis: {
        type: "category",
        inverse: true,
        data: found.map(([name]) => name),
        axisTick: { show: false },
        axisLine: { show: false },
        splitLine: { show: true, lineStyle: { color: colours.line, type: "dotted" } },
        axisLabel: { color: colours.ink, interval: 0 },
      },
      series: [points(say("in training"), "unfused", "circle", colours.flops), points(say("after fuse()"), "fused", "diamond", colours.parameters)],
    },
  };
}
