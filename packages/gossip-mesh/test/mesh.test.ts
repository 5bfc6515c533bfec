import { describe, expect, it } from "vitest";
import { agree, createWorld } from "./support/world.ts";

describe("two meshes", () => {
  for (const options of [
    {},
    { password: "wfvAwt7sj" },
    { maxProtocolVersion: 1 as const },
    { minProtocolVersion: 1 as const, maxProtocolVersion: 1 as const, password: "x" },
    { topologySync: false },
  ]) {
    it(`find each other with ${JSON.stringify(options)}`, async () => {
      const world = createWorld();
      const a = world.start(1, options);
      const b = world.start(2, options);
      expect(await a.connect([world.address(2)])).toEqual([]);
      expect(world.clock.advanceUntil(() => agree([a, b]), 10_000)).toBe(true);
      expect(a.routes().unicast).toEqual(
        new Map([
          [1, 0],
          [2, 2],
        ]),
      );
      expect(b.status().connections).toMatchObject([{ state: "established", outbound: false, peer: 1 }]);
    });
  }
});

describe("a chain of meshes", () => {
  it("becomes a full mesh by discovery", async () => {
    const world = createWorld();
    const meshes = [1, 2, 3, 4, 5].map((n) => world.start(n));
    for (let n = 2; n <= 5; n++) await meshes[n - 1]!.connect([world.address(n - 1)]);
    const full = () =>
      meshes.every((mesh) =>
        mesh.status().peers.every((peer) => peer.connections.filter((c) => c.established).length === 4),
      );
    expect(world.clock.advanceUntil(() => agree(meshes) && full(), 60_000)).toBe(true);
  });
});

describe("a link that comes or goes", () => {
  /** Peers 1, 2, 3 in a row, which stay one. */
  async function row() {
    const world = createWorld();
    const meshes = [1, 2, 3].map((n) => world.start(n, { discovery: false }));
    for (const n of [2, 3]) await meshes[n - 1]!.connect([world.address(n - 1)]);
    expect(world.clock.advanceUntil(() => agree(meshes), 10_000)).toBe(true);
    // By now each may tell promptly again, as often as it ever may.
    world.clock.advance(60_000);
    return { world, meshes };
  }
  const promptlyMs = 200;

  it("is routed over at once, far away too: frames wait for it", async () => {
    const { world, meshes } = await row();
    const heard: number[] = [];
    meshes[0]!.onRoutesChanged(() => heard.push(world.clock.now()));
    const fourth = world.start(4, { discovery: false });
    let linked = Number.POSITIVE_INFINITY;
    fourth.onRoutesChanged(() => {
      linked = Math.min(linked, world.clock.now());
    });
    await fourth.connect([world.address(3)]);
    const way = () => meshes[0]!.routes().unicast.get(4) === 2 && fourth.routes().unicast.get(1) === 3;
    expect(world.clock.advanceUntil(way, 10_000)).toBe(true);
    expect(world.clock.now() - linked).toBeLessThan(promptlyMs);
    expect(world.clock.advanceUntil(() => heard.length > 0, promptlyMs)).toBe(true);
  });

  it("is not routed over any more at once", async () => {
    const { world, meshes } = await row();
    meshes[2]!.close();
    expect(world.clock.advanceUntil(() => !meshes[0]!.routes().unicast.has(3), promptlyMs)).toBe(true);
  });
});
