import { describe, expect, it } from "vitest";
import type { Explanation } from "../src/index.ts";
import { createCluster, stateOf, text } from "./support/cluster.ts";

const subnet = { address: "10.32.0.0", prefixLength: 24 };

describe("allocating", () => {
  it("gives the lowest free address, the same again to the same ident", async () => {
    const cluster = createCluster(1);
    const h1 = await cluster.add(1);
    expect(text(await h1.allocate("c1"))).toBe("10.32.0.1/24");
    expect(text(await h1.allocate("c2"))).toBe("10.32.0.2/24");
    expect(text(await h1.allocate("c1"))).toBe("10.32.0.1/24");
    h1.release("c1");
    expect(text(await h1.allocate("c3"))).toBe("10.32.0.1/24");
  });

  it("keeps subnets of one range apart, never gives their first or last address", async () => {
    const cluster = createCluster(1);
    const h1 = await cluster.add(1);
    const small = { address: "10.32.0.16", prefixLength: 30 };
    expect(text(await h1.allocate("a", small))).toBe("10.32.0.17/30");
    expect(text(await h1.allocate("b", small))).toBe("10.32.0.18/30");
    const third = h1.allocate("c", small);
    expect(await stateOf(third)).toBe("waits");
    expect(h1.explain("c")[0]?.text).toBe("no peer has a free address in the subnet");
    h1.release("a");
    expect(text(await third)).toBe("10.32.0.17/30");
    expect(h1.lookup("b", small).map(text)).toEqual(["10.32.0.18/30"]);
  });

  it("files an anonymous request under the address", async () => {
    const h1 = await createCluster(1).add(1);
    const { address } = await h1.allocate("_");
    expect(h1.owned()).toEqual([{ ident: address, isContainer: false, addresses: [{ address, prefixLength: 24 }] }]);
  });

  it("gives 200 distinct addresses over three peers that start by consensus", async () => {
    const cluster = createCluster(3);
    const hosts = await Promise.all([1, 2, 3].map((name) => cluster.add(name)));
    const asked = Array.from({ length: 200 }, (_, i) => hosts[i % 3]!.allocate(`c${i}`));
    await cluster.run(60_000);
    const got = await Promise.all(asked);
    expect(new Set(got.map(({ address }) => address)).size).toBe(200);
    const { Entries } = hosts[0]!.status().report;
    expect(Entries!.reduce((sum, { Size }) => sum + Size, 0)).toBe(256);
  });

  it("is cancelled by its signal, by the container's death, by leaving", async () => {
    const cluster = createCluster(2);
    const h1 = await cluster.add(1);
    const controller = new AbortController();
    const first = h1.allocate("c1", subnet, { signal: controller.signal });
    const second = h1.allocate("c2", subnet, { isContainer: true });
    const third = h1.ready();
    controller.abort();
    h1.containerDied("c2");
    await expect(first).rejects.toMatchObject({ code: "CANCELLED" });
    await expect(second).rejects.toMatchObject({ code: "CANCELLED" });
    const left = h1.leave();
    await expect(third).rejects.toMatchObject({ code: "CANCELLED" });
    await left;
    await expect(h1.allocate("c9")).rejects.toMatchObject({ code: "CANCELLED" });
  });

  it("refuses a subnet outside the range in the original's words", async () => {
    const h1 = await createCluster(1).add(1);
    const far = { address: "10.99.0.0", prefixLength: 24 };
    await expect(h1.allocate("c1", far)).rejects.toThrow("range 10.99.0.0/24 out of bounds: 10.32.0.0/24");
  });

  it("keeps a dead container's address for 30 s, a destroyed one's not at all", async () => {
    const cluster = createCluster(1);
    const h1 = await cluster.add(1);
    await h1.allocate("c1", subnet, { isContainer: true });
    h1.containerDied("c1");
    await cluster.run(25_000);
    expect(h1.lookup("c1")).toHaveLength(1);
    await cluster.run(15_000);
    expect(h1.lookup("c1")).toEqual([]);
    await h1.allocate("c2", subnet, { isContainer: true });
    h1.containerDestroyed("c2");
    expect(h1.owned()).toEqual([]);
  });

  it("never chooses excluded addresses, lets a claim name one", async () => {
    const h1 = await createCluster(1, { exclude: ["10.32.0.0/30", "10.32.0.5/32"] }).add(1);
    const got = [await h1.allocate("a"), await h1.allocate("b")].map(({ address }) => address);
    expect(got).toEqual(["10.32.0.4", "10.32.0.6"]);
    await h1.claim("gateway", { address: "10.32.0.1", prefixLength: 24 });
  });
});

