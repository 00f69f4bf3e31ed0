/** Keeps the files of the site, so that it opens again without a network. It never sees a file that is dropped. */
interface Extendable extends Event {
  waitUntil(work: Promise<unknown>): void;
}

interface Asked extends Extendable {
  request: Request;
  respondWith(response: Promise<Response>): void;
}

const worker = self as unknown as { skipWaiting(): Promise<void>; clients: { claim(): Promise<void> } };
const KEPT = "yolo-probe";

addEventListener("install", (event) => (event as Extendable).waitUntil(keepAll()));
addEventListener("activate", (event) => (event as Extendable).waitUntil(worker.clients.claim()));
addEventListener("fetch", (event) => {
  const asked = event as Asked;
  if (asked.request.method === "GET") asked.respondWith(newestOrKept(asked));
});

async function keepAll(): Promise<void> {
  const names = (await (await fetch("files.json")).json()) as string[];
  await (await caches.open(KEPT)).addAll(["./", ...names]);
  await worker.skipWaiting();
}

/** The server's file where there is a server, so that the site is never older than that has it. */
async function newestOrKept(asked: Asked): Promise<Response> {
  try {
    const found = await fetch(asked.request);
    if (found.ok) asked.waitUntil(keep(asked.request, found.clone()));
    return found;
  } catch (error) {
    const kept = await caches.match(asked.request, { ignoreSearch: true });
    if (kept) return kept;
    throw error;
  }
}

async function keep(request: Request, found: Response): Promise<void> {
  await (await caches.open(KEPT)).put(request, found);
}

export {};
