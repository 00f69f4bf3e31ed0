/** Charts: one component for all, in the colours of the page, drawn anew when those or its width change. */
import { BarChart, GraphChart, LineChart, ScatterChart, TreemapChart } from "echarts/charts";
import { AriaComponent, GridComponent, LegendComponent, TooltipComponent } from "echarts/components";
import { color, init, use, type ECharts, type EChartsCoreOption } from "echarts/core";
import { LabelLayout } from "echarts/features";
import { SVGRenderer } from "echarts/renderers";

import { el } from "./dom";

use([BarChart, GraphChart, LineChart, ScatterChart, TreemapChart]);
use([AriaComponent, GridComponent, LegendComponent, TooltipComponent, LabelLayout, SVGRenderer]);

export interface Colours {
  ink: string;
  faint: string;
  line: string;
  paper: string;
  layers: string;
  parameters: string;
  gradients: string;
  flops: string;
  backbone: string;
  neck: string;
  head: string;
  unknown: string;
}

const NAMES: (keyof Colours)[] = [
  ...(["ink", "faint", "line", "paper", "layers", "parameters", "gradients", "flops"] as const),
  ...(["backbone", "neck", "head", "unknown"] as const),
];

export interface Chart {
  /** The element to place. */
  element: HTMLElement;
  /** Draws it again, as its option is now. */
  draw: () => void;
}

export interface Picture {
  option: EChartsCoreOption;
  /** In pixels. */
  height: number;
  /** What it shows, for those who do not see it; its figures stand in a table. */
  summary: string;
}

type Clicked = (name: string) => void;

const charts = new Map<Element, { draw: () => void; dispose: () => void }>();
const widths = new WeakMap<Element, number>();
let observing: ResizeObserver | undefined;

/** A chart. `picture`: what to draw in these colours and this width. `clicked`: gets the `id` of what was clicked. */
export function chart(picture: (colours: Colours, width: number) => Picture, clicked?: Clicked): Chart {
  const element = el("div", { class: clicked ? "chart clickable" : "chart", role: "img" });
  let made: ECharts | undefined;
  const draw = (): void => {
    const width = element.clientWidth;
    if (!width) return;
    const { option, height, summary } = picture(colours(element), width);
    element.style.height = `${height}px`;
    element.setAttribute("aria-label", summary);
    if (!made) {
      made = init(element, null, { renderer: "svg" });
      if (clicked) made.on("click", (event) => idOf(event.data, clicked));
    }
    made.resize({ width, height });
    made.setOption({ animation: false, textStyle: { fontFamily: getComputedStyle(element).fontFamily }, ...option }, { notMerge: true });
  };
  charts.set(element, { draw, dispose: () => made?.dispose() });
  observer().observe(element);
  return { element, draw };
}

function observer(): ResizeObserver {
  observing ??= new ResizeObserver((entries) => {
    for (const { target } of entries) {
      if (widths.get(target) === target.clientWidth) continue;
      widths.set(target, target.clientWidth);
      charts.get(target)?.draw();
    }
  });
  return observing;
}

/** Draws every chart of the page again, in the colours that hold now. */
export function drawAll(): void {
  for (const { draw } of charts.values()) draw();
}

/** Gives up the charts in a container whose content is to be replaced. */
export function disposeCharts(container: HTMLElement): void {
  for (const [element, { dispose }] of charts) {
    if (!container.contains(element)) continue;
    observer().unobserve(element);
    dispose();
    charts.delete(element);
  }
}

function idOf(data: unknown, clicked: Clicked): void {
  if (typeof data === "object" && data !== null && "id" in data) clicked(String(data.id));
}

function colours(element: Element): Colours {
  const style = getComputedStyle(element);
  return Object.fromEntries(NAMES.map((name) => [name, style.getPropertyValue(`--${name}`).trim()])) as unknown as Colours;
}

/** A box beside the pointer; its text is text. */
export function tooltip(colours: Colours, lines: (data: unknown, index: number) => string[]): object {
  return {
    confine: true,
    backgroundColor: colours.paper,
    borderColor: colours.line,
    textStyle: { color: colours.ink, fontSize: 13 },
    extraCssText: "white-space: normal; max-width: 22rem",
    formatter: (given: { data?: unknown; dataIndex: number }) =>
      el("div", {}, ...lines(given.data, given.dataIndex).map((line) => el("div", {}, line))),
  };
}

/** A text in lines of at most so many pixels, in letters of 12; a mark where it has more lines than those. */
export function wrapped(text: string, width: number, most: number): string {
  const lines = [""];
  for (const piece of text.match(PIECE) ?? []) {
    const line = lines.at(-1) ?? "";
    if (line !== "" && widthOf(line + piece.trimEnd()) > width) lines.push(piece);
    else lines[lines.length - 1] = line + piece;
  }
  const shown = lines.slice(0, most).map((line) => line.trimEnd());
  return shown.join("\n") + (lines.length > most ? "\u2026" : "");
}

/** What is never broken: a word, or a Chinese character, with the signs that stand beside it. */
const PIECE = /\uff08?(?:[\u2e80-\ufeff]|[^\s\u2e80-\uffef]+)?[\u3001\u3002\uff09\uff0c\uff1a\uff1b]*\s*/g;

function widthOf(text: string): number {
  return [...text].reduce((sum, letter) => sum + (letter >= "\u2e80" ? 12 : 6.4), 0);
}

/** A colour through which the paper shows. */
export function faded(colour: string, share: number): string {
  return color.modifyAlpha(colour, share) ?? colour;
}

/** Dark stripes over a colour, on which white letters can be read. */
export const HATCHING = {
  symbol: "rect",
  color: "rgba(0, 0, 0, 0.5)",
  dashArrayX: [1, 0],
  dashArrayY: [1.5, 5],
  rotation: -Math.PI / 4,
};
