/** What was measured: the time of a pass before and after fuse(), and every row beside what the device allows. */
import { chart, tooltip, type Colours, type Picture } from "../charts";
import type { Bench, BenchRow, ReportData, Timing } from "../data";
import { el, scrolling, table } from "../dom";
import { percent, shape, whole } from "../figures";
import { words } from "../parts";
import { say } from "../speech";

const ROW = 34;
const LEFT = 52;
const RIGHT = 24;
const BOUNDS = ["memory", "arithmetic"] as const;

export function bench(data: ReportData): HTMLElement | null {
  const report = data.reports.bench;
  const told = data.words.bench;
  if (!report || !told) return null;
  const [, answer = [], ...others] = told;
  return el(
    "section",
    { id: "bench", "aria-labelledby": "bench-title" },
    el("h2", { id: "bench-title" }, say("How long it takes")),
    ...words([answer], say("Times")),
    chart((colours, width) => times(report, colours, width)).element,
    chart((colours, width) => roofline(report, colours, width)).element,
    ...words(others, say("Times")),
    el("details", {}, el("summary", {}, say("The time of every row")), scrolling(say("The time of every row"), rows(report))),
  );
}

function rows(report: Bench): HTMLTableElement {
  const cells = (row: BenchRow): string[] => [
    row.name || say("other"),
    row.class,
    row.median_ms.toFixed(2),
    percent(row.share_of_time, 1),
    percent(row.share_of_flops, 1),
    row.flops_per_byte.toFixed(1),
    row.roofline_ms.toFixed(2),
    say(row.bound_by),
  ];
  const heads = ["row", "class", "ms", "of time", "of FLOPs", "FLOPs/byte", "roofline", "bound by"];
  return table(say("Milliseconds of every row beside its FLOPs, after fuse()"), heads.map((head) => say(head)), report.rows.map(cells), (i) => i > 1 && i < 7);
}

interface Bar {
  name: string;
  timing: Timing;
  isFused: boolean;
}

function bars(report: Bench): Bar[] {
  return report.cases.flatMap(({ imgsz, batch, unfused, fused }) => {
    const place = say("{SIZE}, batch {n}", { SIZE: shape(imgsz), n: batch });
    const after = { name: unfused ? say("after fuse()") : place, timing: fused, isFused: true };
    return unfused ? [{ name: place, timing: unfused, isFused: false }, after] : [after];
  });
}

/** Bars of the medians, each with a line from quartile to quartile. */
function times(report: Bench, colours: Colours, width: number): Picture {
  const shown = bars(report);
  const told = ({ name, timing }: Bar): string => `${name} ${milliseconds(timing.median_ms)}`;
  const spread = ({ timing }: Bar): string => timing.quartiles_ms.map(milliseconds).join(" \u2013 ");
  return {
    height: shown.length * ROW + 46,
    summary: say("Milliseconds of one pass: {TEXT}.", { TEXT: shown.map(told).join(", ") }),
    option: {
      grid: { left: width < 480 ? 110 : 140, right: 80, top: 4, bottom: 42 },
      tooltip: tooltip(colours, (_, i) => (shown[i] ? [told(shown[i]), say("quartiles {TEXT}", { TEXT: spread(shown[i]) })] : [])),
      xAxis: { type: "value", name: say("milliseconds, with the quartiles"), ...axis(colours) },
      yAxis: { type: "category", inverse: true, data: shown.map((_, i) => i), axisTick: { show: false }, axisLine: { lineStyle: { color: colours.line } }, axisLabel: { color: colours.ink, formatter: (i: string) => shown[Number(i)]?.name ?? "" } },
      series: [
        {
          type: "bar",
          barWidth: 18,
          data: shown.map(({ timing, isFused }) => ({ value: timing.median_ms, itemStyle: { color: isFused ? colours.parameters : colours.flops } })),
        },
        ...shown.map(({ timing }, i) => ({
          type: "line",
          silent: true,
          symbol: "rect",
          symbolSize: [2, 12],
          itemStyle: { color: colours.ink },
          lineStyle: { color: colours.ink, width: 2 },
          data: timing.quartiles_ms.map((each, end) => ({
            value: [each, i],
            label: { show: end === 1, position: "right", distance: 8, color: colours.ink, formatter: () => milliseconds(timing.median_ms) },
          })),
        })),
      ],
    },
  };
}

