const h = "import sys, sysconfig; sys.path.remove(''); sysconfig.get_path('purelib')";
let a, o;
addEventListener("message", ({ data: e }) => void u(e));
c({ kind: "listening" });
function c(e) {
  postMessage(e);
}
async function u(e) {
  try {
    e.kind === "start" ? (a = w(e.runtime), await a, c({ kind: "ready" })) : a && c({ kind: "answer", id: e.id, text: k(await a, e) });
  } catch (t) {
    c({ kind: "failed", id: e.kind === "ask" ? e.id : null, words: String(t) });
  }
}
async function w(e) {
  globalThis.fetch = (n) => b(e, String(n instanceof Request ? n.url : n));
  const { loadPyodide: t } = await import(
    /* @vite-ignore */
    `${e.base}pyodide.mjs`
  );
  return o = await t({ indexURL: e.base, checkAPIVersion: !0 }), o.unpackArchive(e.files["python.zip"], "zip", { extractDir: o.runPython(h) }), o.pyimport("yolo_probe.cli.in_browser").answer;
}
async function b(e, t) {
  const n = t.slice(t.lastIndexOf("/") + 1), s = e.files[n];
  if (!s) throw new TypeError(`${t}: nothing can be fetched here, expected one of ${Object.keys(e.files).join(", ")}`);
  return new Response(s, { headers: { "content-type": n.endsWith(".wasm") ? "application/wasm" : "application/octet-stream" } });
}
function k(e, t) {
  const { text: n, files: s, imgsz: d, language: l, host: f, classes: p } = t;
  if (s.length === 0) return e(n, d, !1, l, f, p);
  const r = `/dropped/${t.id}`, { FS: i } = o;
  i.mkdirTree(r), i.mount(i.filesystems.WORKERFS, { blobs: s }, r);
  const y = i.cwd();
  try {
    return i.chdir(r), e(n, d, !0, l, f, p);
  } finally {
    i.chdir(y), i.unmount(r);
  }
}
