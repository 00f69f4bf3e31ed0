/** The words of a report as elements: every part that the command prints, with the same text. */
import type { Part, Section } from "./data";
import { el, scrolling, table, type Child } from "./dom";
import { signed, whole } from "./figures";
import { say } from "./speech";

type Figured = Extract<Part, { part: "Heads" | "Figures" | "TableRow" | "Cause" | "Remainder" }>;

/** The words of a section that another section does not have: no facts about the file and the host. */
export function withoutFacts(sections: Section[]): Section[] {
  return sections.map((parts) => parts.filter((part) => part.part !== "Footer"));
}

/** All parts but the heading, and what is only about the command. */
export function words(sections: Section[], caption: string): Child[] {
  const made: Child[] = [];
  let rows: Figured[] = [];
  const finish = (): void => {
    if (rows.length) made.push(scrolling(caption, figures(rows, caption)));
    rows = [];
  };
  for (const part of sections.flat()) {
    switch (part.part) {
      case "Heads":
      case "Figures":
      case "TableRow":
      case "Cause":
      case "Remainder":
        rows.push(part);
        break;
      default:
        finish();
        made.push(...block(part, caption));
    }
  }
  finish();
  return footers(made);
}

function block(part: Exclude<Part, Figured>, caption: string): Child[] {
  switch (part.part) {
    case "Heading":
      return [];
    case "Words":
      return [el("p", {}, joined(part.text))];
    case "Note":
      return [el("p", { class: "note" }, joined(part.text))];
    case "HostLine":
      return [el("pre", {}, part.text), part.gap !== "" && el("p", { class: "note" }, part.gap)];
    case "Working":
      return [el("p", {}, el("b", {}, part.label), ` ${part.sums.map(([sum, name]) => `${sum} ${name}`.trim()).join(", ")}`)];
    case "Table":
      return [scrolling(caption, table(caption, part.heads, part.rows, (i) => i > 0 && !part.rows.some((cells) => /^[a-z]/i.test(cells[i] ?? ""))))];
    case "Chart":
      return [scrolling(caption, table(caption, part.heads, [...part.lines, ...part.sums], (i) => i >= part.names))];
    case "Footer":
      return part.label === "More" ? [] : [el("div", { class: "fact" }, el("dt", {}, part.label), el("dd", {}, joined(part.text)))];
  }
}

/** The facts at the foot of a report, which follow each other, as one list. */
function footers(parts: Child[]): Child[] {
  const isFact = (part: Child): part is HTMLElement => part instanceof HTMLElement && part.className === "fact";
  const facts = parts.filter(isFact);
  const others = parts.filter((part) => !isFact(part));
  return facts.length ? [...others, el("dl", { class: "facts" }, ...facts)] : others;
}

function figures(parts: Figured[], caption: string): HTMLTableElement {
  const width = Math.max(...parts.map((part) => cells(part)[1].length));
  const body = parts.map((part) => {
    const [label, columns] = cells(part);
    const empty = Array<string>(width - columns.length).fill("");
    const isSum = part.part === "Figures" || (part.part === "TableRow" && part.strong) || part.part === "Heads";
    return el(
      "tr",
      { class: isSum ? "sum" : part.part === "Remainder" ? (part.amount ? "remainder wrong" : "remainder") : "cause" },
      label === "" ? el("td", {}) : el("th", { scope: "row" }, label),
      ...[...empty, ...columns].map((cell) => el("td", { class: "figure" }, cell)),
    );
  });
  return el("table", { class: "statement" }, el("caption", {}, caption), el("tbody", {}, ...body));
}

function cells(part: Figured): [string, string[]] {
  switch (part.part) {
    case "Heads":
      return ["", part.columns];
    case "Figures":
    case "TableRow":
      return [part.label.trim(), part.columns];
    case "Cause":
      return [part.text, [part.amount]];
    case "Remainder":
      return [say("unexplained"), [part.amount ? signed(part.amount) : whole(0)]];
  }
}

/** Sentences on one line, as a line feed in them is for a terminal; no line breaks inside an option's hyphens. */
export function joined(text: string): DocumentFragment {
  const made = document.createDocumentFragment();
  const pieces = text.replace(/\s*\n\s*/g, " ").split(/(--[\w-]+)/);
  made.append(...pieces.map((piece, i) => (i % 2 ? el("span", { class: "option" }, piece) : piece)));
  return made;
}
