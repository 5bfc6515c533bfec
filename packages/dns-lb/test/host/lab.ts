import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const exec = promisify(execFile);

/** What a program printed and how it ended. */
export interface Output {
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number;
}

/** Runs a program to its end; a failure is an output, not an exception. */
export async function run(command: string, args: readonly string[], timeout = 20_000): Promise<Output> {
  try {
    const { stdout, stderr } = await exec(command, args, { timeout, maxBuffer: 1 << 24 });
    return { stdout, stderr, code: 0 };
  } catch (error) {
    const { stdout = "", stderr = "", code } = error as { stdout?: string; stderr?: string; code?: number | string };
    return {
      stdout,
      stderr: `${stderr}${typeof code === "string" ? code : ""}`,
      code: typeof code === "number" ? code : 127,
    };
  }
}

/** Whether a program is installed. */
export const has = async (program: string): Promise<boolean> =>
  (await run("sh", ["-c", `command -v ${program}`])).code === 0;

/** A folder with a resolver file, and a way to run programs that see it as /etc/resolv.conf. */
export interface ResolverLab {
  readonly dir: string;
  run(program: string, ...args: string[]): Promise<Output>;
  close(): Promise<void>;
}

/**
 *     this process ── 127.53.x.y port 53 (our server) ──<── program in a mount namespace of its own
 *                                                           /etc/resolv.conf -> that server
 */
export async function resolverLab(server: string, lines: readonly string[] = []): Promise<ResolverLab> {
  const dir = await mkdtemp(join(tmpdir(), "dns-lb-host-"));
  const file = join(dir, "resolv.conf");
  await writeFile(file, [`nameserver ${server}`, ...lines, ""].join("\n"));
  return {
    dir,
    run: (program, ...args) =>
      run("unshare", [
        "--mount",
        "sh",
        "-c",
        'mount --bind "$0" /etc/resolv.conf && exec "$@"',
        file,
        program,
        ...args,
      ]),
    close: () => rm(dir, { recursive: true, force: true }),
  };
}
