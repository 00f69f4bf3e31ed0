/** What stands below the question where it is no report: the start, the words about a line, a refusal. */
import type { Section } from "../data";
import { el, type Child } from "../dom";
import { words as wordsOf } from "../parts";
import type { Refusal } from "./messages";
import type { Words } from "./words";

const NETWORK = "yolov5s@v7.0";
const LINE = "Model summary: 157 layers, 7015519 parameters, 0 gradients, 15.8 GFLOPs";

export function start(words: Words, ask: (text: string) => void): HTMLElement {
  const tried = ([text, name]: readonly [string, string]): Child =>
    el("li", {}, el("button", { type: "button", class: "link", click: () => ask(text) }, text), name);
  return el(
    "main",
    {},
    el("h1", {}, words.heading),
    el("p", { class: "answer" }, words.about),
    el("h2", {}, words.try),
    el("ul", {}, ...([[NETWORK, words.network("yolov5s")], [LINE, words.printed]] as const).map(tried)),
    el("p", { class: "note" }, el("a", { href: "licences.txt" }, words.licences)),
  );
}

/** The words about lines: one section for each line. */
export function linesPage(sections: Section[], words: Words): HTMLElement {
  const made: Child[] = [el("h1", {}, words.lines)];
  for (const section of sections) {
    const heading = section.find((part) => part.part === "Heading");
    if (heading && "text" in heading) made.push(el("h2", { class: "host-line" }, heading.text));
    made.push(...wordsOf([section], words.lines));
  }
  return el("main", {}, ...made);
}

export function refusalPage(refusal: Refusal, words: Words): HTMLElement {
  return el("main", {}, el("h1", {}, refusal.unsafe ? words.unsafe : words.refused), ...told(refusal, words));
}

/** What a file would do when it is loaded, above the report on it. */
export function warning(refusal: Refusal, words: Words): HTMLElement {
  return el("section", { "aria-labelledby": "warning" }, el("h2", { id: "warning" }, words.unsafe), ...told(refusal, words));
}

function told(refusal: Refusal, words: Words): Child[] {
  return [
    el("p", { role: "alert", class: "wrong" }, refusal.problem),
    refusal.remedy !== "" && el("p", {}, el("b", {}, words.todo), el("span", {}, refusal.remedy)),
  ];
}
