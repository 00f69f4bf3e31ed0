/** The rows as a graph with their skips; the chosen row with its formula, shapes and costs. */
import { chart, tooltip, type Colours, type Picture } from "../charts";
import { el } from "../dom";
import { ended, say } from "../speech";
import { amount, title, type Network, type Row, type Selection } from "../network";
import { detail } from "./detail";

const ROW = 30;
const LETTERS = 18;
const PARTS = ["backbone", "neck", "head"] as const;

export function graph(network: Network, selection: Selection): HTMLElement | null {
  const rows = network.rows.filter((row) => row.graph);
  if (rows.length === 0) return null;
  const known = rows.every((row) => row.graph?.sources);
  const picked = chart((colours, width) => picture(rows, network, selection.row, colours, width), (name) => selection.choose(name));
  selection.listen(() => picked.draw());
  const parts = PARTS.filter((part) => rows.some((row) => row.graph?.part === part));
  return el(
    "section",
    { id: "graph", "aria-labelledby": "graph-title" },
    el("h2", { id: "graph-title" }, say("The rows, and what each one reads")),
    el(
      "p",
      {},
      ended(say("From top to bottom in the order in which they run.")),
      network.imageHeight > 0 && ended(say("Further to the right the feature maps are smaller.")),
      ended(known ? say("A curve is a skip.") : say("This network does not say which row reads which.")),
      network.imageHeight > 0 && ended(say("The larger a dot, the more FLOPs.")),
      rows.some((row) => row.frozen) && ended(say("An empty dot did not train.")),
      say("Choose a row to see its formula, shapes and costs."),
    ),
    parts.length > 0 &&
      el("ul", { class: "legend" }, ...parts.map((part) => el("li", {}, el("span", { class: `swatch ${part}` }), say(part)))),
    el(
      "div",
      { class: "graph-body" },
      el("div", { class: "scrolling graph-scroll", role: "group", "aria-label": say("Graph of the rows"), tabindex: 0 }, picked.element),
      detail(network, selection),
    ),
  );
}

/** How often the feature map was halved; null where its shape does not say. */
function halvings(row: Row, imageHeight: number): number | null {
  const outputs = row.costs.training?.line.outputs ?? [];
  const height = outputs.length === 1 && outputs[0]?.length === 4 ? outputs[0][2] : undefined;
  return height && imageHeight ? Math.max(0, Math.log2(imageHeight / height)) : null;
}

interface Place {
  row: Row;
  x: number;
  y: number;
}

function places(rows: Row[], imageHeight: number): Place[] {
  const found = rows.map((row) => halvings(row, imageHeight));
  const last = Math.max(...found.map((each) => each ?? 0)) + 1;
  return rows.map((row, y) => ({ row, x: found[y] ?? (imageHeight ? last : 0), y }));
}

function picture(rows: Row[], network: Network, chosen: Row | undefined, colours: Colours, width: number): Picture {
  const placed = places(rows, network.imageHeight);
  const order = new Map(placed.map((place) => [place.row.name, place]));
  const columns = placed.map((place) => place.x);
  const most = Math.max(1, ...rows.map((row) => amount(row, "training", "flops") ?? 0));
  const size = (row: Row): number => 8 + 14 * Math.sqrt((amount(row, "training", "flops") ?? 0) / most);
  const links = placed.flatMap((place) =>
    (place.row.graph?.sources ?? []).flatMap((source) => {
      const from = order.get(source);
      return from ? [link(from, place, chosen, colours)] : [];
    }),
  );
  return {
    height: rows.length * ROW + 20,
    summary: say("Graph of {n} rows. Which rows each one reads is in the table of rows.", { n: rows.length }),
    option: {
      grid: { left: network.imageHeight ? 16 : width * 0.4, right: width < 480 ? 84 : 110, top: 18, bottom: 18 },
      tooltip: tooltip(colours, (data) => lines(order.get(nameOf(data))?.row)),
      xAxis: { type: "value", show: false, min: Math.min(...columns), max: Math.max(...columns, Math.min(...columns) + 1) },
      yAxis: { type: "value", show: false, inverse: true, min: 0, max: Math.max(rows.length - 1, 1) },
      series: [
        {
          type: "graph",
          coordinateSystem: "cartesian2d",
          symbol: "circle",
          edgeSymbol: ["none", "arrow"],
          edgeSymbolSize: 6,
          emphasis: { focus: "adjacency" },
          data: placed.map(({ row, x, y }) => dot(row, [x, y], size(row), row === chosen, colours)),
          links,
        },
      ],
    },
  };
}

function dot(row: Row, value: number[], size: number, isChosen: boolean, colours: Colours): object {
  const colour = colours[row.graph?.part ?? "unknown"];
  return {
    id: row.name,
    name: row.name,
    value,
    symbolSize: size,
    itemStyle: { color: row.frozen ? colours.paper : colour, borderColor: colour, borderWidth: row.frozen ? 2 : 0 },
    label: {
      show: true,
      position: "right",
      distance: 4,
      fontSize: 13,
      fontWeight: isChosen ? 700 : 400,
      color: isChosen ? colours.paper : colours.ink,
      backgroundColor: isChosen ? colours.ink : colours.paper, // no line crosses the letters
      borderRadius: 3,
      padding: isChosen ? [4, 5] : [1, 5],
      formatter: () => shortened(title(row)),
    },
  };
}

function link(from: Place, to: Place, chosen: Row | undefined, colours: Colours): object {
  const isSkip = to.y - from.y > 1;
  const isChosen = chosen === from.row || chosen === to.row;
  return {
    source: from.row.name,
    target: to.row.name,
    lineStyle: {
      curveness: !isSkip ? 0 : from.x === to.x ? -0.35 : from.x < to.x ? 0.1 : -0.1,
      color: isChosen ? colours.ink : colours.faint,
      width: isChosen ? 2 : 1.2,
      opacity: isChosen ? 1 : 0.65,
    },
  };
}

function shortened(text: string): string {
  return text.length > LETTERS ? `${text.slice(0, LETTERS - 1)}\u2026` : text;
}

function nameOf(data: unknown): string {
  return typeof data === "object" && data !== null && "id" in data ? String(data.id) : "";
}

function lines(row: Row | undefined): string[] {
  if (!row) return [];
  const sources = row.graph?.sources;
  return [title(row), ...(sources ? [say("reads {ROWS}", { ROWS: sources.join(", ") })] : []), ...(row.frozen ? [say("did not train")] : [])];
}
