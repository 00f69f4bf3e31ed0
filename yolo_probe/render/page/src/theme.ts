/** Light or dark, as the system has it or as the reader chooses; charts follow. */
import { drawAll } from "./charts";
import { choice } from "./dom";

const THEMES = [
  ["system", "as the system"],
  ["light", "light"],
  ["dark", "dark"],
] as const;

/** The switch. Paper is always light. */
export function themeSwitch(page: HTMLElement): HTMLElement {
  for (const query of ["(prefers-color-scheme: dark)", "print"]) {
    matchMedia(query).addEventListener("change", drawAll);
  }
  addEventListener("beforeprint", drawAll);
  addEventListener("afterprint", drawAll);
  return choice("theme", "Colours", THEMES, "system", (theme) => {
    page.dataset["theme"] = theme;
    drawAll();
  });
}
