/**
 * yolo-probe itself, in Python, beside the page: so the page never freezes.
 *
 * The page hands over everything that Python needs before it starts; from then on nothing can be fetched. A file that is
 * asked about is never copied: Python reads the parts of it that it wants.
 */
import type { PyodideAPI } from "pyodide";

import type { FromWorker, Runtime, ToWorker } from "../open/messages";

/** `answer(target, imgsz, is_file, language, host, classes)` of `yolo_probe/cli/in_browser.py`. */
type Answer = (target: string, imgsz: number, isFile: boolean, language: string, host: string, classes: number) => string;

/** Where packages are; a file that is dropped is in the current folder, from which nothing is imported. */
const PREPARED = "import sys, sysconfig; sys.path.remove(''); sysconfig.get_path('purelib')";

let answer: Promise<Answer> | undefined;
let python: PyodideAPI;

addEventListener("message", ({ data }: MessageEvent<ToWorker>) => void handle(data));
send({ kind: "listening" });

function send(message: FromWorker): void {
  postMessage(message);
}

async function handle(message: ToWorker): Promise<void> {
  try {
    if (message.kind === "start") {
      answer = started(message.runtime);
      await answer;
      send({ kind: "ready" });
    } else if (answer) {
      send({ kind: "answer", id: message.id, text: asked(await answer, message) });
    }
  } catch (error) {
    send({ kind: "failed", id: message.kind === "ask" ? message.id : null, words: String(error) });
  }
}

async function started(runtime: Runtime): Promise<Answer> {
  globalThis.fetch = (asked) => handedOver(runtime, String(asked instanceof Request ? asked.url : asked));
  const { loadPyodide } = (await import(/* @vite-ignore */ `${runtime.base}pyodide.mjs`)) as typeof import("pyodide");
  python = await loadPyodide({ indexURL: runtime.base, checkAPIVersion: true });
  python.unpackArchive(runtime.files["python.zip"] as ArrayBuffer, "zip", { extractDir: python.runPython(PREPARED) as string });
  return python.pyimport("yolo_probe.cli.in_browser")["answer"] as Answer;
}

/** What a name stands for, out of what the page handed over: there is no network here. */
async function handedOver(runtime: Runtime, url: string): Promise<Response> {
  const name = url.slice(url.lastIndexOf("/") + 1);
  const bytes = runtime.files[name];
  if (!bytes) throw new TypeError(`${url}: nothing can be fetched here, expected one of ${Object.keys(runtime.files).join(", ")}`);
  return new Response(bytes, { headers: { "content-type": name.endsWith(".wasm") ? "application/wasm" : "application/octet-stream" } });
}

function asked(answer: Answer, question: Extract<ToWorker, { kind: "ask" }>): string {
  const { text, files, imgsz, language, host, classes } = question;
  if (files.length === 0) return answer(text, imgsz, false, language, host, classes);
  const folder = `/dropped/${question.id}`;
  const { FS } = python;
  FS.mkdirTree(folder);
  FS.mount(FS.filesystems.WORKERFS, { blobs: files }, folder);
  const before = FS.cwd();
  try {
    FS.chdir(folder);
    return answer(text, imgsz, true, language, host, classes);
  } finally {
    FS.chdir(before);
    FS.unmount(folder);
  }
}
