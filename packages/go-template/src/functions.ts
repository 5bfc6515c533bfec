import type { Budget } from "./budget.ts";
import { executionError } from "./errors.ts";
import { toJson } from "./json.ts";

type TemplateFunction = (budget: Budget, ...args: unknown[]) => unknown;

/** The functions a template may call: Go's predefined ones that make sense over plain data, and `json`. */
export const functions: Readonly<Record<string, TemplateFunction>> = {
  json: (budget, value) => budget.made(toJson(value)),
  len: (_, value) => lengthOf(value),
  index: (_, value, ...keys) => keys.reduce(elementOf, value),
  print: (budget, ...args) => budget.made(args.map(textOf).join(" ")),
  println: (budget, ...args) => budget.made(`${args.map(textOf).join(" ")}\n`),
  printf: (budget, format, ...args) => budget.made(printf(String(format), args)),
  not: (_, value) => !isTrue(value),
  and: (_, ...args) => args.find((value) => !isTrue(value)) ?? args.at(-1),
  or: (_, ...args) => args.find(isTrue) ?? args.at(-1),
  eq: (_, first, ...rest) => rest.some((value) => value === first),
  ne: (_, a, b) => a !== b,
  lt: (_, a, b) => compare(a, b) < 0,
  le: (_, a, b) => compare(a, b) <= 0,
  gt: (_, a, b) => compare(a, b) > 0,
  ge: (_, a, b) => compare(a, b) >= 0,
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

/** Widest field of `printf`, and most digits. */
const maxWidth = 100;

/** The verbs scripts use: %v %s %d %q %t %x %f with flags, width and precision. */
function printf(format: string, args: readonly unknown[]): string {
  let next = 0;
  return format.replace(/%(-?)(0?)(\d*)(?:\.(\d+))?([vsdqtxf%])/g, (_, left, zero, width, precision, verb) => {
    if (verb === "%") return "%";
    if (Number(width) > maxWidth || Number(precision ?? 0) > maxWidth) throw executionError("width too large");
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
