import { type ChildProcessByStdio, spawn } from "node:child_process";
import type { Readable } from "node:stream";
import { afterEach, describe, expect, it } from "vitest";
import { type Lab, makeLab, type Peer, type PeerOptions, sh, shAsync, startPeer, until } from "./lab.ts";

/*
 *   c1 -- h1 ===== underlay ===== h2 -- c2      two hosts of ours, see lab.ts
 *                  captures on both eth0
 */
const [A, B] = [0x0a0000000001, 0x0a0000000002];
const PAYLOAD = "574156454457415645445741564544";
const [ALL, OURS] = ["vxlan sleeve-gso sleeve", ["10.99.0.0/24"]];
let lab: Lab | undefined;
let peers: Peer[] = [];
let captures: Capture[] = [];

afterEach(async () => {
  for (const capture of captures) capture.stop();
  await Promise.all(peers.map((peer) => peer.stop()));
  [peers, captures] = [[], []];
  lab?.close();
  lab = undefined;
});

const c = (i: number, command: string): Promise<string> =>
  shAsync(`ip netns exec ${(lab as Lab).container(i)} ${command}`);
const ping = async (): Promise<boolean> =>
  (await c(1, `ping -c 1 -W 1 -s 600 -p ${PAYLOAD} 10.32.0.2 || true`)).includes("1 received");

/** Counts how often the payload of `ping` is seen in plaintext on the underlay of a host. */
class Capture {
  readonly #process: ChildProcessByStdio<null, Readable, Readable>;
  #said = "";
  #tail = "";
  packets = 0;
  seen = 0;

  constructor(ns: string) {
    const command = ["netns", "exec", ns, "tcpdump", "-U", "--immediate-mode", "-i", "eth0", "-w", "-", "udp"];
    this.#process = spawn("ip", command, { stdio: ["ignore", "pipe", "pipe"] });
    this.#process.stdout.setEncoding("latin1").on("data", (chunk: string) => {
      const text = this.#tail + chunk;
      this.packets++;
      this.seen += text.split("WAVEDWAVED").length - 1;
      this.#tail = text.slice(-9);
    });
    this.#process.stderr.on("data", (chunk) => {
      this.#said += chunk;
    });
  }

  ready(): Promise<unknown> {
    return until("tcpdump listens", () => this.#said.includes("listening on"));
  }
  stop(): void {
    this.#process.kill();
  }
}

/** What one host runs with. */
type Settings = Omit<PeerOptions, "ns" | "name" | "dial">;

const hosts = (): Lab => lab as Lab;

async function start(i: 1 | 2, settings: Settings): Promise<Peer> {
  const dial = i === 2 ? [hosts().address(1)] : [hosts().address(2)];
  const peer = await startPeer({ ns: hosts().host(i), name: i === 1 ? A : B, dial, ...settings });
  peers.push(peer);
  return peer;
}

async function end(peer: Peer, how: "stop" | "kill -9"): Promise<void> {
  if (how === "kill -9") peer.process.kill("SIGKILL");
  await peer.stop();
  peers = peers.filter((other) => other !== peer);
}

/** Two hosts whose containers talk through the kernel, and captures on both. */
async function talkThroughKernel(settings: Settings): Promise<[Peer, Peer]> {
  lab = makeLab({ prefix: `pt${process.pid}`, hosts: 2 });
  const both: [Peer, Peer] = [await start(1, settings), await start(2, settings)];
  for (const peer of both)
    await until(
      "vxlan in use",
      async () => (await peer.status()).links.some(({ overlay }) => overlay === "vxlan"),
      60_000,
    );
  await until("frames pass", ping, 60_000);
  captures = [new Capture(hosts().host(1)), new Capture(hosts().host(2))];
  for (const capture of captures) await capture.ready();
  await until("payload on the underlay", async () => {
    await ping();
    return captures.every(({ seen }) => seen > 0);
  });
  return both;
}

const devices = (i: number): string => sh(`ip -n ${hosts().host(i)} -br link show type vxlan`);
const tables = (i: number): string => sh(`ip netns exec ${hosts().host(i)} nft list tables`);
const total = (): number => captures.reduce((sum, { seen }) => sum + seen, 0);

