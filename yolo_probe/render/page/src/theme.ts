/** Light or dark, as the system has it or as the reader chooses; charts follow. */
import { drawAll } from "./charts";
import { choice } from "./dom";
import { say, spoken } from "./speech";

const THEMES = [
  ["system", "as the system"],
  ["light", "light"],
  ["dark", "dark"],
] as const;

type Theme = (typeof THEMES)[number][0];

for (const query of ["(prefers-color-scheme: dark)", "print"]) matchMedia(query).addEventListener("change", drawAll);
for (const moment of ["beforeprint", "afterprint"]) addEventListener(moment, drawAll);

/** The switch. Paper is always light. */
export function themeSwitch(page: HTMLElement): HTMLElement {
  const chosen = (page.dataset["theme"] ?? "system") as Theme;
  return choice("theme", say("Colours"), spoken(THEMES), chosen, (theme) => {
    page.dataset["theme"] = theme;
    drawAll();
  });
}
