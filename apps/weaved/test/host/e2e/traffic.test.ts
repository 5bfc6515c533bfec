import { readFileSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import { waitFor, waitUntilReachable } from "@weaved/netlab";
import { describe, expect } from "vitest";
import type { Node } from "./cluster.ts";
import { establishedOf } from "./cluster.ts";
import { figure, scenario, seconds } from "./scenario.ts";

const two = ["a", "b"];
const password = ["--password=correct-horse-battery"];

/** Containers c1 of two nodes, reachable from each other. */
async function pair(a: Node, b: Node, deadlineMs = 20_000): Promise<{ from: string; to: string }> {
  const from = await a.attach("c1");
  const to = await b.attach("c1");
  await waitUntilReachable(a.container("c1"), to, deadlineMs);
  return { from, to };
}

/** Marker that the payload of every ping carries. */
const marker = "5365616c65644f724e6f743f"; // "SealedOrNot?"

/** Sends marked traffic from container to container while recording host a's cable; whether the marker was seen. */
async function markerOnWire(a: Node, to: string): Promise<{ seen: boolean; packets: number }> {
  const capture = await a.host.capture();
  const sent = await a.container("c1").exec("ping", ["-n", "-c", "20", "-i", "0.02", "-W", "1", "-p", marker, to]);
  expect(sent.stdout).toMatch(/ 0% packet loss/);
  const { packets } = await capture.stop();
  return { seen: readFileSync(capture.file).includes(Buffer.from(marker, "hex")), packets };
}

describe("containers on different hosts", () => {
  scenario("talk over a plain network, and status says so on both ends", { hosts: two }, async ({ node, linked }) => {
    await linked(1);
    const [a, b] = [node("a"), node("b")];
    const { to } = await pair(a, b);
    const ping = await a.container("c1").ping(to, { count: 50, intervalMs: 10 });
    expect(ping.lossPercent).toBe(0);
    const { seen } = await markerOnWire(a, to);
    expect(seen, "plain traffic is plain").toBe(true);
    for (const one of [a, b]) expect(await one.status("connections")).toMatch(/ established vxlan /);
    expect(await a.call("GET", "/metrics")).toMatch(/weave_connections\{.*encryption="".*\} 1/);
    const { bitsPerSecond } = await a.container("c1").iperf(b.container("c1"), { seconds: 2, address: to });
    figure("plain TCP, container to container", `${(bitsPerSecond / 1e6).toFixed(0)} Mbit/s`);
    expect(bitsPerSecond).toBeGreaterThan(20e6);
  });

  scenario(
    "talk sealed with a password: no plain byte of theirs is on the wire",
    { hosts: two, all: { flags: password } },
    async ({ node, linked }) => {
      await linked(1);
      const [a, b] = [node("a"), node("b")];
      const { to } = await pair(a, b);
      const { seen, packets } = await markerOnWire(a, to);
      expect(packets).toBeGreaterThanOrEqual(40);
      expect(seen).toBe(false);
      for (const one of [a, b]) expect(await one.status("connections")).toMatch(/ established +encrypted /);
      expect(await a.status()).toMatch(/Encryption: enabled/);
      expect(await a.call("GET", "/metrics")).toMatch(/weave_connections\{.*encryption="yes".*\} 1/);
      const { bitsPerSecond } = await a.container("c1").iperf(b.container("c1"), { seconds: 2, address: to });
      figure("sealed TCP, container to container", `${(bitsPerSecond / 1e6).toFixed(0)} Mbit/s`);
      for (const one of [a, b]) expect(one.log()).not.toContain("correct-horse");
    },
  );

  scenario(
    "talk sealed when only one side trusts the subnet, in clear when both do",
    { hosts: two, all: { flags: password }, each: { a: { flags: [...password, "--trusted-subnets=10.77.1.0/24"] } } },
    async ({ node, linked }) => {
      const [a, b] = [node("a"), node("b")];
      await linked(1);
      const { to } = await pair(a, b);
      expect((await markerOnWire(a, to)).seen).toBe(false);
      expect(await a.status("connections")).toMatch(/ encrypted /);
      await b.stop();
      await b.start({ flags: [...password, "--trusted-subnets=10.77.1.0/24"] });
      await linked(1);
      await waitUntilReachable(a.container("c1"), to, 20_000);
      expect(await a.status("connections")).toMatch(/ unencrypted /);
      expect((await markerOnWire(a, to)).seen).toBe(true);
    },
  );

  scenario(
    "are kept apart from a host with another password, which costs one line of log and no more",
    { hosts: ["a", "b", "c"], all: { flags: password }, each: { c: { flags: ["--password=wrong"] } } },
    async ({ node, linked }) => {
      const [a, b, c] = [node("a"), node("b"), node("c")];
      await linked(1, ["a", "b"]);
      const { to } = await pair(a, b);
      await waitFor(
        "c gives up",
        async () => (await c.status("connections")).match(/ (failed|retrying) /) !== null,
        15_000,
        100,
      );
      expect(await establishedOf(c)).toBe(0);
      expect(await establishedOf(a)).toBe(1);
      expect(await a.status("peers")).not.toContain(c.peerName);
      expect((await a.container("c1").ping(to, { count: 20 })).lossPercent).toBe(0);
      const complaints = a
        .log()
        .split("\n")
        .filter((line) => line.includes(c.host.address) && /password|encrypt|decrypt|authentic/i.test(line));
      figure("log lines of a about a wrong password, over some seconds", complaints.length);
      expect(complaints.length).toBeGreaterThan(0);
      expect(complaints.length).toBeLessThanOrEqual(3);
    },
  );
});

describe("the path between hosts", () => {
  for (const [title, flags] of [
    ["plain", []],
    ["sealed", password],
    ["without the kernel's VXLAN", ["--no-fastdp"]],
  ] as const) {
    scenario(
      `${title}: loses packets above 700 bytes without a word; large pings and TCP pass all the same`,
      { hosts: two, start: [] },
      async ({ node, linked }) => {
        for (const one of [node("a"), node("b")]) await swallowLarge(one);
        await Promise.all([node("a").start({ flags }), node("b").start({ flags, peers: ["a"] })]);
        await linked(1);
        const [a, b] = [node("a"), node("b")];
        const { to } = await pair(a, b);
        const since = performance.now();
        const arrives = async () =>
          (await a.container("c1").ping(to, { bytes: 10_000, count: 1, waitMs: 1000 })).received > 0;
        await waitFor("10 kB pings arrive", arrives, 45_000, 200);
        figure(`${title}: seconds until 10 kB pings pass a path of 700 bytes`, seconds(since));
        const { bitsPerSecond } = await a.container("c1").iperf(b.container("c1"), { seconds: 2, address: to });
        figure(`${title}: TCP over a path of 700 bytes`, `${(bitsPerSecond / 1e6).toFixed(1)} Mbit/s`);
        expect(bitsPerSecond).toBeGreaterThan(1e6);
        for (const one of [a, b]) expect(await swallowed(one), `packets that ${one.name} lost`).toBeGreaterThan(0);
      },
    );

    scenario(
      `${title}: gets a smaller MTU while TCP runs; it goes on`,
      { hosts: two, all: { flags } },
      async ({ node, linked, lab }) => {
        await linked(1);
        const [a, b] = [node("a"), node("b")];
        const { to } = await pair(a, b);
        const running = a.container("c1").iperf(b.container("c1"), { seconds: 6, address: to });
        await setTimeout(1500);
        await lab.faults.setMtu("a", 1000);
        await lab.faults.setMtu("b", 1000);
        const before = await bytesInto(b);
        const { bitsPerSecond } = await running;
        figure(
          `${title}: TCP over a path that shrank to 1000 bytes meanwhile`,
          `${(bitsPerSecond / 1e6).toFixed(1)} Mbit/s`,
        );
        const moved = (await bytesInto(b)) - before;
        expect(moved, "bytes that arrived after the change").toBeGreaterThan(1e6);
        await waitUntilReachable(a.container("c1"), to, 5000);
      },
    );
  }

  scenario(
    "carries bulk TCP between interfaces of 64 KiB frames without the kernel's VXLAN",
    { hosts: two, all: { flags: ["--no-fastdp"] } },
    async ({ node, linked }) => {
      await linked(1);
      const [a, b] = [node("a"), node("b")];
      const { to } = await pair(a, b);
      expect(Number(await a.container("c1").must("cat", ["/sys/class/net/ethwe/mtu"]))).toBeGreaterThan(65_000);
      const { bitsPerSecond } = await a.container("c1").iperf(b.container("c1"), { seconds: 2, address: to });
      figure("TCP with 64 KiB frames, no fast path", `${(bitsPerSecond / 1e6).toFixed(0)} Mbit/s`);
      expect(bitsPerSecond).toBeGreaterThan(20e6);
    },
  );
});

/**
 * Drops large UDP packets and fragments on their way in, without a word. TCP passes, as behind a path that mends its MSS;
 * segments are cut by the sender, as a real cable has it, or their batches would be judged as one packet.
 */
async function swallowLarge({ host }: Node): Promise<void> {
  await host.must("ip", ["link", "set", "eth0", "gso_max_segs", "1"]);
  await host.must("nft", ["-f", "-"], {
    input: `table ip hole {
  chain prerouting {
    type filter hook prerouting priority -450
    iifname "eth0" ip protocol udp meta length > 700 counter drop
  }
}
`,
  });
}

/** How many packets {@link swallowLarge} has dropped so far. */
async function swallowed({ host }: Node): Promise<number> {
  return Number(/counter packets (\d+)/.exec(await host.must("nft", ["list", "table", "ip", "hole"]))?.[1]);
}

/** Bytes that container c1 of a node has received so far. */
async function bytesInto(node: Node): Promise<number> {
  return Number(await node.container("c1").must("cat", ["/sys/class/net/ethwe/statistics/rx_bytes"]));
}
