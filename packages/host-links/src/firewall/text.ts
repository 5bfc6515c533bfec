/** Pieces of nft's language. Everything that comes in is checked before: nothing here escapes. */

/** A base chain's place in the kernel. */
export interface Hook {
  readonly type: "filter" | "nat";
  readonly hook: "prerouting" | "input" | "forward" | "output" | "postrouting";
  /** A number or one of nft's names. */
  readonly priority: string;
}

/** A chain; a base chain has a hook and accepts what its rules do not decide. */
export function chain(name: string, hook: Hook | undefined, rules: readonly string[]): string {
  const base = hook ? `    type ${hook.type} hook ${hook.hook} priority ${hook.priority}; policy accept;\n` : "";
  return `  chain ${name} {\n${base}${rules.map((rule) => `    ${rule}\n`).join("")}  }\n`;
}

/** A named set. An empty one has no elements line, which nft would refuse. */
export function set(name: string, type: string, elements: readonly string[], flags = ""): string {
  const line = elements.length === 0 ? "" : `    elements = { ${elements.join(", ")} }\n`;
  return `  set ${name} {\n    type ${type}\n${flags}${line}  }\n`;
}

/** Flag of sets whose elements may be ranges. */
export const interval = "    flags interval\n";

/**
 * Replaces a table as a whole. Declaring a table first makes deleting it legal in the same transaction.
 *
 * @param content - its chains and sets; undefined only deletes the table
 */
export function replaceTable(name: string, content: string | undefined): string {
  const fresh = content === undefined ? "" : `table ${name} {\n${content}}\n`;
  return `table ${name} {}\ndelete table ${name}\n${fresh}`;
}

/** An anonymous set. */
export function anyOf(elements: readonly (string | number)[]): string {
  return `{ ${elements.join(", ")} }`;
}

/** Drops, and counts under a name that {@link readDrops} finds again. */
export function drop(reason: string): string {
  return `counter drop comment "${reason}"`;
}
