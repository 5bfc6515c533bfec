import { describe, expect, it } from "vitest";
import { type MergeableState, type MeshOptions, type OverlayLink, openState } from "../../src/index.ts";
import { agree, createWorld } from "../support/world.ts";

const WITHIN_MS = 2_000;

async function fullMesh(count: number, options: Partial<MeshOptions> = {}) {
  const world = createWorld(7);
  const meshes = Array.from({ length: count }, (_, i) => world.start(i + 1, options));
  for (const mesh of meshes.slice(1)) await mesh.connect([world.address(1)]);
  const full = () =>
    agree(meshes) && meshes.every((mesh) => mesh.status().connections.filter(isUp).length === count - 1);
  expect(world.clock.advanceUntil(full, 60_000)).toBe(true);
  world.clock.advance(65_000);
  return { world, meshes, full };
}

const isUp = ({ state }: { readonly state: string }): boolean => state === "established";

describe("after a cut of the network", () => {
  const cases = [5, 20, 60, 300].flatMap((seconds) => [
    { seconds, options: {} },
    { seconds, options: { password: "wfvAwt7sj" } },
  ]);

  it.each(cases)("of $seconds s every peer knows everything within 2 s: $options", async ({ seconds, options }) => {
    const { world, meshes, full } = await fullMesh(4, options);
    const states = meshes.map((mesh) => openState(mesh, "counts", counts));
    const changeAll = (): void => {
      for (const [i, state] of states.entries()) state.update({ [i]: (state.value[i] ?? 0) + 1 });
    };
    world.network.partition([[world.address(1)]]);
    // News on both sides, all through the cut.
    const steps = 10;
    for (let i = 0; i < steps; i++) {
      world.clock.advance((seconds * 1000) / steps);
      changeAll();
    }
    world.network.heal();
    const equal = (): boolean => new Set(states.map(({ value }) => JSON.stringify(value))).size === 1;
    expect(equal()).toBe(false);
    expect(world.clock.advanceUntil(() => equal() && full(), WITHIN_MS)).toBe(true);
    changeAll();
    expect(world.clock.advanceUntil(equal, WITHIN_MS)).toBe(true);
  });

  it("replaces a TCP connection at once when the overlay hears the peer again", async () => {
    const links: OverlayLink[] = [];
    const overlay = {
      names: "sleeve",
      prepare(link: OverlayLink) {
        links.push(link);
        return { confirm: () => link.onEstablished(), onControl() {}, attributes: () => ({}), stop() {} };
      },
    };
    const { world, meshes, full } = await fullMesh(2, { overlay });
    world.network.partition([[world.address(1)]]);
    const channel = meshes[0]!.openChannel("news", { ...quietChannel });
    for (let i = 0; i < 20; i++) {
      channel.gossip(someData);
      world.clock.advance(1_000);
    }
    world.network.heal();
    for (const link of links.slice(0, 2)) link.onHeard(20_000);
    expect(world.clock.advanceUntil(() => links.length > 2 && full(), 600)).toBe(true);
  });
});

describe("a quiet network", () => {
  it("keeps every connection: no answer is no reason to connect anew while the network delivers", async () => {
    const { world, meshes } = await fullMesh(3);
    const before = meshes.map((mesh) => mesh.status().terminationCount);
    const channel = meshes[0]!.openChannel("news", { ...quietChannel });
    for (let i = 0; i < 100; i++) {
      channel.gossip(someData);
      world.clock.advance(7_000);
    }
    expect(meshes.map((mesh) => mesh.status().terminationCount)).toEqual(before);
    expect(meshes[0]!.status().events.MESH_STALLED).toBeUndefined();
  });
});

/** A count for each peer, of which the higher one wins. */
type Counts = Readonly<Record<string, number>>;
const counts: MergeableState<Counts> = {
  empty: {},
  merge: (a, b) =>
    Object.fromEntries(
      Object.keys({ ...a, ...b })
        .sort()
        .map((key) => [key, Math.max(a[key] ?? 0, b[key] ?? 0)]),
    ),
  equal: (a, b) => JSON.stringify(a) === JSON.stringify(b),
  encode: (value) => new TextEncoder().encode(JSON.stringify(value)),
  decode: (bytes) => JSON.parse(new TextDecoder().decode(bytes)),
};

const someData = {
  merge: () => someData,
  encode: () => [Uint8Array.of(1, 2, 3)],
};
const quietChannel = {
  onUnicast() {},
  onBroadcast: () => undefined,
  onGossip: () => undefined,
  gossip: () => undefined,
};
