import { createVirtualClock, seededRandom } from "@weaved/sim";
import { describe, expect, it } from "vitest";
import { MAX_VERSION, makeEntry, type NameEntry } from "../src/entry.ts";
import { createNames, type Names } from "../src/names.ts";
import type { GossipData } from "../src/ports.ts";
import { addressCodec } from "../src/wire.ts";
import { cluster, epoch, ip, loneNames } from "./support/cluster.ts";

const web = "web.weave.local.";
const forged = (change: Partial<NameEntry>): NameEntry =>
  makeEntry({ containerId: "c1", origin: 1, hostname: web, address: ip("10.32.0.1"), ...change });
const send = (names: Names, ...entries: NameEntry[]): GossipData | undefined =>
  names.gossip.onGossip(addressCodec.encode(epoch, entries), 66);

describe("a forged claim", () => {
  it.each([2 ** 53 - 1, MAX_VERSION + 1, MAX_VERSION])(
    "with version %d does not end the replication of names",
    (version) => {
      const { clock, hosts, answers } = cluster([1, 2, 3]);
      hosts.get(1)!.names.add(web, "c1", "10.32.0.1");
      clock.advance(1000);
      for (const { names } of hosts.values()) send(names, forged({ version, tombstone: epoch }));
      clock.advance(1000);
      hosts.get(1)!.names.add(web, "c2", "10.32.0.2");
      hosts.get(2)!.names.add("other.weave.local", "c3", "10.32.0.3");
      clock.advance(1000);
      expect(answers("other.weave.local")).toEqual({ 1: ["10.32.0.3"], 2: ["10.32.0.3"], 3: ["10.32.0.3"] });
      for (const addresses of Object.values(answers(web))) expect(addresses).toContain("10.32.0.2");
      expect(() => hosts.get(1)!.names.gossip.gossip()!.encode()).not.toThrow();
    },
  );

  it("below the last version is outbid by its origin", () => {
    const { clock, hosts, answers } = cluster([1, 2]);
    hosts.get(1)!.names.add(web, "c1", "10.32.0.1");
    clock.advance(1000);
    send(hosts.get(2)!.names, forged({ version: MAX_VERSION - 1, tombstone: epoch }));
    expect(hosts.get(2)!.names.lookup(web)).toEqual([]);
    clock.advance(120_000);
    expect(answers(web)).toEqual({ 1: ["10.32.0.1"], 2: ["10.32.0.1"] });
  });

  it("that no honest peer makes does not cost the message it came in", () => {
    const names = loneNames(2);
    send(names, forged({ containerId: "old", tombstone: epoch + 10_000 }), forged({}));
    expect(names.lookup(web).map(String)).toEqual(["10.32.0.1"]);
  });

  it("is logged with the neighbour that sent it, once a minute", () => {
    const lines: unknown[] = [];
    const clock = createVirtualClock();
    const logger = { debug() {}, info() {}, error() {}, warn: (_: string, fields?: object) => void lines.push(fields) };
    const names = createNames({ self: 2, clock, wallClock: () => epoch, logger });
    for (let i = 0; i < 100; i++) send(names, forged({ version: 2 ** 53 - 1 }));
    clock.advance(61_000);
    send(names, forged({ version: 2 ** 53 - 1 }));
    expect(lines).toEqual([
      { count: 1, from: 66 },
      { count: 100, from: 66 },
    ]);
  });

  it("in our name, of a container that we never had, costs at most 10,000 tombstones", () => {
    const names = loneNames(1);
    const entries = Array.from({ length: 12_000 }, (_, i) =>
      forged({ containerId: `f${i}`, hostname: `f${i}.weave.local.` }),
    );
    send(names, ...entries);
    expect(names.entries()).toHaveLength(10_000);
    expect(names.entries().every(({ tombstone }) => tombstone > 0)).toBe(true);
  });
});

/** Messages of ten forged entries each; the soak has a hundred times as many (`FORGED_MESSAGES=100000`). */
const MESSAGES = Number(process.env.FORGED_MESSAGES ?? 1000);

describe("a member that floods the channel", () => {
  it(`does not freeze it: ${MESSAGES * 10} forged entries, then an honest name is replicated`, () => {
    const seed = Math.floor(Date.now() / 1000);
    const random = seededRandom(seed);
    const pick = (n: number): number => Math.floor(random() * n);
    const clock = createVirtualClock();
    const names = createNames({ self: 1, clock, wallClock: () => epoch, isKnownPeer: (peer) => peer < 4 });
    names.add(web, "own", "10.32.0.9");
    const versions = [0, 1, 2 ** 31, MAX_VERSION - 1, MAX_VERSION, 2 ** 53 - 1];
    let worstMs = 0;
    for (let i = 0; i < MESSAGES; i++) {
      const entries = Array.from({ length: 10 }, () =>
        forged({
          containerId: `c${pick(1000)}`,
          origin: [1, 2, 3, pick(2 ** 47)][pick(4)]!,
          hostname: [
            web,
            "ghost.weave.local.",
            `n${pick(100_000)}.weave.local.`,
            `${"x".repeat(pick(300))}.weave.local.`,
          ][pick(4)]!,
          address: pick(2 ** 32),
          version: versions[pick(versions.length)]!,
          tombstone: [0, 0, epoch, 2 ** 40][pick(4)]!,
        }),
      );
      const payload = addressCodec.encode(epoch, entries);
      const cpu = process.cpuUsage();
      names.gossip.onGossip(payload, 66);
      const { user, system } = process.cpuUsage(cpu);
      worstMs = Math.max(worstMs, (user + system) / 1000);
      clock.advance(1);
    }
    const copy = loneNames(2);
    names.add("honest.weave.local", "h", "10.32.0.7");
    for (const message of names.gossip.gossip()!.encode()) copy.gossip.onGossip(message);
    expect(copy.lookup("honest.weave.local").map(String), `seed ${seed}`).toEqual(["10.32.0.7"]);
    expect(names.lookup(web).map(String)).toContain("10.32.0.9");
    // One message of ten entries: far below what queries would notice.
    expect(worstMs, `seed ${seed}`).toBeLessThan(100);
  });
});
