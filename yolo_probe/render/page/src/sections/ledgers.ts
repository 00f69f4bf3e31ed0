/** The four numbers: from the training line to the validation line, each cause with its arithmetic. */
import { chart, faded, tooltip, wrapped, type Chart, type Colours, type Picture } from "../charts";
import { NUMBERS, type Ledger, type NumberName, type Part, type ReportData } from "../data";
import { el, scrolling } from "../dom";
import { short, signed, whole } from "../figures";
import { words } from "../parts";
import { say } from "../speech";

export const LABELS: Record<NumberName, string> = {
  layers: "layers",
  parameters: "parameters",
  gradients: "gradients",
  flops: "FLOPs",
};
const ROW = 40;

export function ledgers(data: ReportData): HTMLElement | null {
  const report = data.reports.fuse_diff;
  if (!report) return null;
  const sections = data.words.answer ?? [];
  return el(
    "section",
    { id: "ledgers", "aria-labelledby": "ledgers-title" },
    el("h2", { id: "ledgers-title" }, say("What changed, and why")),
    ...NUMBERS.map((name) => block(name, report.ledger[name], sections.find((parts) => isAbout(parts, name)) ?? [])),
    ...words([(sections.at(-1) ?? []).filter((part) => part.part === "Footer")], say("Facts")),
  );
}

function isAbout(parts: Part[], name: NumberName): boolean {
  return parts.some((part) => part.part === "Figures" && part.label === LABELS[name]);
}

function block(name: NumberName, ledger: Ledger | null, parts: Part[]): HTMLElement {
  const notes = parts.filter((part) => part.part === "Note");
  const heading = el("h3", { id: `${name}-title`, class: name }, LABELS[name]);
  if (!ledger) {
    return el(
      "article",
      { id: name, class: "ledger", "aria-labelledby": `${name}-title` },
      heading,
      ...words([parts.filter((part) => part.part !== "Heads")], LABELS[name]),
    );
  }
  return el(
    "article",
    { id: name, class: "ledger", "aria-labelledby": `${name}-title` },
    el("div", { class: "ledger-head" }, heading, change(ledger)),
    el(
      "div",
      { class: "ledger-body" },
      scrolling(say("{LABEL}: every cause", { LABEL: LABELS[name] }), statement(name, ledger, parts)),
      waterfall(name, ledger).element,
    ),
    ...words([notes], LABELS[name]),
  );
}

function change(ledger: Ledger): HTMLElement {
  return el(
    "p",
    { class: "change" },
    `${whole(ledger.before)} `,
    el("span", { class: "arrow", "aria-label": say("to") }, "\u2192"),
    ` ${whole(ledger.after)} `,
    el("span", { class: "difference" }, signed(ledger.after - ledger.before)),
  );
}

function statement(name: NumberName, ledger: Ledger, parts: Part[]): HTMLTableElement {
  const rounded = parts.flatMap((part) => (part.part === "Figures" && part.label !== LABELS[name] ? [part] : []))[0];
  const row = (kind: string, cause: string, why: string, arithmetic: string, amount: string): HTMLElement =>
    el(
      "tr",
      { class: kind },
      el(
        "th",
        { scope: "row" },
        cause,
        arithmetic !== "" && arithmetic !== "0" && el("span", { class: "arithmetic" }, arithmetic),
        why !== "" && el("small", {}, why),
      ),
      el("td", { class: "figure" }, amount),
    );
  const total = (moment: string, column: number, amount: number): HTMLElement =>
    row("sum", moment, rounded ? `${rounded.label} ${rounded.columns[column] ?? ""}` : "", "", whole(amount));
  const left = ledger.unexplained;
  const head = (text: string): HTMLElement => el("th", { scope: "col", class: text === "cause" ? "" : "figure" }, say(text));
  return el(
    "table",
    { class: "statement" },
    el("caption", {}, say("{LABEL}, from training to validation", { LABEL: LABELS[name] })),
    el("thead", {}, el("tr", {}, ...["cause", "amount"].map(head))),
    el(
      "tbody",
      {},
      total(say("training"), 0, ledger.before),
      ...ledger.entries.map((entry) => row("cause", say(entry.cause), say(entry.why), entry.arithmetic, signed(entry.amount))),
      row(left ? "remainder wrong" : "remainder", say("unexplained"), "", "", signed(left)),
      total(say("validation"), 1, ledger.after),
    ),
  );
}

