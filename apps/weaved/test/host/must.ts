import { execFile } from "node:child_process";
import { promisify } from "node:util";

const run = promisify(execFile);

/** Runs a program of this machine that must succeed; what it prints. */
export async function must(file: string, args: readonly string[], cwd: string): Promise<string> {
  return (await run(file, args, { cwd })).stdout;
}
