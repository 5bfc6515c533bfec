import { describe, expect, it } from "vitest";
import type { GossipHandler } from "../src/index.ts";
import {
  bytesToComeUp,
  disseminate,
  limitConnections,
  type Phase,
  quantile,
  restartAll,
  splitAndHeal,
} from "./support/scenarios.ts";
import { createWorld } from "./support/world.ts";

describe("simulated, small (bench/ has the large runs)", () => {
  it("40 peers on a random graph agree, also in halves, also when joined again; traffic stays modest", async () => {
    const phases: Phase[] = [];
    await splitAndHeal(7, 40, (phase) => phases.push(phase));
    expect(phases.map(({ title }) => title)).toEqual(["comes up", "split in halves", "joined again"]);
    const [up, split, joined] = phases as [Phase, Phase, Phase];
    expect(up.ms).toBeLessThanOrEqual(15_000);
    expect(split.ms).toBeLessThanOrEqual(90_000);
    expect(joined.ms).toBeLessThanOrEqual(60_000);
    expect(up.bytesPerPeer).toBeLessThan(60_000);
  });

  it("bytes to come up grow no worse than n log n a peer", async () => {
    const [few, many] = [await bytesToComeUp(3, 16), await bytesToComeUp(3, 64)];
    // Both have settled: what did not has no figure.
    expect(few).toBeLessThan(many);
    const growth = many / few;
    expect(growth).toBeLessThan((64 * 6) / (16 * 4));
  });

  it("an update reaches 50 peers within a fraction of a second, all of them", async () => {
    const times = await disseminate(1, 50, 10);
    expect(times).toHaveLength(49 * 10);
    expect(quantile(times, 0.99)).toBeLessThan(1_000);
  });

  it.each([
    ["to their targets", {}],
    ["to whom they find", { discovery: true, connectionLimit: 8 }],
  ])("40 peers restarted at once settle within 30 s when they connect %s", async (_title, options) => {
    expect(await restartAll(5, 40, options)).toBeLessThanOrEqual(30_000);
  });

  it("meshes under narrow limits stay in one piece, and keep to them", async () => {
    for (let seed = 1; seed <= 12; seed++) {
      expect({ seed, ...(await limitConnections(seed)) }).toMatchObject({ seed, onePiece: true, withinLimit: true });
    }
  });
});

describe("news", () => {
  it("reaches each peer at once although its one neighbour has a hundred, and draws fewer", async () => {
    const world = createWorld(4);
    const heard: number[] = [];
    const data = { merge: () => data, encode: () => [Uint8Array.of(1)] };
    const handler = (name: number): GossipHandler => ({
      onUnicast() {},
      onBroadcast: () => undefined,
      onGossip: () => void heard.push(name),
      gossip: () => undefined,
    });
    const meshes = Array.from({ length: 101 }, (_, i) => world.start(i + 1, { discovery: false }));
    const senders = meshes.map((mesh) => mesh.openChannel("news", handler(mesh.name)));
    for (const mesh of meshes.slice(1)) await mesh.connect([world.address(1)]);
    world.clock.advance(10_000);
    senders[0]!.gossip(data);
    world.clock.advance(100);
    expect(heard).toHaveLength(100);
    for (const mesh of meshes) mesh.close();
  });
});
