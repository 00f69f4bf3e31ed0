/** The words of a report's page in its language. Python gives the sentences that are not English; labels and figures stay. */

let phrases: Record<string, string> = {};

/** From now on `say` has these sentences for the English ones. */
export function speak(found: Record<string, string>): void {
  phrases = found;
}

/** An English sentence in the language of the page, with values for its names in braces. */
export function say(english: string, values: Record<string, string | number> = {}): string {
  return (phrases[english] ?? english).replace(/\{(\w+)\}/g, (name, key: string) => String(values[key] ?? name));
}

/** Choices with their words in the language of the page. */
export function spoken<T>(options: readonly (readonly [T, string])[]): [T, string][] {
  return options.map(([value, words]) => [value, say(words)]);
}

/** A sentence that another one follows: with a space, where its full stop is not as wide as one. */
export function ended(sentence: string): string {
  return sentence.endsWith("\u3002") ? sentence : `${sentence} `;
}
