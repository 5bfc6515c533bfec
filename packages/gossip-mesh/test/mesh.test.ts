import { describe, expect, it } from "vitest";
import { agree, createWorld } from "./support.ts";

describe("two meshes", () => {
  for (const options of [
    {},
    { password: "wfvAwt7sj" },
    { maxProtocolVersion: 1 as const },
    { maxProtocolVersion: 1 as const, password: "x" },
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
