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
  /** A summary line, lines of a log, the name of a network; or the name of the file, or of the folder. */
  text: string;
  /** The files to read, by their paths; none where a text is asked about. */
  files: Held[];
  imgsz: number;
  /** As `--host` and `--nc`; empty and 0 for none. */
  host: string;
  classes: number;
  /** Language of the sentences: `en` or `zh`. */
  language: string;
}

/** A file that was dropped or chosen. */
export interface Held {
  /** Its path, from the folder that was dropped on. */
  name: string;
  data: File;
}

export type ToWorker = { kind: "start"; runtime: Runtime } | Question;

export type FromWorker =
  | { kind: "listening" }
  | { kind: "ready" }
  | { kind: "answer"; id: number; text: string }
  | { kind: "failed"; id: number | null; words: string };

/** What `yolo_probe/cli/in_browser.py` answers: one of the first three, and perhaps a warning beside a report. */
export interface Answer {
  report: ReportData | null;
  lines: Section[] | null;
  refusal: Refusal | null;
  warning: Refusal | null;
  /** Which file of a folder it is about. */
  said: string | null;
}

export interface Refusal {
  problem: string;
  remedy: string;
  /** Whether the file would run something when it is loaded. */
  unsafe: boolean;
}
