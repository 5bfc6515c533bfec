import { printable } from "./printable.ts";

/** Size at which the log is moved aside, in bytes: with the one before it, the log takes at most twice this. */
export const logLimitBytes = 10 << 20;

/** One line of the log for people, made from one line of JSON: `12:03:04 INFO  mesh: message key=value`. Other text comes as it is. */
export function readableLogLine(line: string): string {
  let fields: Record<string, unknown>;
  try {
    fields = JSON.parse(line) as Record<string, unknown>;
  } catch {
    return printable(line);
  }
  if (typeof fields !== "object" || fields === null) return printable(line);
  const { level, time, part, msg, ...rest } = fields;
  const extra = Object.entries(rest).map(
    ([key, value]) => ` ${key}=${typeof value === "string" ? value : JSON.stringify(value)}`,
  );
  const where = part ? `${String(part)}: ` : "";
  // Names that peers chose are in messages and fields: none may forge a line or move the cursor.
  return printable(
    `${String(time).slice(11, 19)} ${String(level).toUpperCase().padEnd(5)} ${where}${String(msg)}${extra.join("")}`,
  );
}
