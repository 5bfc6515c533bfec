import { type ChildProcess, execFile, spawn } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);
/** Ignored by git, kept between runs: the second run needs no network. */
const VENV = fileURLToPath(new URL("../../../../../.cache/moto", import.meta.url));
/** The version these tests were written against, used when it has to be installed. */
const MOTO = "moto[server,ec2]==5.2.1";

/** A running EC2 API server. */
export interface Moto {
  readonly endpoint: string;
  close(): Promise<void>;
}

/**
 * Why moto cannot run here; undefined if it can. It is installed where it is missing, so the reasons are: no Python, or,
 * outside CI, no moto without a network.
 */
export async function whyNoMoto(): Promise<string | undefined> {
  const found = await run("python3", ["--version"]).catch(() => undefined);
  if (found === undefined) return "there is no python3 to run moto's EC2 server";
  try {
    await motoCommand();
    return undefined;
  } catch (error) {
    if (process.env.CI !== undefined) throw error;
    return `python3 has no moto, and installing it failed: ${String(error).split("\n")[0]}`;
  }
}

/** The server's command: one that is installed, else one in a virtual environment of this checkout. */
async function motoCommand(): Promise<readonly [string, readonly string[]]> {
  const here = await run("python3", ["-c", "import moto.server, flask"]).then(
    () => true,
    () => false,
  );
  if (here) return ["python3", ["-m", "moto.server"]];
  const python = join(VENV, "bin", "python");
  if (!existsSync(join(VENV, "bin", "moto_server"))) {
    mkdirSync(VENV, { recursive: true });
    await run("python3", ["-m", "venv", VENV]);
    await run(python, ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", MOTO], { timeout: 110_000 });
  }
  return [python, ["-m", "moto.server"]];
}

/** Starts moto on a free port; resolves when it answers. */
export async function startMoto(): Promise<Moto> {
  const [command, prefix] = await motoCommand();
  const port = await freePort();
  const child = spawn(command, [...prefix, "-H", "127.0.0.1", "-p", String(port)], { stdio: "ignore" });
  const endpoint = `http://127.0.0.1:${port}`;
  await answered(endpoint, child);
  return {
    endpoint,
    close: () =>
      new Promise((resolve) => {
        if (child.exitCode !== null) return resolve();
        child.once("exit", () => resolve());
        child.kill();
      }),
  };
}

async function answered(endpoint: string, child: ChildProcess): Promise<void> {
  const deadline = Date.now() + 60_000;
  for (;;) {
    const up = await fetch(`${endpoint}/moto-api/data.json`).then(
      (answer) => answer.ok,
      () => false,
    );
    if (up) return;
    if (child.exitCode !== null) throw new Error(`moto ended with ${child.exitCode}`);
    if (Date.now() > deadline) throw new Error("moto did not answer within a minute");
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}
