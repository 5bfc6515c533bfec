import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { NetlabError } from "../errors.ts";
import { childrenOf } from "./proc.ts";

/** How a finished command ended. A code other than 0 is an outcome, not an exception. */
export interface CommandResult {
  /** Exit code; 128 + number when a signal ended it. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** How to run a command. */
export interface RunOptions {
  /** Written to standard input, which is closed after it. @defaultValue empty */
  readonly input?: string;
  /** Added to this process's environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Ends the command with SIGKILL; the promise rejects with `DEADLINE`. */
  readonly signal?: AbortSignal;
  /** As a `signal` that fires after so many milliseconds. @defaultValue none */
  readonly timeoutMs?: number;
}

const signalNumbers: Readonly<Record<string, number>> = { SIGHUP: 1, SIGINT: 2, SIGKILL: 9, SIGTERM: 15 };

/** Exit code as a shell shows it. */
export function exitCode(code: number | null, signal: NodeJS.Signals | null): number {
  return code ?? 128 + (signalNumbers[signal ?? ""] ?? 0);
}

function collect(child: ChildProcess): Promise<CommandResult> {
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout?.on("data", (chunk: Buffer) => out.push(chunk));
  child.stderr?.on("data", (chunk: Buffer) => err.push(chunk));
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) =>
      resolve({ code: exitCode(code, signal), stdout: `${Buffer.concat(out)}`, stderr: `${Buffer.concat(err)}` }),
    );
  });
}

/** Runs a command to its end. Never through a shell. */
export async function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<CommandResult> {
  const child = spawn(command, args, { env: { ...process.env, ...options.env }, stdio: "pipe" });
  // A command that does not read its input closes it: no failure of ours.
  child.stdin.on("error", () => {});
  child.stdin.end(options.input ?? "");
  const limit = options.timeoutMs === undefined ? undefined : AbortSignal.timeout(options.timeoutMs);
  const signals = [options.signal, limit].filter((one) => one !== undefined);
  let late = false;
  const stop = () => {
    late = true;
    for (const pid of childrenOf(child.pid)) kill(pid, "SIGKILL");
    child.kill("SIGKILL");
    // Grandchildren may hold the pipes open.
    child.stdout.destroy();
    child.stderr.destroy();
  };
  for (const signal of signals) {
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop, { once: true });
  }
  const result = await collect(child).finally(() => {
    for (const signal of signals) signal.removeEventListener("abort", stop);
  });
  if (late) throw new NetlabError("DEADLINE", `${command} ${args.join(" ")} did not end in time`);
  return result;
}

/** Runs a command that must succeed. @throws NetlabError `COMMAND_FAILED` with what it said */
export async function must(command: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const result = await run(command, args, options);
  if (result.code === 0) return result.stdout;
  const said = (result.stderr || result.stdout).trim().slice(0, 2000);
  throw new NetlabError("COMMAND_FAILED", `${command} ${args.join(" ")} ended with ${result.code}: ${said}`);
}

/** Sends a signal; false when the process is gone already. */
export function kill(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}

/** A deadline is at most this many times as long on a machine that has no time for us. */
const MAX_STRETCH = 5;

/**
 * Milliseconds since boot in which some process of this machine waited for a processor. 0 where the kernel does not count it.
 */
function cpuShortageMs(): number {
  try {
    const total = /^some .*total=(\d+)/.exec(readFileSync("/proc/pressure/cpu", "utf8"))?.[1];
    return Number(total ?? 0) / 1000;
  } catch {
    return 0;
  }
}

/**
 * A clock for deadlines: it stands still while the machine is short of processor time, so that a deadline counts work and not
 * seconds. It never runs slower than a fifth of the real one.
 */
export function deadlineClock(
  now: () => number = () => performance.now(),
  shortageMs: () => number = cpuShortageMs,
): () => number {
  const [start, before] = [now(), shortageMs()];
  return () => {
    const elapsed = now() - start;
    return Math.max(elapsed - (shortageMs() - before), elapsed / MAX_STRETCH);
  };
}

/**
 * Waits until `condition` gives something other than `undefined` or `false`, asking every `everyMs`.
 * An exception of the condition ends the wait.
 * @param deadlineMs - milliseconds from now, as {@link deadlineClock} counts them
 * @throws NetlabError `DEADLINE`, naming `what`
 */
export async function waitFor<T>(
  what: string,
  condition: () => T | undefined | false | Promise<T | undefined | false>,
  deadlineMs: number,
  everyMs = 20,
): Promise<T> {
  const elapsed = deadlineClock();
  for (;;) {
    const value = await condition();
    if (value !== undefined && value !== false) return value;
    if (elapsed() > deadlineMs) throw new NetlabError("DEADLINE", `${what}: not within ${deadlineMs} ms`);
    await sleep(everyMs);
  }
}
