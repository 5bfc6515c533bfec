/* What changes hands between whole allocators: space of who leaves, of who is gone, of a network seeded apart. */
import { describe, expect, it } from "vitest";
import type { Allocator } from "../src/index.ts";
import { encodeUnicast } from "../src/wire/allocation-wire.ts";
import { createCluster, stateOf, text } from "./support/cluster.ts";

describe("a peer that has not heard of the ring yet", () => {
  it("gives space to who asked as soon as it has: nobody waits for a tick", async () => {
    const cluster = createCluster(2, { universe: "10.32.0.0/28" });
    const h2 = await cluster.add(2, { init: { kind: "observer" } });
    const range = { start: 0x0a200000, end: 0x0a200010 };
    h2.gossip.onUnicast(1, encodeUnicast({ type: "spaceRequest", range }));
    await cluster.run();
    const h1 = await cluster.add(1, { init: { kind: "seed", peers: [1, 2] } });
    await cluster.run();
    const owned = h1.ranges().filter(({ peer }) => peer === 1);
    expect(owned.reduce((sum, { start, end }) => sum + end - start, 0)).toBeGreaterThan(8);
    expect(h2.ranges()).toEqual(h1.ranges());
  });

  it("gives nothing to who asked and has gone meanwhile", async () => {
    const cluster = createCluster(3, { universe: "10.32.0.0/28" });
    const h2 = await cluster.add(2, { init: { kind: "observer" } });
    const range = { start: 0x0a200000, end: 0x0a200010 };
    h2.gossip.onUnicast(1, encodeUnicast({ type: "spaceRequest", range }));
    await cluster.add(3, { init: { kind: "seed", peers: [2, 3] } });
    await cluster.run();
    expect(h2.ranges().map(({ peer }) => peer)).toEqual([2, 3]);
  });
});

describe("leaving, taking over", () => {
  const three = { init: { kind: "seed", peers: [1, 2, 3] } } as const;
  const owners = (host: Allocator) => [...new Set(host.ranges().map(({ peer }) => peer))];

  it("hands everything to a peer that is there", async () => {
    const cluster = createCluster(3, three);
    const [h1, h2] = [await cluster.add(1), await cluster.add(2), await cluster.add(3)];
    await cluster.run();
    await h1.leave();
    await cluster.run();
    expect(owners(h2)).toEqual([2, 3]);
  });

  it("has one winner when all survivors are told at once", async () => {
    const cluster = createCluster(3, three);
    const [h1, h2] = [await cluster.add(1), await cluster.add(2), await cluster.add(3)];
    await cluster.run(1000);
    cluster.network.setReachable(3, false);
    const results = Promise.all([h1.reclaim("h3"), h2.reclaim("00:00:00:00:00:03")]);
    await cluster.run(10_000);
    expect((await results).toSorted((a, b) => a - b)).toEqual([0, 64]);
    expect(h1.ranges()).toEqual(h2.ranges());
    expect(owners(h1)).toEqual([1, 2]);
  });

  it("waits, saying for whom, while a member cannot be asked", async () => {
    const cluster = createCluster(3, three);
    const [h1] = [await cluster.add(1), await cluster.add(2), await cluster.add(3)];
    await cluster.run(1000);
    cluster.network.setReachable(2, false);
    cluster.network.setReachable(3, false);
    const taken = h1.reclaim("h3");
    await cluster.run(20_000);
    expect(await stateOf(taken)).toBe("waits");
    expect(h1.explain()[0]?.text).toContain("waiting for the consent of 00:00:00:00:00:02(h2)");
    const second = h1.reclaim("h2");
    await cluster.run(1000);
    expect(await taken).toBe(64);
    expect(await second).toBe(64);
  });

  it("fails when the peer says that it is alive", async () => {
    const cluster = createCluster(3, three);
    const [h1, h2, h3] = [await cluster.add(1), await cluster.add(2), await cluster.add(3)];
    await cluster.run(1000);
    const taken = h1.reclaim("h3");
    taken.catch(() => {});
    await cluster.run(1000);
    await expect(taken).rejects.toMatchObject({ code: "PEER_ALIVE" });
    expect(owners(h2)).toEqual([1, 2, 3]);
    expect(text(await h3.allocate("c"))).toBe("10.32.0.192/24");
  });

  it("happens without a person when the machine is confirmed to be gone", async () => {
    const asked: number[] = [];
    const reclaim = { afterMs: 10_000, confirmGone: (peer: number) => asked.push(peer) > 1 };
    const cluster = createCluster(2, { init: { kind: "seed", peers: [1, 2] } });
    const [h1] = [await cluster.add(1, { reclaim }), await cluster.add(2)];
    await cluster.run(1000);
    cluster.network.setReachable(2, false);
    await cluster.run(14_000);
    expect(owners(h1)).toEqual([1, 2]);
    await cluster.run(20_000);
    expect(asked.slice(0, 2)).toEqual([2, 2]);
    expect(owners(h1)).toEqual([1]);
  });

  it("does not wait for originals, which never answer, when there may be some", async () => {
    const cluster = createCluster(3, { ...three, mixed: true });
    const h1 = await cluster.add(1);
    // Peer 2 is in the mesh, but silent on our channel, as an original is.
    const isKnownPeer = (peer: number) => peer === 2;
    h1.close();
    const again = await cluster.add(1, { isKnownPeer });
    const taken = again.reclaim("00:00:00:00:00:03");
    await cluster.run(4000);
    expect(await stateOf(taken)).toBe("waits");
    await cluster.run(8000);
    expect(await taken).toBe(64);
  });
});

describe("networks seeded apart", () => {
  it("are told apart, can be joined keeping the addresses that are free there", async () => {
    const cluster = createCluster(2);
    const h1 = await cluster.add(1, { init: { kind: "seed", peers: [1] } });
    const a = await h1.allocate("a");
    const h2 = await cluster.add(2, { init: { kind: "seed", peers: [2] } });
    expect(text(await h2.allocate("same"))).toBe(text(a));
    await h2.claim("free", { address: "10.32.0.50", prefixLength: 24 });
    await cluster.run(1000);
    void h1.allocate("wake").then(() => h1.release("wake"));
    await h1.claim("x", { address: "10.32.0.99", prefixLength: 24 });
    // Any message of the other network will do: a space request is answered with a ring.
    h1.gossip.onGossip(h2.gossip.gossip()!.encode()[0]!);
    expect(h1.status().conflicts.map(({ code }) => code)).toContain("RING_SEEDS");
    h2.gossip.onGossip(h1.gossip.gossip()!.encode()[0]!);
    expect(h2.status().conflicts.map(({ code }) => code)).toContain("RING_SEEDS");
    expect(h2.status().foreignSeeds).toEqual(["00:00:00:00:00:01(h1)"]);
    const joined = h2.join();
    await cluster.run(10_000);
    expect(await joined).toEqual({ kept: ["10.32.0.50"], conflicts: [a.address] });
    expect(h2.ranges()).toEqual(h1.ranges());
    // Whoever was joined has heard of the other ring, too, which is nobody's now.
    expect(h1.status().conflicts.filter(({ code }) => code.startsWith("RING"))).toEqual([]);
    await expect(h1.join()).rejects.toMatchObject({ code: "NO_FOREIGN_RING" });
    expect(text(await h2.allocate("new").finally(() => {}))).toMatch(/^10\.32\.0\./);
  });

  it("cannot be joined before one is heard of", async () => {
    const h1 = await createCluster(1).add(1);
    await expect(h1.join()).rejects.toMatchObject({ code: "NO_FOREIGN_RING" });
  });
});