describe("a reserved address", () => {
  it("follows its workload to another host", async () => {
    const cluster = createCluster(2, { reservations: { db: "10.32.0.200" } });
    const [h1, h2] = [await cluster.add(1), await cluster.add(2)];
    const first = h1.allocate("db");
    await cluster.run(10_000);
    expect(text(await first)).toBe("10.32.0.200/24");
    const second = h2.allocate("db");
    await cluster.run(6000);
    expect(await stateOf(second)).toBe("waits");
    h1.release("db");
    await cluster.run(10_000);
    expect(text(await second)).toBe("10.32.0.200/24");
  });
});

describe("a reservation for a workload", () => {
  it("is for whatever ident it has this time, for nobody else", async () => {
    const h1 = await createCluster(1, { reservations: { "db.weave.local.": "10.32.0.1" } }).add(1);
    expect(text(await h1.allocate("other"))).toBe("10.32.0.2/24");
    const workload = "db.weave.local.";
    expect(text(await h1.allocate("id-1", subnet, { workload }))).toBe("10.32.0.1/24");
    const next = h1.allocate("id-2", subnet, { workload });
    await expect(next).rejects.toMatchObject({ code: "ADDRESS_TAKEN" });
    h1.release("id-1");
    expect(text(await h1.allocate("id-3", subnet, { workload }))).toBe("10.32.0.1/24");
  });
});

describe("waiting", () => {
  it("says at once which votes are missing", async () => {
    const cluster = createCluster(3);
    const h1 = await cluster.add(1);
    const told: Explanation[] = [];
    h1.onWaiting((explanation) => told.push(explanation));
    const request = h1.allocate("c1");
    expect(h1.explain("c1")[0]).toMatchObject({ reason: { code: "CONSENSUS", quorum: 2 } });
    expect(told.at(-1)?.text).toContain(
      "waiting for 1 more of 2 votes to divide the range; so far: 00:00:00:00:00:01(h1)",
    );
    await cluster.add(2);
    await cluster.run(6000);
    expect(await stateOf(request)).toBe("done");
  });

  it("says who was asked, what was answered", async () => {
    const cluster = createCluster(2, { universe: "10.32.0.0/28" });
    const [h1, h2] = [await cluster.add(1), await cluster.add(2)];
    const all = Array.from({ length: 14 }, (_, i) => (i % 2 ? h1 : h2).allocate(`c${i}`));
    await cluster.run(30_000);
    await Promise.all(all);
    const late = h1.allocate("late");
    await cluster.run(1000);
    const [explanation] = h1.explain("late");
    expect(explanation?.reason?.code).toMatch(/NO_SPACE|FULL/);
    expect(await stateOf(late)).toBe("waits");
    h2.release("c0");
    await cluster.run(10_000);
    expect(await stateOf(late)).toBe("done");
    expect(h1.explain("late")[0]).toMatchObject({
      outcome: "done",
      asked: expect.arrayContaining([expect.objectContaining({ peer: 2, answer: "granted" })]),
    });
  });

  it("names unreachable owners", async () => {
    const cluster = createCluster(2, { universe: "10.32.0.0/28", init: { kind: "seed", peers: [1, 2] } });
    const [h1] = [await cluster.add(1), await cluster.add(2)];
    cluster.network.setReachable(2, false);
    for (let i = 0; i < 7; i++) await h1.allocate(`c${i}`);
    void h1.allocate("more").catch(() => {});
    expect(h1.explain("more")[0]?.text).toContain("cannot be reached: 00:00:00:00:00:02");
    expect(h1.status().unreachable).toMatchObject({ peers: [2], addresses: 8, percentage: 50 });
    h1.close();
  });
});

describe("claiming", () => {
  it("gets an address of another peer, one by one", async () => {
    const cluster = createCluster(2, { init: { kind: "seed", peers: [1, 2] } });
    const [h1, h2] = [await cluster.add(1), await cluster.add(2)];
    const claim = h1.claim("c1", { address: "10.32.0.200", prefixLength: 24 });
    await cluster.run(1000);
    await claim;
    await h2.claim("c2", { address: "10.32.0.201", prefixLength: 24 });
    const taken = h1.claim("c3", { address: "10.32.0.201", prefixLength: 24 });
    taken.catch(() => {});
    await cluster.run(1000);
    await expect(taken).rejects.toThrow("address 10.32.0.201/24 is owned by other peer 00:00:00:00:00:02 (h2)");
  });

  it("answers in the original's words", async () => {
    const h1 = await createCluster(1).add(1);
    const cidr = { address: "10.32.0.77", prefixLength: 24 };
    await h1.claim("c2", cidr);
    await h1.claim("c2", cidr);
    await h1.claim("_", cidr);
    await expect(h1.claim("c3", cidr)).rejects.toThrow("address 10.32.0.77/24 is already owned by c2");
    const outside = { address: "192.168.5.5", prefixLength: 24 };
    await h1.claim("c3", outside);
    await expect(h1.claim("c4", outside)).rejects.toThrow("address 192.168.5.5/24 already in use by c3");
    expect(() => h1.release("c2", "10.32.0.1")).toThrow("Free: address 10.32.0.1 not found for c2");
    expect(() => h1.release("nobody")).toThrow("Delete: no addresses for nobody");
  });

  it("is answered at once before there is a ring, when told to be lenient", async () => {
    const cluster = createCluster(2);
    const h1 = await cluster.add(1);
    await h1.claim("c1", { address: "10.32.0.9", prefixLength: 24 }, { noErrorOnUnknown: true });
    expect(h1.status().report.PendingClaims).toEqual([{ Ident: "c1", CIDR: { Addr: "10.32.0.9", PrefixLen: 24 } }]);
    await cluster.add(2);
    await cluster.run(12_000);
    expect(h1.lookup("c1").map(text)).toEqual(["10.32.0.9/24"]);
  });
});

