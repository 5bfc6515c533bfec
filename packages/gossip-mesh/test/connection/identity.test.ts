import { describe, expect, it } from "vitest";
import type { Mesh } from "../../src/index.ts";
import { agree, createWorld } from "../support/world.ts";

const settings = { discovery: false };

describe("two hosts with one name", () => {
  it("are named, with the remedy, on the third host that sees both and on both of them", async () => {
    const world = createWorld();
    const lines: string[][] = [[], [], []];
    const logging = (n: number) => {
      const log = (line: string): void => void lines[n]!.push(line);
      return { ...settings, logger: { debug: log, info: log, warn: log, error: log } };
    };
    const third = world.start(1, logging(0));
    const first = world.start(2, logging(1));
    await first.connect([world.address(1)]);
    expect(world.clock.advanceUntil(() => agree([third, first]), 10_000)).toBe(true);
    const second = world.start(3, { ...logging(2), name: 2, nickname: "impostor" });
    await second.connect([world.address(1)]);
    world.clock.advance(5_000);
    const text = /two hosts are called 00:00:00:00:00:02: host2 at 10\.0\.0\.2 and impostor at 10\.0\.0\.3; .*--name/;
    for (const own of lines) expect(own.some((line) => text.test(line))).toBe(true);
    expect(second.status().connections).toMatchObject([
      { state: "failed", error: { code: "MESH_NAME_TAKEN", reason: expect.stringMatching(text) } },
    ]);
    // The one that was there first keeps its link.
    expect(first.status().connections).toMatchObject([{ state: "established" }]);
    expect(first.status().terminationCount).toBe(0);
  });

  it("are noticed by both when each is connected to another peer", async () => {
    const world = createWorld();
    const meshes = [1, 2].map((n) => world.start(n, settings));
    await meshes[1]!.connect([world.address(1)]);
    const twins: Mesh[] = [3, 4].map((n) => world.start(n, { ...settings, name: 9, nickname: `twin${n}` }));
    await twins[0]!.connect([world.address(1)]);
    world.clock.advance(5_000);
    await twins[1]!.connect([world.address(2)]);
    const noticed = (): boolean => twins.every((twin) => (twin.status().events.MESH_NAME_TAKEN ?? 0) > 0);
    expect(world.clock.advanceUntil(noticed, 60_000)).toBe(true);
  });

  it("are not suspected when one host restarts, at its address or at another one after its link has died", async () => {
    const world = createWorld();
    const [a, b] = [world.start(1, settings), world.start(2, settings)];
    await b.connect([world.address(1)]);
    expect(world.clock.advanceUntil(() => agree([a, b]), 10_000)).toBe(true);
    world.network.partition([[world.address(2)]]);
    b.close();
    world.network.heal();
    const again = world.start(2, settings);
    await again.connect([world.address(1)]);
    expect(world.clock.advanceUntil(() => agree([a, again]), 10_000)).toBe(true);
    world.network.partition([[world.address(2)]]);
    again.close();
    world.clock.advance(70_000);
    world.network.heal();
    const moved = world.start(5, { ...settings, name: 2 });
    await moved.connect([world.address(1)]);
    expect(world.clock.advanceUntil(() => agree([a, moved]), 10_000)).toBe(true);
    expect(a.status().events.MESH_NAME_TAKEN).toBeUndefined();
  });
});
