/** What the page and its worker say to each other, and what Python answers. */
import type { ReportData, Section } from "../data";

/** Everything that Python needs, by file name. */
export interface Runtime {
  /** Address of the folder of Pyodide's programs. */
  base: string;
  files: Record<string, ArrayBuffer>;
}

export interface Question {
  kind: "ask";
  id: number;
  /** A summary line, lines of a log, or the name of a network; empty where there is a file. */
  text: string;
  file: File | null;
  imgsz: number;
  /** Language of the words about lines: `en` or `zh`. */
  language: string;
}

export type ToWorker = { kind: "start"; runtime: Runtime } | Question;

export type FromWorker =
  | { kind: "listening" }
  | { kind: "ready" }
  | { kind: "answer"; id: number; text: string }
  | { kind: "failed"; id: number | null; words: string };

/** What `yolo_probe/cli/in_browser.py` answers: one of the first three, and a warning beside a report. */
export interface Answer {
  report: ReportData | null;
  lines: Section[] | null;
  refusal: Refusal | null;
  warning: Refusal | null;
}

export interface Refusal {
  problem: string;
  remedy: string;
  /** Whether the file would run something when it is loaded. */
  unsafe: boolean;
}