/** FLOPs a second over FLOPs for each byte moved: the line is what the device allows, a point is what a row reached. */
function roofline(report: Bench, colours: Colours, width: number): Picture {
  const { peak } = report;
  const reached = (row: BenchRow): number => row.flops / row.median_ms / 1e6;
  const shown = report.rows.filter((row) => row.flops > 0 && row.median_ms > 0);
  const across = [peak.ridge_flops_per_byte, ...shown.map((row) => row.flops_per_byte)];
  const { min: left, max: right } = ends([Math.min(...across) / 1.5, Math.max(...across) * 1.5]);
  const top = peak.flops_per_second / 1e9;
  const low = (left * peak.bytes_per_second) / 1e9;
  const heights = [low, top, ...shown.map(reached)];
  const title = (row: BenchRow): string => `${row.name || say("other")} ${row.class}`;
  const beside = (row: BenchRow): "left" | "right" => {
    const space = (Math.log(right / row.flops_per_byte) / Math.log(right / left)) * (width - LEFT - RIGHT) + RIGHT;
    return title(row).length * 7 + 8 < space ? "right" : "left";
  };
  const points = (bound: BenchRow["bound_by"], symbol: string, color: string): object => ({
    type: "scatter",
    name: named(bound),
    symbol,
    symbolSize: 9,
    itemStyle: { color },
    labelLayout: { hideOverlap: true },
    data: shown.filter((row) => row.bound_by === bound).map((row) => ({
      value: [row.flops_per_byte, reached(row)],
      row,
      label: { show: true, position: beside(row), color: colours.ink, fontWeight: report.dearer.includes(row.name) ? 700 : 400, formatter: () => title(row) },
    })),
  });
  return {
    height: width < 560 ? 380 : 440,
    summary: say("Roofline: {n} GFLOPS at most, memory is the limit below {n2} FLOPs a byte. The rows are in the table below.", { n: whole(Math.round(top)), n2: peak.ridge_flops_per_byte.toFixed(1) }),
    option: {
      legend: { top: 0, left: 0, padding: 0, data: BOUNDS.map(named), textStyle: { color: colours.ink }, selectedMode: false, itemHeight: 10, itemWidth: 10, itemGap: 20 },
      grid: { left: LEFT, right: RIGHT, top: 52, bottom: 42 },
      tooltip: tooltip(colours, (point) => {
        const { row } = (point ?? {}) as { row?: BenchRow };
        return row ? [title(row), milliseconds(row.median_ms), `${reached(row).toPrecision(3)} GFLOPS`, `${row.flops_per_byte.toFixed(1)} FLOPs/byte`] : [];
      }),
      xAxis: { ...ends([left, right]), name: say("FLOPs for each byte moved"), ...axis(colours) },
      yAxis: { ...ends(heights), name: say("GFLOPS reached"), ...axis(colours), nameLocation: "end", nameGap: 10, nameTextStyle: { color: colours.faint, align: "left" } },
      series: [
        {
          type: "line",
          name: say("what the device allows"),
          silent: true,
          symbol: "none",
          color: colours.faint,
          lineStyle: { color: colours.faint, width: 2 },
          data: [[left, low], [peak.ridge_flops_per_byte, top], [right, top]],
        },
        points("memory", "rect", colours.flops),
        points("arithmetic", "circle", colours.parameters),
      ],
    },
  };
}

function named(bound: BenchRow["bound_by"]): string {
  return say(bound === "memory" ? "limited by memory" : "limited by arithmetic");
}

/** A scale of powers of 2, in which these values are; a long one has its lines at powers of 10, as more do not fit. */
function ends(values: number[]): { type: "log"; logBase: 2 | 10; min: number; max: number } {
  const [first, last] = [Math.floor(Math.log2(Math.min(...values))), Math.ceil(Math.log2(Math.max(...values)))];
  return { type: "log", logBase: last - first < 10 ? 2 : 10, min: 2 ** first, max: 2 ** last };
}

function axis(colours: Colours): object {
  return {
    nameLocation: "middle",
    nameGap: 26,
    nameTextStyle: { color: colours.faint },
    axisLabel: { color: colours.faint, hideOverlap: true, showMinLabel: false, showMaxLabel: false, formatter: (value: number) => String(Number(value.toPrecision(3))) },
    axisLine: { lineStyle: { color: colours.line } },
    splitLine: { lineStyle: { color: colours.line } },
  };
}

function milliseconds(value: number): string {
  return `${value.toPrecision(3)} ms`;
}
