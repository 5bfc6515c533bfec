import { toJson } from "./json.ts";
import { TemplateError } from "./syntax.ts";

/** The functions a template may call: Go's predefined ones that make sense over plain data, plus the original's `json`. */
export const functions: Readonly<Record<string, (...args: unknown[]) => unknown>> = {
  json: (value) => toJson(value),
  len: (value) => lengthOf(value),
  index: (value, ...keys) => keys.reduce(elementOf, value),
  print: (...args) => args.map(textOf).join(" "),
  println: (...args) => `${args.map(textOf).join(" ")}\n`,
  printf: (format, ...args) => printf(String(format), args),
  not: (value) => !isTrue(value),
  and: (...args) => args.find((value) => !isTrue(value)) ?? args.at(-1),
  or: (...args) => args.find(isTrue) ?? args.at(-1),
  eq: (first, ...rest) => rest.some((value) => value === first),
  ne: (a, b) => a !== b,
  lt: (a, b) => compare(a, b) < 0,
  le: (a, b) => compare(a, b) <= 0,
  gt: (a, b) => compare(a, b) > 0,
  ge: (a, b) => compare(a, b) >= 0,
};

/** Go's truth: empty, zero and nil are false. */
export function isTrue(value: unknown): boolean {
  if (value === null || value === undefined) return false;
  if (Array.isArray(value)) return value.length > 0;
  return typeof value === "object" ? true : Boolean(value);
}

/** How `{{.}}` prints a value: Go's `%v`. */
export function textOf(value: unknown): string {
  if (value === null || value === undefined) return "<nil>";
  if (Array.isArray(value)) return `[${value.map(textOf).join(" ")}]`;
  if (typeof value === "object") return `{${Object.values(value).map(textOf).join(" ")}}`;
  return String(value);
}

/** Reports why a template stopped. */
export function executionError(message: string): TemplateError {
  return new TemplateError("TEMPLATE_EXECUTION", message);
}

function lengthOf(value: unknown): number {
  if (value === null) return 0;
  if (typeof value === "string") return Buffer.byteLength(value);
  if (Array.isArray(value)) return value.length;
  if (typeof value === "object") return Object.keys(value as object).length;
  throw executionError(`len of ${typeof value}`);
}

function elementOf(value: unknown, key: unknown): unknown {
  const container = value as Record<string, unknown> | null;
  if (container === null || typeof container !== "object") throw executionError("index of nothing");
  if (Array.isArray(container) && !(Number(key) in container)) throw executionError(`index out of range: ${key}`);
  return container[String(key)];
}

function compare(a: unknown, b: unknown): number {
  const comparable = (value: unknown) => ["number", "string", "bigint"].includes(typeof value);
  if (!comparable(a) || !comparable(b)) throw executionError("incompatible types for comparison");
  return (a as number) < (b as number) ? -1 : (a as number) > (b as number) ? 1 : 0;
}

/** The verbs scripts use: %v %s %d %q %t %x %f with flags, width and precision. */
function printf(format: string, args: readonly unknown[]): string {
  let next = 0;
  return format.replace(/%(-?)(0?)(\d*)(?:\.(\d+))?([vsdqtxf%])/g, (_, left, zero, width, precision, verb) => {
    if (verb === "%") return "%";
    const text = formatOne(args[next++], verb, precision);
    return left ? text.padEnd(Number(width)) : text.padStart(Number(width), zero || " ");
  });
}

function formatOne(value: unknown, verb: string, precision: string | undefined): string {
  switch (verb) {
    case "q":
      return JSON.stringify(textOf(value));
    case "x":
      return typeof value === "string" ? Buffer.from(value).toString("hex") : BigInt(value as number).toString(16);
    case "f":
      return Number(value).toFixed(precision === undefined ? 6 : Number(precision));
    default:
      return precision === undefined ? textOf(value) : textOf(value).slice(0, Number(precision));
  }
}
