/** The page: what can be asked, and below it the last answer. */
import type { disposeCharts } from "../charts";
import type { renderReport } from "../report";
import { el } from "../dom";
import { Bar, type Asked, type Told } from "./bar";
import { linesPage, refusalPage, start, warning } from "./answers";
import "./open.css";
import type { Answer, Held } from "./messages";
import { Python } from "./python";
import { LANGUAGES, preferred, type Language, type Words } from "./words";

/** The program of the report's page, which is loaded before this one. */
declare const yoloProbe: { disposeCharts: typeof disposeCharts; renderReport: typeof renderReport };

export class Page {
  private language: Language = preferred();
  private readonly bar: Bar;
  private readonly warning = el("div", { class: "report warning" });
  private readonly shown = el("div", { id: "answer", class: "report" });
  private readonly python: Python;
  /** Shows the same once more, in the language that is chosen now. */
  private again: () => void = () => this.show(null);
  private questions = 0;

  constructor(root: HTMLElement) {
    this.bar = new Bar(root.dataset["hosts"]?.split(" ") ?? [], {
      ask: (asked) => void this.ask(asked),
      refuse: (told) => this.refuse(told),
      choose: (language) => this.speak(language),
    });
    root.replaceChildren(this.bar.element, this.warning, this.shown);
    this.python = new Python((step) => this.bar.tell(step, (words) => words[step]));
    this.followTheme();
    this.speak(this.language);
    this.bar.tell("loading", (words) => words.loading);
    this.python.ready.catch((error: Error) => this.refuse((words) => [words.notStarted(error.message), words.notStartedRemedy]));
  }

  get ready(): Promise<unknown> {
    return this.python.ready;
  }

  private get words(): Words {
    return LANGUAGES[this.language];
  }

  private speak(language: Language): void {
    this.language = language;
    document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
    this.bar.speak(this.words, language);
    this.again();
  }

  private async ask(asked: Asked): Promise<void> {
    const number = (this.questions += 1);
    this.again = () => void this.ask(asked);
    const name = asked.text;
    const fault = await unreadable(asked.files);
    if (fault) return this.refuse((words) => [words.unreadable(name, fault), words.unreadableRemedy]);
    try {
      await this.python.ready;
      this.bar.tell("reading", (words) => words.reading(name));
      const begin = performance.now();
      const answer = await this.python.answer({ ...asked, language: this.language });
      if (number !== this.questions) return; // another question was asked meanwhile
      this.show(answer);
      const seconds = ((performance.now() - begin) / 1000).toFixed(1);
      this.bar.tell("answered", (words) => words.done(answer.said || name, seconds));
    } catch (error) {
      this.refuse((words) => [words.failed((error as Error).message), words.failedRemedy]);
    }
  }

  private refuse(told: Told): void {
    this.questions += 1; // an answer that is on its way comes too late
    this.again = () => this.refuse(told);
    const [problem, remedy] = told(this.words);
    this.bar.tell("failed", () => "");
    this.show({ report: null, lines: null, warning: null, refusal: { problem, remedy, unsafe: false }, said: null });
  }

  private show(answer: Answer | null): void {
    document.title = answer?.report ? `${answer.report.label}: ${this.words.title}` : this.words.title;
    this.warning.replaceChildren(...(answer?.warning ? [warning(answer.warning, this.words)] : []));
    if (answer?.report) {
      this.shown.lang = answer.report.language;
      yoloProbe.renderReport(this.shown, answer.report);
    } else {
      this.shown.lang = document.documentElement.lang;
      yoloProbe.disposeCharts(this.shown);
      this.shown.replaceChildren(this.withoutReport(answer));
    }
    if (answer) this.warning.scrollIntoView({ block: "start" });
  }

  private withoutReport(answer: Answer | null): HTMLElement {
    if (answer?.refusal) return refusalPage(answer.refusal, this.words);
    if (answer?.lines) return linesPage(answer.lines, this.words);
    return start(this.words, (text) => void this.ask({ text, files: [], imgsz: 640, host: "", classes: 0 }));
  }

  /** The bar has the colours that the reader chooses in a report. */
  private followTheme(): void {
    new MutationObserver(() => {
      const theme = this.shown.dataset["theme"];
      if (theme) for (const part of [this.bar.element, this.warning]) part.dataset["theme"] = theme;
    }).observe(this.shown, { attributeFilter: ["data-theme"] });
  }
}

/** Why the browser cannot read a file; empty where it can. */
async function unreadable(files: Held[]): Promise<string> {
  try {
    for (const { data } of files) await data.slice(0, 1).arrayBuffer();
    return "";
  } catch (error) {
    return (error as Error).message;
  }
}