interface Step {
  name: string;
  from: number;
  to: number;
  isTotal: boolean;
}

function waterfall(name: NumberName, ledger: Ledger): Chart {
  const steps: Step[] = [{ name: say("training"), from: 0, to: ledger.before, isTotal: true }];
  let level = ledger.before;
  const causes = ledger.entries.map((entry) => [say(entry.cause), entry.amount] as const);
  for (const [cause, amount] of [...causes, ...(ledger.unexplained ? [[say("unexplained"), ledger.unexplained] as const] : [])]) {
    steps.push({ name: cause, from: level, to: level + amount, isTotal: false });
    level += amount;
  }
  steps.push({ name: say("validation"), from: 0, to: ledger.after, isTotal: true });
  return chart((colours, width) => picture(name, steps, colours, width));
}

function picture(name: NumberName, steps: Step[], colours: Colours, width: number): Picture {
  const start = axisStart(steps);
  const end = axisEnd(steps);
  const digits = end > start ? Math.floor(Math.log10(end)) - Math.floor(Math.log10(end - start)) + 2 : 3;
  const labels = Math.min(width * 0.38, 190);
  const value = (step: Step): string => (step.isTotal ? whole(step.to) : signed(step.to - step.from));
  const pixels = (amount: number): number => ((amount - start) / (end - start || 1)) * (width - labels - 26);
  const place = (step: Step): "left" | "right" | "insideRight" => {
    const [left, right] = [pixels(Math.min(step.from, step.to)), pixels(end) - pixels(Math.max(step.from, step.to))];
    const needed = value(step).length * 7 + 8;
    if (right >= needed) return "right";
    if (!step.isTotal && left >= needed) return "left";
    return "insideRight";
  };
  return {
    height: steps.length * ROW + 30,
    summary: say("Waterfall of {LABEL}: {TEXT}.", { LABEL: LABELS[name], TEXT: steps.map((step) => `${step.name} ${value(step)}`).join(", ") }),
    option: {
      grid: { left: labels + 12, right: 14, top: 4, bottom: 26 },
      tooltip: tooltip(colours, (_, i) => (steps[i] ? [steps[i].name, value(steps[i])] : [])),
      xAxis: {
        type: "value",
        min: start,
        max: end,
        splitNumber: 3,
        axisLabel: {
          color: colours.faint,
          formatter: (amount: number) => short(amount, Math.max(digits, 1)),
          hideOverlap: true,
          showMaxLabel: false,
        },
        splitLine: { lineStyle: { color: colours.line } },
      },
      yAxis: {
        type: "category",
        inverse: true,
        data: steps.map((step) => step.name),
        axisTick: { show: false },
        axisLine: { lineStyle: { color: colours.line } },
        axisLabel: {
          color: colours.ink,
          lineHeight: 12,
          fontSize: 12,
          formatter: (text: string) => wrapped(text, labels, 3),
        },
      },
      series: [
        {
          type: "bar",
          stack: "all",
          silent: true,
          itemStyle: { opacity: 0 },
          data: steps.map((step) => Math.min(step.from, step.to)),
        },
        {
          type: "bar",
          stack: "all",
          barWidth: 18,
          data: steps.map((step) => ({
            value: Math.abs(step.to - step.from),
            itemStyle: { color: step.isTotal ? colours[name] : faded(colours[name], 0.35) },
            label: {
              show: true,
              position: place(step),
              color: step.isTotal && place(step) === "insideRight" ? colours.paper : colours.ink,
              formatter: () => value(step),
            },
          })),
        },
      ],
    },
  };
}

/** Where the scale starts: at 0, or where the change can be seen. */
function axisStart(steps: Step[]): number {
  const levels = steps.map((step) => step.to);
  const least = Math.min(...levels);
  const most = Math.max(...levels);
  if (most === least || (most - least) / most > 0.3) return 0;
  const unit = 10 ** Math.floor(Math.log10(most - least));
  return Math.max(0, Math.floor((least - (most - least) * 0.6) / unit) * unit);
}

function axisEnd(steps: Step[]): number {
  return Math.max(...steps.map((step) => Math.max(step.from, step.to)), 1);
}
