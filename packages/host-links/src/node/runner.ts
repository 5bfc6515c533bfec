import { spawn, spawnSync } from "node:child_process";
import { LinksError } from "../errors.ts";
import type { Command, Runner } from "../types.ts";

/** A runner that can also keep a command running, which a watcher needs. */
export interface HostRunner extends Runner {
  /**
   * Runs `command` until stopped, calling `onOutput` for each piece of output. The caller restarts it if it ends. The command
   * does not outlive this process, however that ends.
   */
  follow(command: Command, onOutput: (text: string) => void, onExit: () => void): () => void;
}

/** How {@link createHostRunner} runs commands. */
export interface HostRunnerOptions {
  /** Path of the namespace that plays the host. @defaultValue that of this process */
  readonly netns?: string;
  /** Longer running commands are killed. Milliseconds. @defaultValue 10000 */
  readonly timeoutMs?: number;
}

/** Runs commands on this machine by argv, never through a shell. `nsenter` (util-linux) changes namespaces without a trace. */
export function createHostRunner({ netns, timeoutMs = 10_000 }: HostRunnerOptions = {}): HostRunner {
  const argvOf = ({ argv, netns: own }: Command): [string, ...string[]] => {
    const place = own ?? netns;
    return (place === undefined ? argv : ["nsenter", `--net=${place}`, "--", ...argv]) as [string, ...string[]];
  };
  return {
    run: (command) => runOnce(argvOf(command), command.stdin ?? "", timeoutMs),
    follow: (command, onOutput, onExit) => follow([...mortal(), ...argvOf(command)], onOutput, onExit),
  };
}

function runOnce([file, ...args]: readonly string[], stdin: string, timeoutMs: number): ReturnType<Runner["run"]> {
  return new Promise((resolve, reject) => {
    const child = spawn(file!, args, { stdio: ["pipe", "pipe", "pipe"], timeout: timeoutMs, killSignal: "SIGKILL" });
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    // A command that exits without reading its input is judged by its exit code.
    child.stdin.on("error", () => {});
    child.on("error", (cause) =>
      reject(new LinksError("LINKS_COMMAND_FAILED", `cannot run ${file}: ${cause.message}`, { cause })),
    );
    child.on("close", (code, signal) =>
      resolve({ code: code ?? 128, stdout, stderr: signal ? `${stderr}killed by ${signal}` : stderr }),
    );
    child.stdin.end(stdin);
  });
}

function follow([file, ...args]: readonly string[], onOutput: (text: string) => void, onExit: () => void): () => void {
  const child = spawn(file!, args, { stdio: ["ignore", "pipe", "ignore"] });
  child.stdout.setEncoding("utf8").on("data", onOutput);
  child.on("error", onExit);
  child.on("exit", onExit);
  child.unref();
  return () => {
    child
      .removeAllListeners("exit")
      .removeAllListeners("error")
      .on("error", () => {});
    child.kill("SIGKILL");
  };
}

let prefix: readonly string[] | undefined;

/**
 * Words that have the kernel kill a command with this process. A monitor whose reader is gone would otherwise run until the
 * next event. Empty where `setpriv` (util-linux 2.33) is missing or is busybox's.
 */
function mortal(): readonly string[] {
  const words = ["setpriv", "--pdeathsig", "KILL", "--"] as const;
  prefix ??= spawnSync(words[0], [...words.slice(1), "true"], { stdio: "ignore" }).status === 0 ? words : [];
  return prefix;
}
