/** The rows of a network with everything that the reports know of each. */
import { say } from "./speech";
import type { GradientRow, GraphRow, LayerCosts, Line, Operator, ReportData } from "./data";

export type StateName = "training" | "fused";
export const STATES = [
  ["training", "in training"],
  ["fused", "after fuse()"],
] as const;

export type MeasureName = "flops" | "parameters" | "bytes" | "activations";
export const MEASURES = [
  ["flops", "FLOPs"],
  ["parameters", "parameters"],
  ["bytes", "bytes moved"],
  ["activations", "activations"],
] as const;

export interface RowCosts {
  line: Line;
  operators: Operator[];
  /** Bytes of the tensors that its modules make, in FP32; null where that is not known. */
  activations: number | null;
  modules: Map<string, Amounts>;
}

export type Amounts = Record<MeasureName, number | null>;

export interface Row {
  name: string;
  kind: string;
  graph: GraphRow | null;
  readers: string[];
  frozen: boolean;
  gradients: GradientRow | null;
  /** Milliseconds after fuse(), where they were measured. */
  milliseconds: number | null;
  costs: Partial<Record<StateName, RowCosts>>;
}

export interface Network {
  rows: Row[];
  totals: Partial<Record<StateName, Amounts>>;
  /** Height of the image, in pixels; 0 where it is not known. */
  imageHeight: number;
}

/** The rows in order; what is in no row comes last, without a name. */
export function networkOf(data: ReportData): Network {
  const { graph, layers, fused_layers, gradients, frozen_rows, bench } = data.reports;
  const rows = new Map<string, Row>();
  const row = (name: string, kind: string): Row => {
    const found = rows.get(name) ?? { name, kind, graph: null, readers: [], frozen: false, gradients: null, milliseconds: null, costs: {} };
    rows.set(name, found);
    return found;
  };
  for (const each of graph) row(each.name, each.kind).graph = each;
  for (const each of graph) for (const source of each.sources ?? []) rows.get(source)?.readers.push(each.name);
  for (const name of frozen_rows) row(name, "").frozen = true;
  for (const each of gradients?.rows ?? []) row(String(each.row ?? ""), each.module).gradients = each;
  for (const each of bench?.rows ?? []) row(each.name, each.class).milliseconds = each.median_ms;
  const totals: Network["totals"] = {};
  for (const [state, costs] of [["training", layers], ["fused", fused_layers]] as const) {
    if (!costs) continue;
    totals[state] = { ...costs.total, activations: costs.memory.activations_bytes };
    const paths = graph.map((each) => [each.name, each.path] as const);
    for (const line of costs.lines) row(line.name, line.class).costs[state] = rowCosts(line, costs, paths);
  }
  return { rows: [...rows.values()], totals, imageHeight: layers?.imgsz[0] ?? 0 };
}

function rowCosts(line: Line, costs: LayerCosts, paths: (readonly [string, string])[]): RowCosts {
  const own = paths.find(([name]) => name === line.name)?.[1];
  const belongs = (path: string): boolean =>
    own === undefined ? !paths.some(([, each]) => isIn(path, each)) : isIn(path, own);
  const operators = costs.operators.filter((each) => belongs(each.path));
  const made = costs.memory.activations_bytes_by_module;
  const modules = new Map<string, Amounts>();
  const at = (path: string): Amounts => {
    const found = modules.get(path) ?? { flops: null, parameters: 0, bytes: 0, activations: made ? 0 : null };
    modules.set(path, found);
    return found;
  };
  for (const each of operators) {
    const sums = at(each.path);
    sums.flops = each.flops === null ? sums.flops : (sums.flops ?? 0) + each.flops;
    sums.parameters = (sums.parameters ?? 0) + each.parameters;
    sums.bytes = (sums.bytes ?? 0) + each.bytes;
  }
  let activations: number | null = made ? 0 : null;
  for (const [path, bytes] of Object.entries(made ?? {})) {
    if (!belongs(path)) continue;
    at(path).activations = bytes;
    activations = (activations ?? 0) + bytes;
  }
  return { line, operators, activations, modules };
}

function isIn(path: string, module: string): boolean {
  return path === module || path.startsWith(`${module}.`);
}

/** A row's figure by one measure; null where it is not known. */
export function amount(row: Row, state: StateName, measure: MeasureName): number | null {
  const costs = row.costs[state];
  return !costs ? null : measure === "activations" ? costs.activations : costs.line[measure];
}

export function title(row: Row): string {
  return row.name === "" ? say("in no row") : `${row.name} ${row.kind}`;
}

/** The row that is shown in detail, and who wants to know when it changes. */
export class Selection {
  private listeners: ((row: Row, asked: boolean) => void)[] = [];

  constructor(
    private readonly network: Network,
    private current: Row | undefined = network.rows[0],
  ) {}

  get row(): Row | undefined {
    return this.current;
  }

  listen(listener: (row: Row, asked: boolean) => void): void {
    this.listeners.push(listener);
  }

  /** `asked`: whether somebody asked from another place of the page, and wants to be taken there. */
  choose(name: string, asked = false): void {
    const row = this.network.rows.find((each) => each.name === name);
    if (!row) return;
    this.current = row;
    for (const listener of this.listeners) listener(row, asked);
  }
}
