import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { NetlabError } from "../errors.ts";
import { childrenOf } from "./proc.ts";
import { exitCode, kill, waitFor } from "./run.ts";

/** A process that runs in a place until it ends or is stopped. */
export interface Daemon {
  readonly name: string;
  /** Pid as this machine sees it; inside a process namespace it has another one. */
  readonly pid: number;
  /** Standard output and error together. */
  readonly logFile: string;
  /** Exit code, 128 + number after a signal; undefined while it runs. */
  readonly code: number | undefined;
  /** Resolves with the exit code. Never rejects. */
  readonly exited: Promise<number>;
  /** Everything logged so far. */
  log(): string;
  /** Waits for a line; rejects with `DEADLINE`, or `COMMAND_FAILED` when the process ends first. */
  waitForLog(pattern: RegExp, deadlineMs: number): Promise<RegExpExecArray>;
  /** Sends a signal. `kill("SIGKILL")` is the crash test. @defaultValue SIGTERM */
  kill(signal?: NodeJS.Signals): void;
  /** SIGSTOP: alive for the kernel, dead for its peers. */
  pause(): void;
  /** SIGCONT. */
  resume(): void;
  /** SIGTERM, then SIGKILL after the deadline; resolves when it is gone. @defaultValue 5000 */
  stop(deadlineMs?: number): Promise<number>;
}

/** What is needed to start one. */
export interface DaemonSpec {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly logFile: string;
  /** The command starts the real process as its only child (nsenter into a process namespace). */
  readonly forks: boolean;
}

async function realPid(child: ChildProcess, forks: boolean): Promise<number> {
  const pid = child.pid;
  if (pid === undefined || !forks) return pid ?? 0;
  const found = await waitFor(
    "the process in its namespace",
    () => childrenOf(pid)[0] ?? (child.exitCode !== null && pid),
    5000,
    2,
  );
  return found;
}

/** Starts a daemon with its output in a file, which costs this process nothing. */
export async function startDaemon(spec: DaemonSpec): Promise<Daemon> {
  const fd = openSync(spec.logFile, "a");
  const child = spawn(spec.command, spec.args, { env: { ...process.env, ...spec.env }, stdio: ["ignore", fd, fd] });
  closeSync(fd);
  let code: number | undefined;
  const exited = new Promise<number>((resolve) => {
    const end = (result: number) => {
      code = result;
      resolve(result);
    };
    child.once("error", () => end(127));
    child.once("exit", (status, signal) => end(exitCode(status, signal)));
  });
  const pid = await realPid(child, spec.forks);
  const log = () => readFileSync(spec.logFile, "utf8");
  const send = (signal: NodeJS.Signals) => {
    if (code !== undefined) return;
    kill(pid, signal);
    // nsenter stops itself along with its child, after which it would never notice the child's end.
    if (spec.forks && (signal === "SIGCONT" || signal === "SIGKILL")) kill(child.pid ?? pid, "SIGCONT");
  };
  return {
    name: spec.name,
    pid,
    logFile: spec.logFile,
    get code() {
      return code;
    },
    exited,
    log,
    waitForLog: (pattern, deadlineMs) =>
      waitFor(
        `"${pattern.source}" in the log of ${spec.name}`,
        () => {
          const match = new RegExp(pattern.source, pattern.flags.replace("g", "")).exec(log());
          if (match === null && code !== undefined) throw endedEarly(spec.name, code, log());
          return match ?? undefined;
        },
        deadlineMs,
      ),
    kill: (signal = "SIGTERM") => send(signal),
    pause: () => send("SIGSTOP"),
    resume: () => send("SIGCONT"),
    async stop(deadlineMs = 5000) {
      send("SIGCONT");
      send("SIGTERM");
      const timer = setTimeout(() => send("SIGKILL"), deadlineMs);
      return exited.finally(() => clearTimeout(timer));
    },
  };
}

function endedEarly(name: string, code: number, log: string): NetlabError {
  return new NetlabError("COMMAND_FAILED", `${name} ended with ${code}; its log ends: ${log.slice(-1000)}`);
}
