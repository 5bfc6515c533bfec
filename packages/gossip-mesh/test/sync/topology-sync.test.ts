import { seededRandom } from "@weaved/sim";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { peersToAnnounceTo } from "../../src/gossip/announce.ts";
import { decodeSync, encodeGive, encodeRecordUpdate, encodeSync, encodeUpdate } from "../../src/sync/sync-messages.ts";
import { placeholder } from "../../src/topology/payload.ts";
import type { PeerRecord } from "../../src/topology/record.ts";
import { agree, createWorld } from "../support/world.ts";

const name = fc.integer({ min: 0, max: 2 ** 48 - 1 });
const uint64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const port = fc.integer({ min: 0, max: 65_535 });
const address = fc.oneof(
  fc.tuple(fc.ipV4(), port).map(([ip, p]) => `${ip}:${p}`),
  fc.constantFrom(
    "",
    "1.2.3.4",
    "01.2.3.4:5",
    "1.2.3.4:05",
    "1.2.3.256:1",
    "1.2.3.4:65536",
    "[::1]:6783",
    "1.2.3.4:5:6",
  ),
  fc.string({ maxLength: 20 }),
);
const link = fc.record({ to: name, address, outbound: fc.boolean(), established: fc.boolean() });
const version = fc.record({ name, uid: uint64, version: uint64 });
const update = fc.record(
  {
    ...{ name, uid: uint64, version: uint64, base: uint64, shortId: port },
    ...{ nickname: fc.string({ maxLength: 20, unit: "binary-ascii" }), hasShortId: fc.boolean() },
    ...{ changed: fc.array(link), removed: fc.array(name) },
  },
  { requiredKeys: ["name", "uid", "version", "nickname", "shortId", "hasShortId", "changed", "removed"] },
);

describe("messages of the topology sync", () => {
  it("survive the wire", () => {
    fc.assert(
      fc.property(fc.array(version), fc.boolean(), uint64, fc.array(update), (versions, complete, digest, updates) => {
        for (const message of [
          { kind: "digest", digest } as const,
          { kind: "have", complete, versions } as const,
          { kind: "want", versions } as const,
        ]) {
          expect(decodeSync(encodeSync(message))).toEqual(message);
        }
        const parts = updates.map(encodeUpdate);
        // Whole records keep their bytes.
        const expected = updates.map((u, i) => ("base" in u ? u : { ...u, encoded: parts[i] }));
        expect(decodeSync(encodeGive(parts))).toEqual({ kind: "give", updates: expected });
      }),
    );
  });

  it("are refused where they end too early, or promise more than they hold", () => {
    const record = { ...placeholder(7), links: [{ to: 9, address: "x", outbound: true, established: true }] };
    const bytes = encodeGive([encodeRecordUpdate(record)]);
    for (let length = 0; length < bytes.length; length++) {
      expect(() => decodeSync(bytes.subarray(0, length))).toThrow(/MESH_GOSSIP|cut short|too many/);
    }
    expect(() => decodeSync(Uint8Array.of(3, 0xff, 0xff, 0xff, 0x7f))).toThrow("too many");
    expect(() => decodeSync(Uint8Array.of(4))).toThrow("kind 4");
  });
});

/** Lets news of one peer spread by the rule. Returns who has heard, and how many announcements that took. */
function spread(graph: ReadonlyMap<number, PeerRecord>, about: number): { heard: Set<number>; announcements: number } {
  const heard = new Set([about]);
  let queue = graph.get(about)!.links.map(({ to }) => ({ at: to, from: about }));
  let announcements = 0;
  while (queue.length > 0) {
    const next: typeof queue = [];
    for (const { at, from } of queue) {
      if (heard.has(at)) continue;
      heard.add(at);
      const view = { self: at, size: graph.size, get: (peer: number) => graph.get(peer) };
      for (const { to } of peersToAnnounceTo(view, about, from)) next.push({ at: to, from: at });
    }
    announcements += next.length;
    queue = next;
  }
  return { heard, announcements };
}

/** A random graph in one piece: a tree, and more links. */
function randomGraph(seed: number, count: number, more: number): Map<number, PeerRecord> {
  const random = seededRandom(seed);
  const links = new Map(Array.from({ length: count }, (_, i) => [i + 1, new Set<number>()]));
  const join = (a: number, b: number): void => {
    if (a === b) return;
    links.get(a)!.add(b);
    links.get(b)!.add(a);
  };
  for (let n = 2; n <= count; n++) join(n, 1 + Math.floor(random() * (n - 1)));
  for (let i = 0; i < more; i++) join(1 + Math.floor(random() * count), 1 + Math.floor(random() * count));
  const records = [...links].map(([peer, others]): [number, PeerRecord] => [
    peer,
    {
      ...placeholder(peer),
      links: [...others].sort((a, b) => a - b).map((to) => ({ to, address: "", outbound: true, established: true })),
    },
  ]);
  return new Map(records);
}

describe("news of a peer", () => {
  it("comes to everybody, in any graph", () => {
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 2, max: 40 }), fc.integer({ min: 0, max: 400 }), (seed, count, more) => {
        const graph = randomGraph(seed, count, more);
        for (const about of [1, count]) expect(spread(graph, about).heard.size).toBe(count);
      }),
      { numRuns: 300 },
    );
  });

  it("is not announced at all in a full mesh, and hardly more than twice to each peer in half of one", () => {
    expect(spread(randomGraph(1, 40, 8_000), 1).announcements).toBe(0);
    const half = randomGraph(1, 40, 500);
    expect(spread(half, 1).announcements).toBeLessThanOrEqual(2 * (40 - half.get(1)!.links.length));
  });
});

describe("two peers of one mesh that become neighbours", () => {
  it("do not send each other everything, a newcomer is sent it once", async () => {
    const world = createWorld();
    const meshes = Array.from({ length: 8 }, (_, i) => world.start(i + 1));
    let asked = 0;
    const quiet = { onUnicast() {}, onBroadcast: () => undefined, onGossip: () => undefined };
    for (const mesh of meshes) mesh.openChannel("x", { ...quiet, gossip: () => void asked++ as undefined });
    for (const mesh of meshes.slice(1)) await mesh.connect([world.address(1)]);
    const full = (count: number): boolean =>
      agree(meshes) && meshes.every((m) => m.status().peers.every((p) => p.connections.length === count - 1));
    expect(world.clock.advanceUntil(() => full(8), 12_000)).toBe(true);
    // Seven links to the first peer, both ends of each; 28 links there are.
    expect(asked).toBeLessThanOrEqual(2 * 7);
    asked = 0;
    meshes.push(world.start(9));
    await meshes[8]!.connect([world.address(1)]);
    expect(world.clock.advanceUntil(() => full(9), 12_000)).toBe(true);
    expect(asked).toBeGreaterThan(0);
    expect(asked).toBeLessThanOrEqual(2);
  });
});
