import { waitFor, waitUntilReachable } from "@weaved/netlab";
import { describe, expect, it } from "vitest";
import { type Cluster, establishedOf, type Node } from "./cluster.ts";
import { figure, scenario, scenarios, seconds } from "./scenario.ts";

const reachable = (from: Node, to: string, deadlineMs = 20_000) =>
  waitUntilReachable(from.container("c1"), to, deadlineMs);

/** Whether pings between two containers are answered. */
async function answers(from: Node, to: string): Promise<boolean> {
  return (await from.container("c1").ping(to, { count: 3, waitMs: 300, intervalMs: 50 })).received > 0;
}

/** A chain a - b - c, nobody told of more than the neighbour. */
const chain = (flags: readonly string[], middle: readonly string[] = flags) => ({
  hosts: ["a", "b", "c"],
  all: { flags },
  each: { b: { flags: middle, peers: ["a"] }, c: { peers: ["b"] } },
});

describe("discovery", () => {
  scenario(
    "lets the ends of a chain connect directly, and survive the loss of the middle (120)",
    chain([]),
    async ({ node, linked }) => {
      const [a, b, c] = [node("a"), node("b"), node("c")];
      await linked(2);
      await a.attach("c1");
      const to = await c.attach("c1");
      await reachable(a, to);
      await b.crash();
      const since = performance.now();
      await reachable(a, to);
      figure("ends of a chain reach each other after the middle died, seconds", seconds(since));
      expect(await a.status("connections")).toContain(c.host.address);
    },
  );

  // The middle has no addresses of its own to hand out: it only passes on what it does not understand.
  scenario(
    "switched off, has traffic and address gossip relayed by a middle without IPAM, until it goes (120)",
    chain(["--no-discovery"], ["--no-discovery", "--ipalloc-range="]),
    async ({ node, linked }) => {
      const [a, b, c] = [node("a"), node("b"), node("c")];
      await linked(1);
      expect(await establishedOf(a)).toBe(1);
      const from = await a.attach("c1");
      const to = await c.attach("c1");
      expect(to).not.toBe(from);
      await reachable(a, to);
      expect(await a.status("connections")).not.toContain(c.host.address);
      expect(await a.weave("explain", from, to)).toContain(`relayed by ${b.peerName}(b)`);
      await b.crash();
      await waitFor("no way is left", async () => !(await answers(a, to)), 20_000, 100);
    },
  );
});

scenarios(
  "targets",
  { hosts: ["a", "b"], each: { b: { peers: [] } }, all: { flags: ["--no-discovery"] } },
  (cluster) => {
    const targets = async (node: Node) => (await node.weave("status", "targets")).trim().split("\n").sort();
    const peers = (node: Node) => node.weave("status", "peers");

    it("nobody can reach are recorded; others replace them and are connected to (150)", async () => {
      const [a, b] = both(cluster);
      await a.weave("connect", "10.77.1.200", "10.77.1.201");
      expect(await targets(a)).toEqual(["10.77.1.200", "10.77.1.201"]);
      await a.weave("connect", "--replace", b.host.address);
      expect(await targets(a)).toEqual([b.host.address]);
      await waitFor("connected", async () => (await establishedOf(a)) === 1, 20_000);
    });

    it("survive a crash of the daemon and `--resume`, not an orderly stop and a fresh start (175)", async () => {
      const [a, b] = both(cluster);
      await a.crash();
      await a.start({ peers: [] });
      expect(await targets(a)).toEqual([b.host.address]);
      await waitFor("connected after a crash", async () => (await establishedOf(a)) === 1, 20_000);
      await a.stop();
      await a.start({ flags: ["--no-discovery", "--resume"] });
      expect(await targets(a)).toEqual([b.host.address]);
      await a.stop();
      await a.start({ flags: ["--no-discovery"] });
      expect(await targets(a)).toEqual([""]);
    });

    it("that are forgotten are not connected to again when they come back (150)", async () => {
      const [a, b] = both(cluster);
      await a.weave("connect", b.host.address);
      await waitFor("connected", async () => (await establishedOf(a)) === 1, 20_000);
      await a.weave("forget", b.host.address);
      expect(await peers(a)).toContain(b.peerName);
      await b.stop();
      await waitFor("the peer is gone", async () => !(await peers(a)).includes(b.peerName), 20_000);
      await b.start();
      // Nobody has a reason to connect now: the list of targets is empty on both sides.
      expect(await targets(a)).toEqual([""]);
      expect(await targets(b)).toEqual([""]);
      // A try is some seconds after the last; none may come.
      const connected = waitFor("a link", async () => (await establishedOf(a)) > 0, 6000, 100);
      await expect(connected).rejects.toMatchObject({ code: "DEADLINE" });
    });
  },
);

function both(cluster: () => Cluster): [Node, Node] {
  return [cluster().node("a"), cluster().node("b")];
}

scenarios("a crash of the daemon", { hosts: ["a", "b"] }, (cluster) => {
  it("costs containers on the kernel's path nothing, and the bridge is whole again afterwards (191)", async () => {
    const [a, b] = both(cluster);
    await cluster().linked(1);
    await a.attach("c1");
    const to = await b.attach("c1");
    await reachable(a, to);
    // The first answer may have come over user space: the kernel's path is taken once it has been probed.
    const kernelPath = async () => (await a.status("connections")).includes("vxlan");
    await waitFor("the link takes the kernel's path", kernelPath, 20_000, 50);
    for (const one of [a, b]) {
      const entries = () => one.host.must("bridge", ["fdb", "show", "dev", "vx-weave"]);
      // Entries follow what was learnt from traffic.
      const forwards = async () => (await answers(a, to)) && (await entries()).includes("sticky");
      await waitFor("the kernel forwards", forwards, 20_000, 50);
    }
    const rules = await a.host.must("nft", ["list", "table", "inet", "weave"]);
    await a.crash();
    const without = await a.container("c1").ping(to, { count: 20, intervalMs: 50, waitMs: 500 });
    figure("pings answered while the daemon is down, of 20", without.received);
    expect(without.received).toBe(20);
    await a.host.must("ip", ["link", "set", "weave", "down"]);
    await a.start();
    const since = performance.now();
    await reachable(a, to);
    figure("seconds from the daemon's answer to the first ping through a bridge that had been down", seconds(since));
    expect(await a.host.must("nft", ["list", "table", "inet", "weave"])).toBe(rules);
  });

  it("is not needed for rules to come back after somebody flushed them (135)", async () => {
    const [a] = both(cluster);
    await a.weave("expose");
    const list = async () => (await a.host.exec("nft", ["list", "table", "inet", "weave"])).stdout;
    const before = await list();
    expect(before).toContain("masquerade");
    const since = performance.now();
    await a.host.must("nft", ["flush", "ruleset"]);
    await waitFor("the rules are back", async () => (await list()) === before, 5000, 20);
    figure("seconds until flushed rules are back", seconds(since));
  });
});
