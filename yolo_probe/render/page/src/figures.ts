/** Figures as the command prints them. */

const WHOLE = new Intl.NumberFormat("en-US");
const SHORT = new Intl.NumberFormat("en-US", { maximumSignificantDigits: 3, notation: "compact" });
const MINUS = "-";

export function whole(value: number | null): string {
  return value === null ? "not known" : WHOLE.format(value);
}

/** A change with its sign; 0 has none. */
export function signed(amount: number): string {
  return amount > 0 ? `+${WHOLE.format(amount)}` : WHOLE.format(amount).replace("-", MINUS);
}

/** A large figure for an axis: 1.77M, 4.2B as 4.2G. */
export function short(value: number): string {
  return SHORT.format(value).replace("B", "G").replace("K", "k");
}

export function percent(value: number, total: number): string {
  return total ? `${((100 * value) / total).toFixed(1)}%` : "";
}

export function shape(sides: number[]): string {
  return sides.join("x");
}
