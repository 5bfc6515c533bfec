/** Labels of an endpoint or a network set. */
export type Labels = Readonly<Record<string, string>>;

/** Compares a label with one text. */
export type TextOperator = "==" | "!=" | "contains" | "starts with" | "ends with";

/** Asks whether a label is one of some texts. */
export type SetOperator = "in" | "not in";

/** A selector as a tree. */
export type SelectorNode =
  | { readonly kind: "all" | "global" }
  | { readonly kind: "has"; readonly key: string }
  | { readonly kind: "text"; readonly key: string; readonly operator: TextOperator; readonly value: string }
  | { readonly kind: "set"; readonly key: string; readonly operator: SetOperator; readonly values: readonly string[] }
  | { readonly kind: "not"; readonly inner: SelectorNode }
  | { readonly kind: "and" | "or"; readonly terms: readonly SelectorNode[] };

/** Whether labels match. A missing label makes `!=` and `not in` true and every other comparison false. */
export function matchNode(node: SelectorNode, labels: Labels): boolean {
  switch (node.kind) {
    case "all":
    case "global":
      return true;
    case "has":
      return Object.hasOwn(labels, node.key);
    case "text":
      return matchText(node.operator, Object.hasOwn(labels, node.key) ? labels[node.key] : undefined, node.value);
    case "set": {
      const value = Object.hasOwn(labels, node.key) ? labels[node.key] : undefined;
      const inside = value !== undefined && node.values.includes(value);
      return node.operator === "in" ? inside : !inside;
    }
    case "not":
      return !matchNode(node.inner, labels);
    case "and":
      return node.terms.every((term) => matchNode(term, labels));
    case "or":
      return node.terms.some((term) => matchNode(term, labels));
  }
}

function matchText(operator: TextOperator, value: string | undefined, wanted: string): boolean {
  if (operator === "!=") return value !== wanted;
  if (value === undefined) return false;
  switch (operator) {
    case "==":
      return value === wanted;
    case "contains":
      return value.includes(wanted);
    case "starts with":
      return value.startsWith(wanted);
    case "ends with":
      return value.endsWith(wanted);
  }
}

/** Canonical text: two selectors with one text match alike. It parses back to the same tree. */
export function printNode(node: SelectorNode): string {
  switch (node.kind) {
    case "all":
    case "global":
      return `${node.kind}()`;
    case "has":
      return `has(${node.key})`;
    case "text":
      return `${node.key} ${node.operator} ${printValue(node.value)}`;
    case "set":
      return `${node.key} ${node.operator} {${node.values.map(printValue).join(", ")}}`;
    case "not":
      // Parsing collapses double negation, so printing does too.
      return node.inner.kind === "not" ? printNode(node.inner.inner) : `!${printTerm(node.inner)}`;
    case "and":
      return node.terms.map(printTerm).join(" && ");
    case "or":
      return node.terms.map((term) => (term.kind === "or" ? `(${printNode(term)})` : printNode(term))).join(" || ");
  }
}

function printTerm(node: SelectorNode): string {
  if (node.kind === "not" && node.inner.kind === "not") return printTerm(node.inner.inner);
  return node.kind === "and" || node.kind === "or" ? `(${printNode(node)})` : printNode(node);
}

/** A value has no escapes, so it never holds both quotes. */
function printValue(value: string): string {
  return value.includes('"') ? `'${value}'` : `"${value}"`;
}
