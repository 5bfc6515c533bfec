import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { closeSync, mkdtempSync, openSync, readFileSync, readSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { deriveOverlayKey } from "@weaved/sleeve-crypto/overlay";
import { afterEach, expect, it } from "vitest";
import { type Lab, makeLab, until } from "./lab.ts";

const LINKS = 10;
let lab: Lab | undefined;
let child: ChildProcess | undefined;
let folder: string | undefined;

afterEach(() => {
  child?.kill("SIGKILL");
  lab?.close();
  if (folder) rmSync(folder, { recursive: true });
});

/** How many of these byte strings are in the memory of a process. */
function countInMemory(pid: number, needles: readonly Buffer[]): number {
  const found = new Set<number>();
  const memory = openSync(`/proc/${pid}/mem`, "r");
  const chunk = Buffer.alloc(8 << 20);
  try {
    for (const line of readFileSync(`/proc/${pid}/maps`, "utf8").split("\n")) {
      const [, from, to] = /^([0-9a-f]+)-([0-9a-f]+) rw/.exec(line) ?? [];
      if (from === undefined || to === undefined) continue;
      const end = Number.parseInt(to, 16);
      // Chunks overlap, so that nothing is missed between two of them.
      for (let at = Number.parseInt(from, 16); at < end; at += chunk.length - 64) {
        const bytes = read(memory, chunk.subarray(0, Math.min(chunk.length, end - at)), at);
        for (const [i, needle] of needles.entries()) if (chunk.subarray(0, bytes).includes(needle)) found.add(i);
      }
    }
  } finally {
    closeSync(memory);
  }
  return found.size;
}

function read(memory: number, into: Buffer, at: number): number {
  try {
    return readSync(memory, into, 0, into.length, at);
  } catch {
    // A mapping that cannot be read, or went meanwhile.
    return 0;
  }
}

it("no session key of a link, and no key made from it, is in the memory of the process after the link has ended", async () => {
  lab = makeLab({ prefix: `sk${process.pid}`, hosts: 1 });
  folder = mkdtempSync(join(tmpdir(), "session-keys-"));
  const keys = Array.from({ length: LINKS }, () => randomBytes(32));
  const file = join(folder, "masked");
  writeFileSync(
    file,
    Buffer.concat(keys).map((byte) => byte ^ 0xa5),
  );
  const script = fileURLToPath(new URL("./keys-peer.ts", import.meta.url));
  const node = [process.execPath, "--import", "tsx", "--conditions=@weaved/source", script, file];
  child = spawn("ip", ["netns", "exec", lab.host(1), ...node], { stdio: ["ignore", "inherit", "inherit", "ipc"] });
  const said: unknown[] = [];
  child.on("message", (message) => said.push(message));
  await until("links", () => said.includes("links"), 60_000);
  const derived = keys.map((sessionKey) =>
    Buffer.from(
      deriveOverlayKey({
        sessionKey,
        protocol: "sleeve-gso xsalsa20-poly1305 xsalsa20-poly1305",
        senderOutbound: true,
        epoch: 0,
      }),
    ),
  );
  const pid = child.pid as number;
  const before = { keys: countInMemory(pid, keys), derived: countInMemory(pid, derived) };
  child.send({ end: true });
  await until("ended links", () => said.includes("ended"), 60_000);
  const after = { keys: countInMemory(pid, keys), derived: countInMemory(pid, derived) };
  console.log("session keys found in memory:", { before, after });
  // The search finds what is there: each link still had its keys.
  expect(before).toEqual({ keys: LINKS, derived: LINKS });
  expect(after).toEqual({ keys: 0, derived: 0 });
  child.send({ end: false });
  await until("exit", () => child?.exitCode !== null);
});
