/** Figures as the command prints them. */
import { say } from "./speech";

const WHOLE = new Intl.NumberFormat("en-US");

export function whole(value: number | null): string {
  return value === null ? say("not known") : WHOLE.format(value);
}

/** A change with its sign; 0 has none. */
export function signed(amount: number): string {
  return amount > 0 ? `+${WHOLE.format(amount)}` : WHOLE.format(amount);
}

/** A large figure for an axis: 1.77M, 4.2G. `digits`: how many are needed to tell it from the next one. */
export function short(value: number, digits = 3): string {
  const format = { maximumSignificantDigits: digits, notation: "compact" } as const;
  return new Intl.NumberFormat("en-US", format).format(value).replace("B", "G").replace("K", "k");
}

export function percent(value: number, total: number): string {
  return total ? `${((100 * value) / total).toFixed(1)}%` : "";
}

export function shape(sides: number[]): string {
  return sides.join("x");
}
