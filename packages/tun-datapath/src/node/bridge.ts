import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { promisify } from "node:util";

const run = promisify(execFile);

/** Runs `ip`, `bridge`; rejects with its message. */
export async function command(program: "ip" | "bridge", ...args: string[]): Promise<string> {
  const { stdout } = await run(program, args);
  return stdout;
}

/** Runs commands in one process, one after the other; rejects at the first that fails, naming it. */
export async function all(program: "ip" | "bridge", lines: readonly string[]): Promise<void> {
  try {
    await feed(program, [], lines);
  } catch (error) {
    const [number] = failedLines(error);
    if (number === undefined) throw error;
    throw new Error(`${program} ${lines[number]}: ${stderrOf(error).split("\n")[0]}`, { cause: error });
  }
}

/** Runs commands in one process, one after the other, whatever becomes of each. Those that failed. */
export async function each(program: "ip" | "bridge", lines: readonly string[]): Promise<string[]> {
  try {
    await feed(program, ["-force"], lines);
    return [];
  } catch (error) {
    const failed = new Set(failedLines(error));
    return lines.filter((_, index) => failed.size === 0 || failed.has(index));
  }
}

/** Numbers of lines, from 0, that the program complained about. */
function failedLines(error: unknown): number[] {
  return [...stderrOf(error).matchAll(/Command failed -:(\d+)/g)].map(([, line]) => Number(line) - 1);
}

function stderrOf(error: unknown): string {
  return (error as { stderr?: string }).stderr ?? "";
}

/** Puts a rule file of nftables in place, in one transaction. Rejects with its first complaint. */
export async function applyRules(rules: string): Promise<void> {
  try {
    const running = run("nft", ["-f", "-"]);
    running.child.stdin?.on("error", () => {}).end(rules);
    await running;
  } catch (error) {
    throw new Error(`nft: ${stderrOf(error).split("\n")[0] || String(error)}`, { cause: error });
  }
}

/** The listing of a table of nftables, without handles; rejects when it is not there. */
export async function listTable(name: string): Promise<string> {
  const { stdout } = await run("nft", ["-s", "list", "table", "inet", name]);
  return stdout;
}

async function feed(program: string, options: readonly string[], lines: readonly string[]): Promise<void> {
  // A complaint of 65 bytes for each line must not end the program half-way.
  const running = run(program, [...options, "-batch", "-"], { maxBuffer: 64 << 20 });
  // A program that ends early, or cannot be run, is judged by that.
  running.child.stdin?.on("error", () => {}).end(`${lines.join("\n")}\n`);
  await running;
}

/** A device's own MAC. */
export function readMac(device: string): number {
  return Number.parseInt(readFileSync(`/sys/class/net/${device}/address`, "utf8").trim().replaceAll(":", ""), 16);
}

/** Plugs the TAP device into its bridge, isolated from other overlay ports, so that flooding cannot loop. */
export async function plugTap(device: string, mtu: number, bridge: string | undefined): Promise<void> {
  const up = `link set dev ${device} mtu ${mtu} up`;
  if (bridge === undefined) return all("ip", [up]);
  // What the bridge has learnt may lead to the port of an earlier program, such as Weave Net 2.8, which no longer forwards anything.
  await all("ip", [up, `link set dev ${device} master ${bridge}`, `link set dev ${bridge} type bridge fdb_flush`]);
  await command("bridge", "link", "set", "dev", device, "isolated", "on");
}
