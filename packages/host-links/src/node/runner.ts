import { spawn } from "node:child_process";
import { LinksError } from "../errors.ts";
import type { Command, Runner } from "../types.ts";

/** A runner that can also keep a command running, which a watcher needs. */
export interface HostRunner extends Runner {
  /** Runs `command` until stopped, calling `onOutput` for each piece of output; restarting it is the caller's business. */
  follow(command: Command, onOutput: () => void, onExit: () => void): () => void;
}

/** How {@link createHostRunner} runs commands. */
export interface HostRunnerOptions {
  /** Path of the namespace that plays the host. @defaultValue the one we are in */
  readonly netns?: string;
  /** Commands running longer are killed. @defaultValue 10000 */
  readonly timeoutMs?: number;
}

/** Runs commands on this machine by argv, never through a shell. `nsenter` (util-linux) changes namespaces and leaves no residue. */
export function createHostRunner({ netns, timeoutMs = 10_000 }: HostRunnerOptions = {}): HostRunner {
  const argvOf = ({ argv, netns: own }: Command): [string, ...string[]] => {
    const place = own ?? netns;
    return (place === undefined ? argv : ["nsenter", `--net=${place}`, "--", ...argv]) as [string, ...string[]];
  };
  return {
    run(command) {
      const [file, ...args] = argvOf(command);
      return new Promise((resolve, reject) => {
        const child = spawn(file, args, { stdio: ["pipe", "pipe", "pipe"], timeout: timeoutMs, killSignal: "SIGKILL" });
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
        child.stdin.end(command.stdin ?? "");
      });
    },
    follow(command, onOutput, onExit) {
      const [file, ...args] = argvOf(command);
      const child = spawn(file, args, { stdio: ["ignore", "pipe", "ignore"] });
      child.stdout.on("data", onOutput);
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
    },
  };
}
