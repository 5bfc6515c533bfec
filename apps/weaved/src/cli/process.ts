import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

/** The process id in a file, if that process still runs and is the program meant. */
export function readPid(path: string, program: string): number | undefined {
  try {
    const pid = Number(readFileSync(path, "utf8"));
    return isRunning(pid, program) ? pid : undefined;
  } catch {
    return undefined;
  }
}

/** Is there a process of this id whose command line names the program? A recycled id is not mistaken for it. */
export function isRunning(pid: number, program: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(program);
  } catch {
    return false;
  }
}

/** Asks every 50 ms until the answer is yes (true) or the time is over (false). */
export async function pollUntil(deadlineMs: number, condition: () => Promise<boolean>): Promise<boolean> {
  const end = performance.now() + deadlineMs;
  while (performance.now() < end) {
    if (await condition()) return true;
    await sleep(50);
  }
  return false;
}

/** Output of a program; empty when it fails or is not installed. For clean-up, where a missing thing is the wanted state. */
export function runQuietly(program: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve) => execFile(program, [...args], (error, stdout) => resolve(error ? "" : stdout)));
}
