/** The network as areas: each row as large as its share, its modules inside. */
import { chart, HATCHING, tooltip, type Colours, type Picture } from "../charts";
import { choice, el } from "../dom";
import { percent, whole } from "../figures";
import { ended, say, spoken } from "../speech";
import { amount, MEASURES, STATES, title, type MeasureName, type Network, type Row, type Selection, type StateName } from "../network";

const UNITS: Record<MeasureName, string> = {
  flops: "FLOPs",
  parameters: "parameters",
  bytes: "bytes moved",
  activations: "bytes of activations",
};

export function costs(network: Network, selection: Selection): HTMLElement {
  let measure: MeasureName = "flops";
  let state: StateName = network.totals.training ? "training" : "fused";
  const total = el("p", { class: "total", "aria-live": "polite" });
  const map = chart((colours, width) => picture(network, state, measure, colours, width), (name) => selection.choose(name, true));
  const draw = (): void => {
    const sum = network.totals[state]?.[measure] ?? null;
    total.replaceChildren(sum === null ? say("not known") : `${whole(sum)} ${say(UNITS[measure])}`);
    map.draw();
  };
  draw();
  const known = STATES.filter(([name]) => network.totals[name]);
  const hatched = network.rows.some((row) => row.frozen);
  return el(
    "section",
    { id: "costs", "aria-labelledby": "costs-title" },
    el("h2", { id: "costs-title" }, say("Where the cost is")),
    el(
      "div",
      { class: "controls" },
      choice("measure", say("Size of an area"), spoken(MEASURES), measure, (value) => ((measure = value), draw())),
      known.length > 1 && choice("state", say("Network"), spoken(known), state, (value) => ((state = value), draw())),
    ),
    total,
    map.element,
    el(
      "p",
      { class: "note" },
      ended(say("An area is a row, with its modules inside.")),
      hatched && ended(say("Hatched rows did not train.")),
      ended(say("Bytes are those of FP32, 4 a value. The same figures:")),
      el("a", { href: "#rows" }, say("the table of rows")),
    ),
  );
}

interface Area {
  id: string;
  name: string;
  value: number;
  lines: string[];
  itemStyle?: object;
  children?: Area[];
}

function picture(network: Network, state: StateName, measure: MeasureName, colours: Colours, width: number): Picture {
  const total = network.totals[state]?.[measure] ?? 0;
  const rows = network.rows.filter((row) => (amount(row, state, measure) ?? 0) > 0);
  const largest = [...rows].sort((a, b) => (amount(b, state, measure) ?? 0) - (amount(a, state, measure) ?? 0));
  const share = (row: Row): string => `${title(row)} ${percent(amount(row, state, measure) ?? 0, total)}`;
  return {
    height: width < 560 ? 460 : 480,
    summary: say("Areas of {unit} by row. The largest: {TEXT}.", { unit: say(UNITS[measure]), TEXT: largest.slice(0, 5).map(share).join(", ") }),
    option: {
      tooltip: tooltip(colours, (data) => (data as Area | undefined)?.lines ?? []),
      series: [
        {
          type: "treemap",
          left: 0, right: 0, top: 0, bottom: 0,
          roam: false,
          nodeClick: false,
          breadcrumb: { show: false },
          visibleMin: 60,
          itemStyle: { borderWidth: 0, gapWidth: 1 },
          label: { color: "#fff", fontSize: 11, overflow: "truncate", padding: [3, 4] },
          upperLabel: { show: true, height: 20, color: "#fff", fontSize: 12, overflow: "truncate", fontWeight: 600, padding: [0, 4] },
          levels: [
            { itemStyle: { gapWidth: 2, borderWidth: 0, borderColor: colours.paper }, upperLabel: { show: false } },
            { itemStyle: { gapWidth: 0, borderWidth: 1 } },
            { itemStyle: { borderWidth: 0.5 } },
          ],
          data: rows.map((row) => area(row, state, measure, total, colours)),
        },
      ],
    },
  };
}

function area(row: Row, state: StateName, measure: MeasureName, total: number, colours: Colours): Area {
  const value = amount(row, state, measure) ?? 0;
  const colour = colours[row.graph?.part ?? "unknown"];
  const style = (opacity: number): object => ({
    color: colour,
    borderColor: opacity < 1 ? "rgba(255, 255, 255, 0.45)" : colour,
    ...(row.frozen ? { decal: HATCHING } : {}),
  });
  const prefix = `${row.graph?.path ?? ""}.`;
  const inside = [...(row.costs[state]?.modules ?? [])].flatMap(([path, amounts]): Area[] => {
    const part = amounts[measure] ?? 0;
    const name = path.startsWith(prefix) ? path.slice(prefix.length) : row.kind;
    return part > 0
      ? [{ id: row.name, name, value: part, lines: [`${title(row)}: ${name}`, `${whole(part)} ${say(UNITS[measure])}`, percent(part, total)], itemStyle: style(0.9) }]
      : [];
  });
  return {
    id: row.name,
    name: title(row),
    value,
    lines: [title(row), `${whole(value)} ${say(UNITS[measure])}`, percent(value, total), ...(row.frozen ? [say("did not train")] : [])],
    itemStyle: style(1),
    ...(inside.length > 1 ? { children: inside } : {}),
  };
}
