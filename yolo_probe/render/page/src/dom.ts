/** Elements, made from text and other elements. Text never becomes HTML. */

export type Child = Node | string | null | false;
type Attributes = Record<string, string | number | boolean | ((event: Event) => void)>;

/** An element. Attributes: a function listens to the event of its name, true is an empty attribute, false is none. */
export function el<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") made.addEventListener(name, value);
    else if (value !== false) made.setAttribute(name, value === true ? "" : String(value));
  }
  made.append(...children.filter((child): child is Node | string => child !== null && child !== false));
  return made;
}

/** A table with the first cell of each row as its head. `numeric`: the columns with figures, from 0. */
export function table(
  caption: string,
  heads: Child[],
  rows: Child[][],
  numeric: (column: number) => boolean = (column) => column > 0,
): HTMLTableElement {
  const align = (column: number): Attributes => (numeric(column) ? { class: "figure" } : {});
  return el(
    "table",
    {},
    el("caption", {}, caption),
    heads.some((head) => head !== "") &&
      el("thead", {}, el("tr", {}, ...heads.map((head, i) => headCell(head, { scope: "col", ...align(i) })))),
    el(
      "tbody",
      {},
      ...rows.map((cells) =>
        el(
          "tr",
          {},
          ...cells.map((cell, i) => (i === 0 ? rowHead(cell) : el("td", align(i), cell))),
        ),
      ),
    ),
  );
}

/** The head of a row; a text that begins with spaces is about the row above. */
function rowHead(head: Child): HTMLTableCellElement {
  const isInside = typeof head === "string" && head.startsWith(" ");
  return headCell(head, { scope: "row", ...(isInside ? { class: "inside" } : {}) });
}

function headCell(head: Child, attributes: Attributes): HTMLTableCellElement {
  return head === "" ? el("td", {}) : el("th", attributes, head);
}

/** A block that scrolls by itself where the page is too narrow, also by keyboard. */
export function scrolling(name: string, ...children: Child[]): HTMLElement {
  return el("div", { class: "scrolling", role: "group", "aria-label": name, tabindex: 0 }, ...children);
}

/** A choice of a few things, as radio buttons. */
export function choice<T extends string>(
  name: string,
  legend: string,
  options: readonly (readonly [T, string])[],
  chosen: T,
  choose: (value: T) => void,
): HTMLFieldSetElement {
  return el(
    "fieldset",
    { class: "choice" },
    el("legend", {}, legend),
    ...options.map(([value, words]) =>
      el(
        "label",
        {},
        el("input", { type: "radio", name, value, checked: value === chosen, change: () => choose(value) }),
        el("span", {}, words),
      ),
    ),
  );
}
