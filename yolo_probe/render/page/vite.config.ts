// One entry of src for each mode: `vite build --mode report` writes built/report.js and built/report.css.
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { defineConfig, type Plugin } from "vite";

const LICENCES = ["LICENSE", "LICENSE.txt", "LICENSE.md", "NOTICE"];

/** Writes the licences of all packages that are part of a bundle beside it. */
function licences(mode: string): Plugin {
  return {
    name: "licences",
    generateBundle(_options, bundle) {
      const packages = new Set<string>();
      for (const chunk of Object.values(bundle)) {
        for (const id of chunk.type === "chunk" ? chunk.moduleIds : []) {
          const inside = /^(.*\/node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(id);
          if (inside?.[1]) packages.add(inside[1]);
        }
      }
      if (packages.size) this.emitFile({ type: "asset", fileName: `${mode}.licences.txt`, source: [...packages].sort().map(texts).join("\n") });
    },
  };
}

function texts(folder: string): string {
  const about = JSON.parse(readFileSync(`${folder}/package.json`, "utf8")) as Record<string, string>;
  const found = LICENCES.filter((name) => existsSync(`${folder}/${name}`));
  if (found.length === 0) throw new Error(`${folder}: found no licence, expected one of ${LICENCES.join(", ")}`);
  const bodies = found.map((name) => readFileSync(`${folder}/${name}`, "utf8").trim());
  return [`==== ${about["name"]} ${about["version"]} (${about["license"]})`, ...bodies, ""].join("\n\n");
}

export default defineConfig(({ mode }) => ({
  root: fileURLToPath(new URL(".", import.meta.url)),
  define: { "process.env.NODE_ENV": '"production"', __DEV__: "false" },
  plugins: [licences(mode)],
  build: {
    outDir: process.env["BUILT"] ?? "built",
    emptyOutDir: false,
    target: "es2022",
    cssTarget: "es2022",
    reportCompressedSize: false,
    lib: {
      entry: `src/entries/${mode}.ts`,
      name: "yoloProbe",
      formats: [mode === "worker" ? "es" : "iife"], // the worker imports Pyodide, which is a module
      fileName: () => `${mode}.js`,
      cssFileName: mode,
    },
  },
}));
