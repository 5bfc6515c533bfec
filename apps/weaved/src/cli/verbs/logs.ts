import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { Command } from "commander";
import { WeavedError } from "../../values/error.ts";
import { readableLogLine } from "../../values/log-line.ts";
import type { Context } from "../context.ts";
import { runPaths } from "../run-paths.ts";

/** How often a followed log is read, in milliseconds. */
const followEveryMs = 250;
/** Bytes from the end in which the last lines are looked for. */
const tailBytes = 1 << 20;

/** The verb that prints the log of a daemon that `weave launch` started. */
export function logVerb(program: Command, context: () => Context): void {
  program
    .command("logs")
    .description("print the log of the daemon")
    .option("-f, --follow", "go on with new lines")
    .option("-n, --lines <count>", "how many of the last lines", "100")
    .action((options: { follow?: boolean; lines: string }) => printLog(context(), options));
}

async function printLog(context: Context, { follow, lines }: { follow?: boolean; lines: string }): Promise<void> {
  const count = Number(lines);
  if (!Number.isInteger(count) || count < 0)
    throw new WeavedError("ARGUMENT_INVALID", `"${lines}" is not a valid number of lines; expected 0 or more`);
  const { log } = runPaths(context.env);
  const file = openLog(log);
  const write = (line: string) => context.print(`${context.json ? line : readableLogLine(line)}\n`);
  try {
    const { size } = fstatSync(file);
    const text = readFrom(file, Math.max(0, size - tailBytes), size);
    const whole = text.split("\n");
    let rest = whole.pop() ?? "";
    for (const line of count === 0 ? [] : whole.slice(-count)) write(line);
    for (let at = size; follow; await sleep(followEveryMs)) {
      const now = fstatSync(file).size;
      // A smaller file was rotated.
      if (now < at) at = 0;
      const pieces = (rest + readFrom(file, at, now)).split("\n");
      rest = pieces.pop() ?? "";
      for (const line of pieces) write(line);
      at = now;
    }
  } finally {
    closeSync(file);
  }
}

function openLog(path: string): number {
  try {
    return openSync(path, "r");
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const remedy = code === "ENOENT" ? "under systemd: journalctl -u weaved" : "try again with sudo";
    throw new WeavedError("NOT_FOUND", `there is no log at ${path} (${code}); ${remedy}`, { cause });
  }
}

function readFrom(file: number, start: number, end: number): string {
  const bytes = Buffer.alloc(Math.max(0, end - start));
  return bytes.toString("utf8", 0, readSync(file, bytes, 0, bytes.length, start));
}
