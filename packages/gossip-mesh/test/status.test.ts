import { describe, expect, it } from "vitest";
import { agree, createWorld } from "./support/world.ts";

describe("the status", () => {
  it("survives JSON.stringify: 64-bit numbers are text, routes are objects, names are readable", async () => {
    const world = createWorld();
    const [a, b] = [world.start(1), world.start(2, { uid: 2n ** 64n - 1n })];
    await a.connect([world.address(2)]);
    expect(world.clock.advanceUntil(() => agree([a, b]), 10_000)).toBe(true);
    const json = JSON.parse(JSON.stringify({ mesh: a.status() })).mesh;
    expect(json).toMatchObject({
      name: "00:00:00:00:00:01",
      uid: expect.stringMatching(/^\d+$/),
      targets: ["10.0.0.2"],
      connections: [{ peer: "00:00:00:00:00:02", state: "established" }],
      peers: [{}, { name: "00:00:00:00:00:02", uid: "18446744073709551615", version: expect.stringMatching(/^\d+$/) }],
      routes: { unicast: { "00:00:00:00:00:02": "00:00:00:00:00:02" } },
    });
  });
});
