import { execFile, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { text } from "node:stream/consumers";
import { promisify } from "node:util";
import { createClient, parseEndpoint } from "../client/client.ts";
import { findClient } from "../client/find.ts";
import { CniError } from "./error.ts";
import { runCni } from "./plugin.ts";

/** The executable that container runtimes call: CNI specification 1.0. Standard output is for the result alone. */

const run = promisify(execFile);

async function delegate(stdin: string, type: string, command: string): Promise<string> {
  const found = (process.env.CNI_PATH ?? "")
    .split(delimiter)
    .map((folder) => join(folder, type))
    .find((path) => !type.includes("/") && existsSync(path));
  if (!found) throw new CniError(7, `there is no address plugin ${type} in CNI_PATH`);
  const child = spawn(found, [], { env: { ...process.env, CNI_COMMAND: command }, stdio: ["pipe", "pipe", "inherit"] });
  child.stdin.on("error", () => {});
  child.stdin.end(stdin);
  const [output, code] = await Promise.all([
    text(child.stdout),
    new Promise<number>((resolve) =>
      child.once("error", () => resolve(127)).once("exit", (status) => resolve(status ?? 1)),
    ),
  ]);
  if (code !== 0) throw new CniError(5, `the address plugin ${type} failed`, output.trim());
  return output;
}

async function inspect(netns: string, ifname: string): Promise<readonly string[] | undefined> {
  try {
    const { stdout } = await run("nsenter", [`--net=${netns}`, "ip", "-j", "-4", "address", "show", "dev", ifname]);
    const [link] = JSON.parse(stdout) as { addr_info: { local: string; prefixlen: number }[] }[];
    return link?.addr_info.map(({ local, prefixlen }) => `${local}/${prefixlen}`);
  } catch {
    return undefined;
  }
}

try {
  const stdin = await text(process.stdin);
  const output = await runCni({
    env: process.env,
    stdin,
    client: (address) => (address === undefined ? findClient(process.env) : createClient(parseEndpoint(address))),
    delegate: (type, command) => delegate(stdin, type, command),
    inspect,
  });
  if (output !== "") process.stdout.write(`${output}\n`);
} catch (error) {
  const { code, message, details } = error instanceof CniError ? error : new CniError(5, (error as Error).message);
  process.stdout.write(`${JSON.stringify({ cniVersion: "1.0.0", code, msg: message, ...(details && { details }) })}\n`);
  process.exitCode = 1;
}