describe("payload on the underlay after hosts of a plaintext network were given a password", () => {
  const changes: [string, Settings, Settings, "stop" | "kill -9"][] = [
    ["and stopped in order", {}, { password: "s3cret" }, "stop"],
    ["and were killed", {}, { password: "s3cret" }, "kill -9"],
    ["without the fast path", {}, { password: "s3cret", overlays: "sleeve-gso sleeve" }, "kill -9"],
    [
      "after their trusted subnets were removed",
      { password: "s3cret", trusted: OURS },
      { password: "s3cret" },
      "kill -9",
    ],
    [
      "after their trusted subnets were changed",
      { password: "s3cret", trusted: OURS },
      { password: "s3cret", trusted: ["192.0.2.0/24"] },
      "kill -9",
    ],
    ["with trusted subnets that are elsewhere", {}, { password: "s3cret", trusted: ["192.0.2.0/24"] }, "kill -9"],
  ];
  it.each(changes)("is none, %s, while pings go on", async (_title, before, after, how) => {
    const both = await talkThroughKernel({ overlays: ALL, ...before });
    for (const peer of both) await end(peer, how);
    for (const i of [1, 2] as const) await start(i, { overlays: ALL, ...after });
    // Both have decided by now. What their kernels inherited is gone before any frame can pass.
    const seen = total();
    await until("frames pass", ping, 60_000);
    for (let i = 0; i < 20; i++) {
      await ping();
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    await until("encrypted frames in the captures", () => captures.every(({ packets }) => packets > 10));
    expect(total() - seen).toBe(0);
    const mayExist = after.trusted !== undefined;
    for (const i of [1, 2]) expect(devices(i) !== "", `vxlan device of host ${i}`).toBe(mayExist);
    for (const i of [1, 2]) expect(tables(i).includes("weave-vxlan"), `filter of host ${i}`).toBe(mayExist);
  });

  it("is none from a host that has the password, when the other one has none yet and no link comes about", async () => {
    const [a] = await talkThroughKernel({ overlays: ALL });
    await end(a, "kill -9");
    await start(1, { overlays: ALL, password: "s3cret" });
    const out = new Capture(hosts().host(1));
    captures.push(out);
    await out.ready();
    // The other host still forwards to this one, because its daemon knows no better; nothing here answers.
    for (let i = 0; i < 5; i++) expect(await ping()).toBe(false);
    expect(sh(`ip -n ${hosts().host(1)} -s link show type vxlan`)).toBe("");
    expect(out.seen).toBe(0);
  });
});

describe("a plaintext network", () => {
  it.each(["stop", "kill -9"] as const)(
    "forwards on while a daemon is away after %s, and after its start",
    async (how) => {
      const [, b] = await talkThroughKernel({ overlays: ALL });
      await end(b, how);
      for (let i = 0; i < 20; i++) expect(await ping()).toBe(true);
      const again = await start(2, { overlays: ALL });
      for (let i = 0; i < 20; i++) expect(await ping()).toBe(true);
      await until(
        "vxlan in use",
        async () => (await again.status()).links.some(({ overlay }) => overlay === "vxlan"),
        60_000,
      );
      expect(await ping()).toBe(true);
    },
  );

  it("no longer forwards what no link confirmed ten seconds after a start", async () => {
    const [a, b] = await talkThroughKernel({ overlays: ALL });
    await end(a, "kill -9");
    await end(b, "kill -9");
    expect(await ping()).toBe(true);
    sh(`ip -n ${hosts().host(1)} addr add 10.99.0.77/24 dev eth0`);
    // Host 1 comes back alone: nothing confirms what its kernel still forwards.
    await start(1, { overlays: ALL });
    const entries = (): string => sh(`bridge -n ${hosts().host(1)} fdb show dev vx-weave | grep 10.99.0.2 || true`);
    expect(entries()).not.toBe("");
    await until("entries gone", () => entries() === "", 30_000);
    expect(await ping()).toBe(false);
    expect(sh(`ip netns exec ${hosts().host(1)} nft list set inet weave-vxlan-6784 sources`)).not.toContain(
      "10.99.0.2",
    );
  });
});
