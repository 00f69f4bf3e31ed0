/** The head of the page: what it is about, the host's lines, and the answer. */
import { NUMBERS, type NumberName, type Part, type ReportData } from "../data";
import { el, type Child } from "../dom";
import { joined } from "../parts";

const FIGURES = /(\d[\d,.]*(?:e[+-]\d+)?) (layers|parameters|gradients|GFLOP[sS])/g;

/** The number that a word of the line is for. */
function numberOf(word: string): NumberName {
  return NUMBERS.find((name) => name === word) ?? "flops";
}

export function head(data: ReportData): HTMLElement {
  const parts = (data.words.answer ?? []).flat();
  const heading = parts.find((part) => part.part === "Heading");
  const [name, about] = split(heading && "text" in heading ? heading.text : data.label);
  return el(
    "div",
    { class: "head" },
    el("h1", {}, name),
    about !== "" && el("p", { class: "about" }, about),
    ...opening(parts, data.reports.fuse_diff !== null),
  );
}

function split(heading: string): [string, string] {
  const at = heading.indexOf(": ");
  return at < 0 ? [heading, ""] : [heading.slice(0, at), heading.slice(at + 2)];
}

/** The words up to the first figures: the moments with their lines, then the answer. */
function opening(parts: Part[], linked: boolean): Child[] {
  const end = parts.findIndex((part) => ["Heads", "Figures", "Table", "Footer"].includes(part.part));
  const shown = end < 0 ? parts : parts.slice(0, end);
  const last = shown.map((part) => part.part).lastIndexOf("HostLine");
  return shown.map((part, i) => {
    if (part.part === "HostLine") {
      return el(
        "div",
        { class: "line" },
        el("p", { class: "host-line" }, ...line(part.text, linked)),
        part.gap !== "" && el("p", { class: "note" }, joined(part.gap)),
      );
    }
    if (part.part !== "Words") return null;
    return el("p", { class: i > last ? "answer" : "moment" }, joined(part.text));
  });
}

/** A host's line with its four numbers in their colours, each a link to its block. */
function line(text: string, linked: boolean): Child[] {
  const made: Child[] = [];
  let end = 0;
  for (const found of text.matchAll(FIGURES)) {
    const number = numberOf(found[2] ?? "");
    made.push(text.slice(end, found.index));
    made.push(
      linked ? el("a", { class: number, href: `#${number}` }, found[0]) : el("span", { class: number }, found[0]),
    );
    end = found.index + found[0].length;
  }
  return [...made, text.slice(end)];
}
