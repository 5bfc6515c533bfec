/** One bash in which the fences of a README run one after the other, so that variables and folders live on. */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/**
 * Reads names of files from descriptor 3, runs each, says on 4 that it is done. What a file starts gets neither
 * descriptor: a daemon that stays would keep them open. The first command that fails ends the shell.
 */
const loop = `
trap 'printf "%s\\n" "$LINENO" >"$fence.line"' ERR
while IFS= read -r fence <&3; do
  . "$fence" >"$fence.out" 2>"$fence.err" </dev/null 3<&- 4>&-
  echo done >&4
done`;

/**
 * @typedef {{ ok: boolean, line: number | undefined, out: string, err: string }} Outcome `line`, from 1, is the one that failed
 * @typedef {{ run(code: string, limitMs: number): Promise<Outcome>, close(): Promise<void> }} Shell
 */

/**
 * @param {object} options
 * @param {(program: string, args: string[]) => readonly string[]} [options.enter] the argv that runs a program elsewhere
 * @param {string} options.cwd
 * @param {Record<string, string | undefined>} options.env
 * @param {string} options.temp a folder for the fences
 * @returns {Shell}
 */
export function openShell({ enter = (program, args) => [program, ...args], cwd, env, temp }) {
  const dir = mkdtempSync(join(temp, "shell-"));
  const [program, ...args] = enter("bash", ["-Eeuo", "pipefail", "-c", `cd "$0"\n${loop}`, cwd]);
  // A group of its own: what a fence left running in the background ends with it.
  const child = spawn(program, args, { cwd, env, detached: true, stdio: ["ignore", 2, 2, "pipe", "pipe"] });
  let ended = false;
  const end = new Promise((resolve) => {
    child.once("error", resolve);
    child.once("exit", resolve);
  }).then(() => {
    ended = true;
  });
  child.stdio[3].on("error", () => {}); // a shell that ended reads no more
  let count = 0;

  const signal = (name) => {
    try {
      process.kill(-child.pid, name);
    } catch {
      // It has ended with everything it started.
    }
  };
  /** Softly first: `npm start` clears its lab away. */
  const close = async () => {
    signal("SIGTERM");
    if (!ended) await Promise.race([end, new Promise((resolve) => setTimeout(resolve, 10_000).unref())]);
    signal("SIGKILL");
  };
  return {
    async run(code, limitMs) {
      const file = join(dir, `${++count}.sh`);
      writeFileSync(file, code);
      const done = new Promise((resolve) => child.stdio[4].once("data", () => resolve("done")));
      const late = new Promise((resolve) => setTimeout(resolve, limitMs, "late").unref());
      child.stdio[3].write(`${file}\n`);
      const how = await Promise.race([done, end, late]);
      if (how === "late") await close();
      const line = Number(read(`${file}.line`)) || undefined;
      const note = how === "late" ? `not done within ${limitMs / 1000} s\n` : "";
      return { ok: how === "done", line, out: read(`${file}.out`), err: note + read(`${file}.err`) };
    },
    close,
  };
}

function read(file) {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
