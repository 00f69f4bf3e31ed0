/** The data of a page, as `yolo_probe/render/report_page.py` writes it: the JSON of every report, and their words. */

export interface ReportData {
  version: string;
  label: string;
  language: "en" | "zh";
  /** Sentences of the page in its language, by the English ones. */
  phrases: Record<string, string>;
  reports: Reports;
  words: Record<"answer" | "gradients" | "counters" | "inspection" | "story" | "bench", Section[] | null>;
}

export interface Reports {
  fuse_diff: FuseDiff | null;
  info: Info | null;
  layers: LayerCosts | null;
  fused_layers: LayerCosts | null;
  gradients: Gradients | null;
  counters: Counters | null;
  inspection: Inspection | null;
  story: Story | null;
  bench: Bench | null;
  missing: Record<string, string>;
  graph: GraphRow[];
  frozen_rows: string[];
}

export const NUMBERS = ["layers", "parameters", "gradients", "flops"] as const;
export type NumberName = (typeof NUMBERS)[number];

export interface Numbers {
  layers: number;
  parameters: number;
  gradients: number;
  flops: number | null;
}

export interface Entry {
  cause: string;
  count: number;
  amount: number;
  arithmetic: string;
  why: string;
}

export interface Ledger {
  before: number;
  after: number;
  entries: Entry[];
  unexplained: number;
}

export interface FuseDiff {
  training: Numbers;
  validation: Numbers;
  ledger: Record<NumberName, Ledger | null>;
}

export interface Info {
  summary: Numbers;
}

export interface Formula {
  term: string;
  formula: string;
  flops: number;
}

export interface Costs {
  flops: number | null;
  parameters: number;
  bytes: number;
  flops_per_byte: number | null;
}

export interface Line extends Costs {
  name: string;
  class: string;
  inputs: number[][];
  outputs: number[][];
  formulas: Formula[];
}

export interface Operator extends Costs {
  operator: string;
  path: string;
  class: string;
  output: number[];
  written: number;
  formulas: Formula[];
}

export interface LayerCosts {
  imgsz: number[];
  total: Costs;
  lines: Line[];
  operators: Operator[];
  memory: { activations_bytes: number | null; activations_bytes_by_module?: Record<string, number> };
}

export interface Gradients {
  copies: Record<string, { parameters: number; gradients: number; mechanisms: Mechanism[] } | null>;
  rows: GradientRow[];
}

export interface Mechanism {
  mechanism: string;
  parameters: number;
  evidence: string;
}

export interface GradientRow {
  row: number | string | null;
  module: string;
  parameters: number;
  trainable: number;
  frozen_by: string[];
  moving_batch_norms: number;
}

export interface Modes {
  train: number | null;
  unfused: number | null;
  fused: number | null;
}

export interface Counters {
  default: string;
  counters: Record<string, { unit: string; flops: Modes; terms: Record<string, Modes> }>;
}

export interface Inspection {
  bytes: Record<string, number>;
}

export interface Story {
  events: StoryEvent[];
}

export interface StoryEvent {
  event: string;
  epoch?: number | null;
  training?: Numbers;
  validated?: Numbers;
}

export interface Timing {
  median_ms: number;
  quartiles_ms: [number, number];
}

export interface BenchCase {
  imgsz: number[];
  batch: number;
  unfused: Timing | null;
  fused: Timing;
}

export interface BenchRow extends Timing {
  name: string;
  class: string;
  share_of_time: number;
  flops: number;
  share_of_flops: number;
  flops_per_byte: number;
  bound_by: "memory" | "arithmetic";
  roofline_ms: number;
}

export interface Bench {
  peak: { flops_per_second: number; bytes_per_second: number; ridge_flops_per_byte: number };
  cases: BenchCase[];
  rows: BenchRow[];
  dearer: string[];
}

export interface GraphRow {
  name: string;
  path: string;
  kind: string;
  sources: string[] | null;
  part: "backbone" | "neck" | "head" | null;
}

/** A part of a report's words, as `yolo_probe/render/document.py` has them. */
export type Part =
  | { part: "Heading" | "Words" | "Note"; text: string }
  | { part: "HostLine"; text: string; gap: string }
  | { part: "Heads"; columns: string[] }
  | { part: "Figures"; label: string; columns: string[] }
  | { part: "TableRow"; label: string; columns: string[]; strong: boolean }
  | { part: "Table"; heads: string[]; rows: string[][] }
  | { part: "Chart"; heads: string[]; lines: string[][]; sums: string[][]; names: number }
  | { part: "Working"; label: string; sums: [string, string][] }
  | { part: "Cause"; text: string; amount: string }
  | { part: "Remainder"; amount: number }
  | { part: "Footer"; label: string; text: string };

export type Section = Part[];
