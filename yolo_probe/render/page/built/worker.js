const c = "import sys, sysconfig; sys.path.remove(''); sysconfig.get_path('purelib')";
let a, r;
addEventListener("message", ({ data: e }) => void d(e));
o({ kind: "listening" });
function o(e) {
  postMessage(e);
}
async function d(e) {
  try {
    e.kind === "start" ? (a = l(e.runtime), await a, o({ kind: "ready" })) : a && o({ kind: "answer", id: e.id, text: p(await a, e) });
  } catch (n) {
    o({ kind: "failed", id: e.kind === "ask" ? e.id : null, words: String(n) });
  }
}
async function l(e) {
  globalThis.fetch = (t) => f(e, String(t instanceof Request ? t.url : t));
  const { loadPyodide: n } = await import(
    /* @vite-ignore */
    `${e.base}pyodide.mjs`
  );
  return r = await n({ indexURL: e.base, checkAPIVersion: !0 }), r.unpackArchive(e.files["python.zip"], "zip", { extractDir: r.runPython(c) }), r.pyimport("yolo_probe.cli.in_browser").answer;
}
async function f(e, n) {
  const t = n.slice(n.lastIndexOf("/") + 1), i = e.files[t];
  if (!i) throw new TypeError(`${n}: nothing can be fetched here, expected one of ${Object.keys(e.files).join(", ")}`);
  return new Response(i, { headers: { "content-type": t.endsWith(".wasm") ? "application/wasm" : "application/octet-stream" } });
}
function p(e, n) {
  if (!n.file) return e(n.text, n.imgsz, !1, n.language);
  const t = `/dropped/${n.id}`, { FS: i } = r;
  i.mkdirTree(t), i.mount(i.filesystems.WORKERFS, { files: [n.file] }, t);
  const s = i.cwd();
  try {
    return i.chdir(t), e(n.file.name, n.imgsz, !0, n.language);
  } finally {
    i.chdir(s), i.unmount(t);
  }
}
