/** Where a file is dropped or chosen, a line is pasted, a network is named. */
import { choice, el } from "../dom";
import { filesIn, filesOf, nameOf } from "./folders";
import type { Held, Question } from "./messages";
import type { Language, Words } from "./words";

export type Asked = Omit<Question, "kind" | "id" | "language">;

/** What is wrong with a question, and what to do, in a language. */
export type Told = (words: Words) => [problem: string, remedy: string];

interface Heard {
  ask(asked: Asked): void;
  refuse(told: Told): void;
  choose(language: Language): void;
}

export type State = "loading" | "starting" | "ready" | "reading" | "answered" | "failed";

const MAX_SIDE = 65536;
const MAX_CLASSES = 100_000;
const LANGUAGES = [
  ["en", "English"],
  ["zh", "\u4e2d\u6587"],
] as const;

export class Bar {
  readonly element = el("section", { class: "report open", "aria-labelledby": "ask-title" });
  private readonly status = el("p", { class: "status", role: "status" });
  private readonly file = el("input", { type: "file", id: "ask-file", change: () => this.chosen(this.file) });
  private readonly folder = el("input", { type: "file", id: "ask-folder", webkitdirectory: true, change: () => this.chosen(this.folder) });
  private readonly line = el("textarea", { id: "ask-line", rows: 1, spellcheck: "false", keydown: (event) => this.typed(event) });
  private readonly imgsz = el("input", { type: "text", id: "ask-imgsz", inputmode: "numeric", value: "640" });
  private readonly classes = el("input", { type: "text", id: "ask-nc", inputmode: "numeric" });
  private readonly host = el("select", { id: "ask-host" });
  private words!: Words;
  private told: (words: Words) => string = () => "";

  /** `hosts`: the generations that `--host` takes. */
  constructor(
    private readonly hosts: string[],
    private readonly heard: Heard,
  ) {
    addEventListener("dragover", (event) => this.over(event));
    addEventListener("dragleave", (event) => event.relatedTarget ?? this.element.classList.remove("over"));
    addEventListener("drop", (event) => void this.dropped(event));
  }

  /** Says how things are, also after another language is chosen. */
  tell(state: State, told: (words: Words) => string): void {
    this.element.dataset["state"] = state;
    this.told = told;
    this.status.textContent = told(this.words);
  }

  speak(words: Words, language: Language): void {
    this.words = words;
    this.line.placeholder = words.example;
    this.classes.placeholder = words.asItIs;
    const { value } = this.host;
    this.host.replaceChildren(...["", ...this.hosts].map((name) => el("option", { value: name, selected: name === value }, name || words.asItIs)));
    this.element.replaceChildren(
      el(
        "div",
        { class: "top" },
        el("p", { class: "name", id: "ask-title" }, words.title),
        choice("language", words.language, LANGUAGES, language, (chosen) => this.chooseLanguage(chosen)),
      ),
      el(
        "div",
        { class: "ask" },
        el(
          "div",
          { class: "drop" },
          el("p", {}, words.drop),
          el("span", {}, el("label", { for: "ask-file", class: "button" }, words.choose), this.file),
          el("span", {}, el("label", { for: "ask-folder", class: "button plain" }, words.chooseFolder), this.folder),
        ),
        el(
          "form",
          { submit: (event) => this.submitted(event) },
          el("div", {}, el("label", { for: "ask-line" }, words.line), this.line),
          el("div", { class: "size" }, el("label", { for: "ask-imgsz" }, words.imgsz), this.imgsz),
          el("div", { class: "size" }, el("label", { for: "ask-nc" }, words.classes), this.classes),
          el("div", { class: "size" }, el("label", { for: "ask-host" }, words.host), this.host),
          el("button", { class: "button" }, words.ask),
        ),
      ),
      el("p", { class: "note" }, words.privacy),
      this.status,
    );
    this.status.textContent = this.told(words);
  }

  private chooseLanguage(language: Language): void {
    this.heard.choose(language);
    this.element.querySelector<HTMLElement>("[name=language]:checked")?.focus();
  }

  private over(event: DragEvent): void {
    event.preventDefault();
    this.element.classList.add("over");
  }

  private async dropped(event: DragEvent): Promise<void> {
    event.preventDefault();
    this.element.classList.remove("over");
    const { dataTransfer } = event;
    if (!dataTransfer) return;
    const text = dataTransfer.getData("text/plain");
    const { length } = dataTransfer.files;
    if (length > 1) this.heard.refuse((words) => [words.oneFile(length), words.oneFileRemedy]);
    else if (length === 1) this.ask(nameOf(dataTransfer), await filesIn(dataTransfer));
    else this.ask(text, []);
  }

  private chosen(input: HTMLInputElement): void {
    const files = filesOf([...(input.files ?? [])]);
    const [first] = files;
    if (first) this.ask(first.name.split("/")[0] ?? "", files);
    input.value = ""; // the same file may be chosen once more
  }

  /** Enter asks; with Shift it begins a line. */
  private typed(event: Event): void {
    const { key, shiftKey, isComposing } = event as KeyboardEvent;
    if (key === "Enter" && !shiftKey && !isComposing) this.submitted(event);
  }

  private submitted(event: Event): void {
    event.preventDefault();
    this.ask(this.line.value, []);
  }

  private ask(text: string, files: Held[]): void {
    const { refuse } = this.heard;
    const [size, classes] = [this.imgsz.value.trim(), this.classes.value.trim()];
    if (files.length === 0 && text.trim() === "") refuse((words) => [words.nothing, words.nothingRemedy]);
    else if (!isWhole(size, MAX_SIDE)) refuse((words) => [words.size(size, MAX_SIDE), words.sizeRemedy]);
    else if (classes !== "" && !isWhole(classes, MAX_CLASSES)) refuse((words) => [words.notClasses(classes, MAX_CLASSES), words.classesRemedy]);
    else this.heard.ask({ text: files.length ? text : text.trim(), files, imgsz: Number(size), host: this.host.value, classes: Number(classes) });
  }
}

/** Whether a text is a whole number from 1 to the largest. */
function isWhole(text: string, largest: number): boolean {
  return /^\d+$/.test(text) && Number(text) >= 1 && Number(text) <= largest;
}
