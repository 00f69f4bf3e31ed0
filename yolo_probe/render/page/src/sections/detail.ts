/** One row in detail. */
import { el, scrolling, table, type Child } from "../dom";
import { percent, shape, whole } from "../figures";
import { say } from "../speech";
import { STATES, title, type Network, type Row, type RowCosts, type Selection, type StateName } from "../network";

export function detail(network: Network, selection: Selection): HTMLElement {
  const picker = el(
    "select",
    { id: "row-picker", change: () => selection.choose(picker.value) },
    ...network.rows.map((row) => el("option", { value: row.name }, title(row))),
  );
  const body = el("div", { class: "detail-body", "aria-live": "polite" });
  const aside = el(
    "div",
    { class: "detail", id: "detail", tabindex: -1 },
    el("p", { class: "pick" }, el("label", { for: "row-picker" }, `${say("Row")} `), picker),
    body,
  );
  const show = (row: Row): void => {
    picker.value = row.name;
    body.replaceChildren(...content(row, network).filter((child): child is Node => child instanceof Node));
  };
  selection.listen((row, asked) => {
    show(row);
    if (!asked) return;
    aside.scrollIntoView({ block: "center" });
    aside.focus({ preventScroll: true });
  });
  if (selection.row) show(selection.row);
  return aside;
}

function content(row: Row, network: Network): Child[] {
  const both = STATES.filter(([state]) => row.costs[state]);
  return [
    el("h3", {}, title(row)),
    el("dl", { class: "facts" }, ...facts(row)),
    both.length > 0 && scrolling(say("Costs of the row"), costs(row, network)),
    ...both.map(([state, words]) => formulas(row.costs[state] as RowCosts, say(words))),
  ];
}

function facts(row: Row): Child[] {
  const costs = row.costs.training ?? row.costs.fused;
  const shapes = (all: number[][] | undefined): string => (all ?? []).map(shape).join(", ");
  const gradients = row.gradients;
  const found: [string, string | undefined][] = [
    ["Part", row.graph?.part ? say(row.graph.part) : undefined],
    ["Module", row.graph?.path],
    ["Reads", row.graph?.sources?.join(", ")],
    ["Read by", row.readers.join(", ") || undefined],
    ["Input", shapes(costs?.line.inputs) || undefined],
    ["Output", shapes(costs?.line.outputs) || undefined],
    ["Trains", gradients ? say("{n} of {n2} parameters", { n: whole(gradients.trainable), n2: whole(gradients.parameters) }) : undefined],
    ["Frozen by", gradients?.frozen_by.map((each) => say(each)).join(", ") || undefined],
  ];
  return found.flatMap(([name, text]) =>
    text === undefined ? [] : [el("div", { class: "fact" }, el("dt", {}, say(name)), el("dd", {}, text))],
  );
}

function costs(row: Row, network: Network): HTMLTableElement {
  const states = STATES.filter(([state]) => row.costs[state]);
  const line = (state: StateName): RowCosts => row.costs[state] as RowCosts;
  const rows: [string, (state: StateName) => string][] = [
    ["FLOPs", (state) => whole(line(state).line.flops)],
    ["share", (state) => percent(line(state).line.flops ?? 0, network.totals[state]?.flops ?? 0)],
    ["parameters", (state) => whole(line(state).line.parameters)],
    ["bytes moved", (state) => whole(line(state).line.bytes)],
    ["FLOPs/byte", (state) => line(state).line.flops_per_byte?.toFixed(2) ?? "-"],
    ["activations, bytes", (state) => whole(line(state).activations)],
  ];
  return table(
    say("Costs of {TEXT}", { TEXT: title(row) }),
    ["", ...states.map(([, words]) => say(words))],
    rows.map(([name, cell]) => [say(name), ...states.map(([state]) => cell(state))]),
  );
}

function formulas(costs: RowCosts, words: string): Child {
  const found = costs.line.formulas;
  if (found.length === 0) return null;
  return el(
    "details",
    { open: true },
    el("summary", {}, say("The FLOPs {words}", { words })),
    el(
      "ul",
      { class: "formulas" },
      ...found.map((each) => el("li", {}, el("span", {}, `${say(each.term)} `), el("code", {}, each.formula), ` = ${whole(each.flops)}`)),
    ),
  );
}