describe("a restart", () => {
  it("finds ring, addresses as they were", async () => {
    const cluster = createCluster(1);
    const before = await cluster.add(1);
    await before.allocate("c1", subnet, { isContainer: true });
    before.close();
    const after = await cluster.add(1);
    expect(after.lookup("c1").map(text)).toEqual(["10.32.0.1/24"]);
    expect(text(await after.allocate("c2"))).toBe("10.32.0.2/24");
    after.keepOnly(["other"]);
    expect(after.owned().map(({ ident }) => ident)).toEqual(["c2"]);
  });

  it("starts afresh when the range is another one, saying what it forgets", async () => {
    const warned: unknown[] = [];
    const logger = { debug() {}, info() {}, error() {}, warn: (...words: unknown[]) => void warned.push(words) };
    const cluster = createCluster(1, { logger });
    const before = await cluster.add(1);
    await before.allocate("c1");
    before.close();
    const after = await cluster.add(1, { universe: "10.40.0.0/24" });
    expect(after.owned()).toEqual([]);
    expect(text(await after.allocate("c1"))).toBe("10.40.0.1/24");
    const was = { range: "10.32.0.0/24", peer: "00:00:00:00:00:01", idents: 1 };
    expect(warned).toEqual([[expect.stringContaining("another range"), was]]);
  });

  it("refuses a damaged state instead of forgetting addresses", async () => {
    const cluster = createCluster(1);
    await cluster.stores[1]!.save("ipam", { format: 1, ring: { entries: [{}] } });
    await expect(cluster.add(1)).rejects.toMatchObject({ code: "STATE_UNUSABLE" });
  });

  it("answers nobody while the disk refuses", async () => {
    const cluster = createCluster(1);
    let broken = true;
    const store = cluster.stores[1]!;
    const h1 = await cluster.add(1, {
      store: {
        load: store.load,
        save: (key, value) => (broken ? Promise.reject(new Error("full")) : store.save(key, value)),
      },
    });
    const request = h1.allocate("c1");
    await cluster.run(3000);
    expect(await stateOf(request)).toBe("waits");
    broken = false;
    await cluster.run(2000);
    expect(await stateOf(request)).toBe("done");
  });
});

describe("the disk", () => {
  it("is left alone by gossip that says what is known", async () => {
    const cluster = createCluster(2);
    const [h1, h2] = [await cluster.add(1), await cluster.add(2)];
    const first = h1.allocate("c1");
    await cluster.run(20_000);
    await first;
    let writes = 0;
    const store = cluster.stores[1]!;
    for (const kind of ["save", "append"] as const) {
      const plain = store[kind]!;
      store[kind] = (...args) => {
        writes++;
        return plain(...args);
      };
    }
    for (let i = 0; i < 10; i++) {
      h1.gossip.onGossip(h2.gossip.gossip()!.encode()[0]!);
      h1.consent.onGossip(h2.consent.gossip()!.encode()[0]!);
      await cluster.run(5000);
    }
    expect(writes).toBe(0);
    await h1.allocate("c2");
    expect(writes).toBe(1);
  });
});

describe("bad gossip", () => {
  it("costs nothing but a count", async () => {
    const counted: string[] = [];
    const metrics = { count: (name: string) => void counted.push(name), gauge() {}, observe() {} };
    const h1 = await createCluster(1).add(1, { metrics });
    h1.gossip.onUnicast(2, new Uint8Array(0));
    h1.gossip.onUnicast(2, Uint8Array.of(9, 1, 2));
    h1.gossip.onGossip(Uint8Array.of(255, 255, 255));
    h1.consent.onBroadcast(2, Uint8Array.of(1));
    expect(counted).toEqual(Array(4).fill("ipam_bad_gossip_total"));
  });
});
