/**
 * Characters that a terminal, a log, or a table must not get from the network as they are: controls (ESC and newline among them), halves
 * of surrogate pairs, line separators, and marks that reverse the direction of text.
 */
const unprintable = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/gu;

/**
 * Text for one cell or one line: every unprintable character as `\u001b`. Peers, containers, and clients choose their names freely;
 * the bytes on the wire stay as they are, and only what people see is escaped.
 */
export function printable(text: string): string {
  return text.replace(unprintable, escaped);
}

/** As {@link printable} for a whole text: newlines and tabs stay. */
export function printableText(text: string): string {
  return text.replace(unprintable, (character) =>
    character === "\n" || character === "\t" ? character : escaped(character),
  );
}

/** A copy of plain data in which every text is {@link printable}: for values that are shown field by field. */
export function printableFields<T>(value: T): T {
  if (typeof value === "string") return printable(value) as T;
  if (Array.isArray(value)) return value.map(printableFields) as T;
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, printableFields(field)])) as T;
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
