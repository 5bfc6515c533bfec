import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { promisify } from "node:util";

const run = promisify(execFile);

/** Runs `ip`, `bridge`; rejects with its message. */
export async function command(program: "ip" | "bridge", ...args: string[]): Promise<string> {
  const { stdout } = await run(program, args);
  return stdout;
}

/** A device's own MAC. */
export function readMac(device: string): number {
  return Number.parseInt(readFileSync(`/sys/class/net/${device}/address`, "utf8").trim().replaceAll(":", ""), 16);
}

/** Plugs the TAP device into its bridge, isolated from other overlay ports, so that flooding cannot loop. */
export async function plugTap(device: string, mtu: number, bridge: string | undefined): Promise<void> {
  await command("ip", "link", "set", "dev", device, "mtu", String(mtu), "up");
  if (bridge === undefined) return;
  await command("ip", "link", "set", "dev", device, "master", bridge);
  await command("bridge", "link", "set", "dev", device, "isolated", "on");
  // What the bridge has learnt may lead to the port of a predecessor, the original's say, which no longer passes anything on.
  await command("ip", "link", "set", "dev", bridge, "type", "bridge", "fdb_flush");
}
