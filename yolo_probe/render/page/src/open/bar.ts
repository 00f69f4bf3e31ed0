/** Where a file is dropped or chosen, a line is pasted, a network is named. */
import { choice, el } from "../dom";
import type { Question } from "./messages";
import type { Language, Words } from "./words";

export type Asked = Omit<Question, "kind" | "id" | "language">;

interface Heard {
  ask(asked: Asked): void;
  refuse(problem: string, remedy: string): void;
  choose(language: Language): void;
}

export type State = "loading" | "starting" | "ready" | "reading" | "answered" | "failed";

const MAX_SIDE = 65536;
const LANGUAGES = [
  ["en", "English"],
  ["zh", "\u4e2d\u6587"],
] as const;

export class Bar {
  readonly element = el("section", { class: "report open", "aria-labelledby": "ask-title" });
  private readonly status = el("p", { class: "status", role: "status" });
  private readonly file = el("input", { type: "file", id: "ask-file", change: () => this.chosen() });
  private readonly line = el("textarea", { id: "ask-line", rows: 1, spellcheck: "false", keydown: (event) => this.typed(event) });
  private readonly imgsz = el("input", { type: "text", id: "ask-imgsz", inputmode: "numeric", value: "640" });
  private words!: Words;
  private told: (words: Words) => string = () => "";

  constructor(private readonly heard: Heard) {
    addEventListener("dragover", (event) => this.over(event));
    addEventListener("dragleave", (event) => event.relatedTarget ?? this.element.classList.remove("over"));
    addEventListener("drop", (event) => this.dropped(event));
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
        el("div", { class: "drop" }, el("p", {}, words.drop), el("label", { for: "ask-file", class: "button" }, words.choose), this.file),
        el(
          "form",
          { submit: (event) => this.submitted(event) },
          el("div", {}, el("label", { for: "ask-line" }, words.line), this.line),
          el("div", { class: "size" }, el("label", { for: "ask-imgsz" }, words.imgsz), this.imgsz),
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

  private dropped(event: DragEvent): void {
    event.preventDefault();
    this.element.classList.remove("over");
    const files = [...(event.dataTransfer?.files ?? [])];
    const [file] = files;
    if (files.length > 1) return this.heard.refuse(this.words.oneFile(files.length), this.words.oneFileRemedy);
    if (file) this.ask("", file);
    else this.ask(event.dataTransfer?.getData("text/plain") ?? "", null);
  }

  private chosen(): void {
    const file = this.file.files?.[0];
    if (file) this.ask("", file);
    this.file.value = ""; // the same file may be chosen once more
  }

  /** Enter asks; with Shift it begins a line. */
  private typed(event: Event): void {
    const { key, shiftKey, isComposing } = event as KeyboardEvent;
    if (key === "Enter" && !shiftKey && !isComposing) this.submitted(event);
  }

  private submitted(event: Event): void {
    event.preventDefault();
    this.ask(this.line.value, null);
  }

  private ask(text: string, file: File | null): void {
    const { words } = this;
    const typed = this.imgsz.value.trim();
    const imgsz = Number(typed);
    if (!file && text.trim() === "") this.heard.refuse(words.nothing, words.nothingRemedy);
    else if (!/^\d+$/.test(typed) || imgsz < 1 || imgsz > MAX_SIDE) this.heard.refuse(words.size(typed), words.sizeRemedy);
    else this.heard.ask({ text: text.trim(), file, imgsz });
  }
}
