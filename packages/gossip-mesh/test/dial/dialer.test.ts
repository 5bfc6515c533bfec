import { describe, expect, it } from "vitest";
import type { Mesh } from "../../src/index.ts";
import { agree, createWorld } from "../support/world.ts";

/** Lets promises settle that a lookup has left. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("a target whose name does not resolve", () => {
  function namedWorld() {
    const names = new Map<string, string>();
    const resolve = (host: string): Promise<string> => {
      const address = names.get(host);
      return address ? Promise.resolve(address) : Promise.reject(new Error(`getaddrinfo ENOTFOUND ${host}`));
    };
    return { names, world: createWorld(1, { resolve }) };
  }

  it("is kept, shown with its reason, looked up again, and dialled once it resolves", async () => {
    const { names, world } = namedWorld();
    const meshes = [1, 2].map((n) => world.start(n));
    const [a] = meshes as [(typeof meshes)[0]];
    expect(await a.connect(["later.example", "bad:target:text"])).toMatchObject([
      { target: "bad:target:text", code: "MESH_ADDRESS", kept: false },
      { target: "later.example", code: "MESH_ADDRESS", kept: true, reason: expect.stringContaining("ENOTFOUND") },
    ]);
    expect(a.status().targets).toEqual(["later.example"]);
    expect(a.status().connections).toMatchObject([
      { address: "later.example", state: "failed", info: expect.stringMatching(/does not resolve.*retry: in \d+ s/) },
    ]);
    world.clock.advance(20_000);
    await settled();
    expect(a.status().connections).toHaveLength(1);
    names.set("later.example", world.address(2));
    for (let i = 0; i < 35 && !agree(meshes); i++) {
      world.clock.advance(1_000);
      await settled();
    }
    expect(agree(meshes)).toBe(true);
    expect(a.status().connections).toMatchObject([{ state: "established", peer: 2 }]);
  });

  it("is not looked up any more once it is forgotten, or the mesh is closed", async () => {
    const { world } = namedWorld();
    const a = world.start(1);
    await a.connect(["gone.example"]);
    a.forget(["gone.example"]);
    expect(a.status().connections).toEqual([]);
    await a.connect(["other.example"]);
    a.close();
    await settled();
    world.clock.drain(100);
    expect(world.clock.pending).toBe(0);
  });
});

describe("a target that was taken back", () => {
  it.each([
    ["forgotten", (mesh: Mesh, target: string) => Promise.resolve(mesh.forget([target]))],
    ["replaced by others", (mesh: Mesh) => mesh.connect(["10.0.0.77"], { replace: true })],
  ])("is not dialled again after its connection ends when it is %s", async (_title, takeBack) => {
    const world = createWorld();
    const [a, b] = [world.start(1), world.start(2)];
    await a.connect([world.address(2)]);
    expect(world.clock.advanceUntil(() => agree([a, b]), 10_000)).toBe(true);
    await takeBack(a, world.address(2));
    b.close();
    world.start(2);
    world.clock.advance(120_000);
    expect(a.status().connections.map(({ address }) => address)).not.toContain(`${world.address(2)}:6783`);
    expect(a.knows(2)).toBe(false);
  });

  it("is dialled when it was lost before it was forgotten, and is given again", async () => {
    const world = createWorld();
    const [a, b] = [world.start(1), world.start(2)];
    await a.connect([world.address(2)]);
    expect(world.clock.advanceUntil(() => agree([a, b]), 10_000)).toBe(true);
    b.close();
    world.clock.advance(1_000);
    a.forget([world.address(2)]);
    const again = world.start(2);
    world.clock.advance(120_000);
    expect(a.status().connections).toEqual([]);
    await a.connect([world.address(2)]);
    expect(world.clock.advanceUntil(() => agree([a, again]), 10_000)).toBe(true);
  });
});

describe("the status of a peer that we see", () => {
  it("has one row, although dialling it had failed before it dialled us", async () => {
    const world = createWorld();
    const a = world.start(1);
    await a.connect([`${world.address(2)}:6783`]);
    world.clock.advance(1_000);
    expect(a.status().connections).toMatchObject([{ state: "failed" }]);
    const b = world.start(2);
    await b.connect([world.address(1)]);
    expect(world.clock.advanceUntil(() => agree([a, b]), 10_000)).toBe(true);
    world.clock.advance(20_000);
    expect(a.status().connections).toMatchObject([{ state: "established", peer: 2 }]);
  });
});
