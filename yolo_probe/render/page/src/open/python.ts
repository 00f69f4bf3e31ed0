/** Python in a worker: started once, then asked as often as wanted. */
import type { Answer, FromWorker, Question, Runtime, ToWorker } from "./messages";

const PROGRAMS = ["pyodide.asm.wasm", "python_stdlib.zip", "pyodide-lock.json"];
export type Step = "starting" | "ready";
export type Asked = Omit<Question, "kind" | "id">;

export class Python {
  private runtime: Runtime | undefined;
  private running: Promise<Running>;

  /** `tell` hears how far the start is. */
  constructor(tell: (step: Step) => void) {
    this.running = this.started(tell);
    this.running.catch(() => undefined);
  }

  /** Resolves when it can answer; rejects with the reason where it does not start. */
  get ready(): Promise<unknown> {
    return this.running;
  }

  /** The answer. A file may be made to break Python itself, perhaps later; so it is asked once more in a new one. */
  async answer(asked: Asked): Promise<Answer> {
    const { running } = this;
    try {
      return await (await running).answer(asked);
    } catch (error) {
      if (this.running === running) this.restart(await running);
      return await (await this.running).answer(asked);
    }
  }

  private async started(tell: (step: Step) => void): Promise<Running> {
    this.runtime = await fetched();
    forbidConnections();
    tell("starting");
    const running = await Running.start(this.runtime);
    tell("ready");
    return running;
  }

  private restart(broken: Running): void {
    broken.end();
    this.running = Running.start(this.runtime as Runtime);
    this.running.catch(() => undefined);
  }
}

/** One worker. */
class Running {
  private readonly worker = worker();
  private readonly asked = new Map<number, { resolve(answer: Answer): void; reject(error: Error): void }>();

  static start(runtime: Runtime): Promise<Running> {
    return new Promise((resolve, reject) => {
      const running = new Running();
      const heard = (message: FromWorker): void => {
        if (message.kind === "listening") running.send({ kind: "start", runtime });
        else if (message.kind === "ready") resolve(running);
        else if (message.kind === "failed" && message.id === null) reject(new Error(message.words));
        else running.heard(message);
      };
      running.worker.addEventListener("message", ({ data }: MessageEvent<FromWorker>) => heard(data));
      running.worker.addEventListener("error", (event) => reject(new Error(event.message || "its worker cannot be loaded")));
    });
  }

  answer(asked: Asked): Promise<Answer> {
    const id = this.asked.size + 1;
    return new Promise((resolve, reject) => {
      this.asked.set(id, { resolve, reject });
      this.send({ kind: "ask", id, ...asked });
    });
  }

  end(): void {
    this.worker.terminate();
    for (const { reject } of this.asked.values()) reject(new Error("ended")); // no effect on those that are answered
  }

  private heard(message: FromWorker): void {
    if (message.kind === "answer") this.asked.get(message.id)?.resolve(JSON.parse(message.text) as Answer);
    if (message.kind === "failed") this.asked.get(message.id ?? 0)?.reject(new Error(message.words));
  }

  private send(message: ToWorker): void {
    this.worker.postMessage(message);
  }
}

async function fetched(): Promise<Runtime> {
  const base = new URL("pyodide/", document.baseURI).href;
  const addresses = [...PROGRAMS.map((name) => base + name), new URL("python.zip", document.baseURI).href];
  const files = await Promise.all(addresses.map(bytesOf));
  return { base, files: Object.fromEntries(files) };
}

async function bytesOf(address: string): Promise<[string, ArrayBuffer]> {
  const response = await fetch(address);
  if (!response.ok) throw new Error(`${address}: found status ${response.status}, expected a file of this site`);
  return [address.slice(address.lastIndexOf("/") + 1), await response.arrayBuffer()];
}

/** From now on neither this page nor its worker may connect to anything, not even to the site that they are from. */
function forbidConnections(): void {
  const policy = document.createElement("meta");
  policy.httpEquiv = "Content-Security-Policy";
  policy.content = "connect-src 'none'";
  document.head.append(policy);
}

/** The worker. It is started from a text of this page, because only then the policies of the page hold for it. */
function worker(): Worker {
  const program = new URL("worker.js", document.baseURI).href;
  const text = new Blob([`import ${JSON.stringify(program)};`], { type: "text/javascript" });
  return new Worker(URL.createObjectURL(text), { type: "module" });
}
