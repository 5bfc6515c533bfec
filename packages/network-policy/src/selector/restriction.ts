import type { SelectorNode } from "./node.ts";

/**
 * A label value without which a selector matches nothing, where there is one: `app == "web" && has(x)` demands `app=web`. Of
 * several the longest is taken, because it is mostly the rarest.
 */
export function restrictionOf(node: SelectorNode): { readonly key: string; readonly value: string } | undefined {
  if (node.kind === "text" && node.operator === "==") return { key: node.key, value: node.value };
  if (node.kind === "set" && node.operator === "in" && node.values.length === 1) {
    return { key: node.key, value: node.values[0]! };
  }
  if (node.kind !== "and") return undefined;
  const found = node.terms.flatMap((term) => restrictionOf(term) ?? []);
  const length = ({ key, value }: { key: string; value: string }) => key.length + value.length;
  return found.sort((a, b) => length(b) - length(a))[0];
}
