/** The table of rows: sorted by any column, searched by any text. */
import { el, scrolling } from "../dom";
import { percent, shape, whole } from "../figures";
import { say } from "../speech";
import { amount, type Network, type Row, type Selection } from "../network";

interface Column {
  head: string;
  isFigure: boolean;
  value: (row: Row, place: number) => number | string;
  cell: (row: Row) => string;
}

export function rowTable(network: Network, selection: Selection): HTMLElement {
  const columns = columnsOf(network);
  const places = new Map(network.rows.map((row, place) => [row, place]));
  const body = el("tbody");
  const found = el("p", { class: "note", role: "status" });
  let sorted = 0;
  let falling = false;
  const search = el("input", { type: "search", id: "row-search", input: () => fill(), autocomplete: "off" });
  const lines = new Map(network.rows.map((row) => [row, line(row, columns, selection)]));
  const fill = (): void => {
    const wanted = search.value.trim().toLowerCase();
    const column = columns[sorted] as Column;
    const value = (row: Row): number | string => column.value(row, places.get(row) ?? 0);
    const shown = network.rows
      .filter((row) => columns.some((each) => each.cell(row).toLowerCase().includes(wanted)))
      .sort((a, b) => compare(value(a), value(b)) * (falling ? -1 : 1) || (places.get(a) ?? 0) - (places.get(b) ?? 0));
    body.replaceChildren(...shown.map((row) => lines.get(row) as HTMLElement));
    found.replaceChildren(wanted === "" ? say("{n} rows", { n: network.rows.length }) : say("{n} of {n2} rows", { n: shown.length, n2: network.rows.length }));
  };
  const heads = columns.map((column, i) => {
    const sort = (): void => {
      falling = sorted === i ? !falling : column.isFigure && i > 0;
      sorted = i;
      heads.forEach((head, j) => head.setAttribute("aria-sort", j !== sorted ? "none" : falling ? "descending" : "ascending"));
      fill();
    };
    return el(
      "th",
      { scope: "col", "aria-sort": i === 0 ? "ascending" : "none", ...(column.isFigure && i ? { class: "figure" } : {}) },
      el("button", { type: "button", click: sort }, say(column.head)),
    );
  });
  fill();
  return el(
    "section",
    { id: "rows", "aria-labelledby": "rows-title" },
    el("h2", { id: "rows-title" }, say("Every row")),
    el("p", { class: "search" }, el("label", { for: "row-search" }, `${say("Search")} `), search),
    found,
    scrolling(
      say("Table of the rows"),
      el(
        "table",
        { class: "rows" },
        el("caption", {}, say("Rows of the network; a button in a head sorts by that column")),
        el("thead", {}, el("tr", {}, ...heads)),
        body,
        el("tfoot", {}, totals(network)),
      ),
    ),
  );
}

function compare(a: number | string, b: number | string): number {
  return typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b));
}

function columnsOf(network: Network): Column[] {
  const figure = (head: string, value: (row: Row) => number | null): Column => ({
    head,
    isFigure: true,
    value: (row) => value(row) ?? -1,
    cell: (row) => (value(row) === null ? "" : whole(value(row))),
  });
  const text = (head: string, cell: (row: Row) => string): Column => ({ head, isFigure: false, value: cell, cell });
  const total = network.totals.training?.flops ?? 0;
  const found: Column[] = [
    { head: "row", isFigure: true, value: (_, place) => place, cell: (row) => row.name || say("other") },
    text("class", (row) => row.kind),
    text("reads", (row) => row.graph?.sources?.join(", ") ?? ""),
    text("output", (row) => (row.costs.training?.line.outputs ?? []).map(shape).join(", ")),
    figure("parameters", (row) => row.costs.training?.line.parameters ?? row.gradients?.parameters ?? null),
    figure("train", (row) => row.gradients?.trainable ?? null),
    figure("FLOPs", (row) => amount(row, "training", "flops")),
    { ...figure("share", (row) => amount(row, "training", "flops")), cell: (row) => percent(amount(row, "training", "flops") ?? 0, total) },
    figure("FLOPs after fuse()", (row) => amount(row, "fused", "flops")),
    figure("parameters after fuse()", (row) => amount(row, "fused", "parameters")),
    figure("bytes moved", (row) => amount(row, "training", "bytes")),
    figure("activations, bytes", (row) => amount(row, "training", "activations")),
    { ...figure("ms after fuse()", (row) => row.milliseconds), cell: (row) => (row.milliseconds === null ? "" : row.milliseconds.toFixed(2)) },
  ];
  return found.filter((column) => network.rows.some((row) => column.cell(row) !== ""));
}

function line(row: Row, columns: Column[], selection: Selection): HTMLTableRowElement {
  return el(
    "tr",
    { class: row.frozen ? "frozen" : "" },
    ...columns.map((column, i) => {
      const cell = column.cell(row);
      if (i > 0) return el("td", column.isFigure ? { class: "figure" } : {}, cell);
      const open = (): void => selection.choose(row.name, true);
      return el("th", { scope: "row" }, el("button", { type: "button", "aria-label": say("row {ROW}: details", { ROW: cell }), click: open }, cell));
    }),
  );
}

function totals(network: Network): HTMLElement {
  const sum = (key: "parameters" | "trainable"): number =>
    network.rows.reduce((found, row) => found + (row.gradients?.[key] ?? 0), 0);
  const found: Record<string, string> = {
    parameters: whole(network.totals.training?.parameters ?? sum("parameters")),
    train: whole(sum("trainable")),
    FLOPs: whole(network.totals.training?.flops ?? null),
    "FLOPs after fuse()": whole(network.totals.fused?.flops ?? null),
    "parameters after fuse()": whole(network.totals.fused?.parameters ?? null),
    "bytes moved": whole(network.totals.training?.bytes ?? null),
    "activations, bytes": whole(network.totals.training?.activations ?? null),
  };
  return el(
    "tr",
    { class: "sum" },
    ...columnsOf(network).map((column, i) => (i === 0 ? el("th", { scope: "row" }, say("total")) : el("td", { class: "figure" }, found[column.head] ?? ""))),
  );
}
