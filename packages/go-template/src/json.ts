/** `JSON.stringify` that writes a bigint as a bare number, as Go does for uint64. */
export function toJson(value: unknown, indent?: number): string {
  // A marker no host name or nickname contains keeps the digits apart from real strings until the quotes are removed.
  const marked = JSON.stringify(value, (_, item) => (typeof item === "bigint" ? `\u0000${item}\u0000` : item), indent);
  return marked === undefined ? "null" : marked.replace(/"\\u0000(\d+)\\u0000"/g, "$1");
}
