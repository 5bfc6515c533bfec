import { describe, expect, it } from "vitest";
import type { Stream } from "../src/index.ts";
import { agree, createWorld, type World } from "./support/world.ts";

const settle = (world: World, meshes: Parameters<typeof agree>[0], ms = 30_000) =>
  expect(world.clock.advanceUntil(() => agree(meshes), ms)).toBe(true);

describe("who is let in", () => {
  it("of two connections between the same peers one survives, the same at both ends", async () => {
    const world = createWorld();
    const [a, b] = [world.start(1), world.start(2)];
    await Promise.all([a.connect([world.address(2)]), b.connect([world.address(1)])]);
    settle(world, [a, b]);
    world.clock.advance(60_000);
    expect([a, b].map((mesh) => mesh.status().connections.filter((c) => c.state === "established").length)).toEqual([
      1, 1,
    ]);
  });

  it("a connection to ourselves is never tried again", async () => {
    const world = createWorld();
    const a = world.start(1);
    await a.connect([world.address(1)]);
    world.clock.advance(600_000);
    expect(a.status().connections).toMatchObject([{ state: "failed", error: { code: "MESH_SELF" } }]);
    expect(a.status().terminationCount).toBe(0);
    expect(a.activeDirectTargets()).toEqual([]);
  });

  it("a peer of our name is told from ourselves", async () => {
    const world = createWorld();
    const a = world.start(1);
    const b = world.start(2, { name: 1 });
    await b.connect([world.address(1)]);
    world.clock.advance(10_000);
    expect(a.status().events).toMatchObject({ MESH_NAME_COLLISION: 1 });
    expect(b.status().connections).toMatchObject([{ state: "failed", info: expect.stringMatching(/retry/) }]);
  });

  it.each([
    [{ password: "right" }, { password: "wrong" }, "MESH_DECRYPT"],
    [{ password: "right" }, {}, "MESH_ENCRYPTION_MISMATCH"],
    [{ minProtocolVersion: 2 as const }, { maxProtocolVersion: 1 as const }, "MESH_VERSION"],
  ])("%j and %j do not mix", async (one, other, code) => {
    const world = createWorld();
    const [a, b] = [world.start(1, one), world.start(2, other)];
    await b.connect([world.address(1)]);
    world.clock.advance(5_000);
    expect(a.status().events).toHaveProperty(code);
    expect(a.knows(2)).toBe(false);
  });

  it("gives one reason in words to each refusal, and a time to each retry", async () => {
    const world = createWorld();
    const a = world.start(1);
    expect(await a.connect(["::1", "10.0.0.9"])).toMatchObject([{ target: "::1", code: "MESH_ADDRESS" }]);
    world.clock.advance(5_000);
    expect(a.status().connections).toMatchObject([
      {
        state: "failed",
        retryInMs: expect.any(Number),
        error: { code: "MESH_TRANSPORT", reason: "connection refused" },
      },
    ]);
  });
});

describe("strangers", () => {
  /** A stream to mesh 1 that speaks whatever it likes. */
  const dial = (world: World): Promise<Stream> =>
    new Promise((resolve) => {
      world.network.transport("10.9.9.9:1").dial(`${world.address(1)}:6783`, (result) => resolve(result as Stream));
      world.clock.advance(10);
    });

  it.each([
    ["garbage", "GET / HTTP/1.1", "MESH_PROTOCOL"],
    ["an impossible flag", "weave\x01\x02\x07", "MESH_PROTOCOL"],
    ["a message of 4 GiB", "weave\x01\x02\x00\xff\xff\xff\xff", "MESH_OVERSIZE"],
    ["features that are none", "weave\x01\x02\x00\x00\x00\x00\x04abcd", "MESH_FEATURES"],
    ["a version from the future", "weave\x03\x04", "MESH_VERSION"],
  ])("who begin with %s are refused at once", async (_title, text, code) => {
    const world = createWorld();
    const a = world.start(1);
    const stream = await dial(world);
    let closed = false;
    stream.open({ data() {}, drained() {}, closed: () => (closed = true) });
    stream.write(Uint8Array.from(text, (c) => c.charCodeAt(0)));
    world.clock.advance(100);
    expect(a.status().events).toEqual({ [code]: 1 });
    expect(closed).toBe(true);
  });

  it("who say nothing, or one byte at a time, are given ten seconds", async () => {
    const world = createWorld();
    const a = world.start(1);
    const stream = await dial(world);
    stream.open({ data() {}, drained() {}, closed() {} });
    for (let i = 0; i < 12; i++) {
      world.clock.advance(1_000);
      if (i < 3) stream.write(Uint8Array.of("weave".charCodeAt(i)));
      if (i === 8) expect(a.status().events).toEqual({});
    }
    expect(a.status().events).toEqual({ MESH_TIMEOUT: 1 });
  });

  it("who come by the hundred use up neither the mesh nor the log", async () => {
    const world = createWorld();
    const lines: string[] = [];
    const log = (line: string) => void lines.push(line);
    const a = world.start(1, { logger: { debug: log, info: log, warn: log, error: log } });
    const transport = world.network.transport("10.9.9.9:1");
    for (let i = 0; i < 1000; i++)
      transport.dial(`${world.address(1)}:6783`, (s) => (s as Stream).open({ data() {}, drained() {}, closed() {} }));
    world.clock.advance(100);
    expect(a.status().events).toEqual({ MESH_THROTTLED: 1000 - 64 });
    world.clock.advance(2_000);
    expect(lines).toHaveLength(10 + 1);
    expect(lines.at(-1)).toContain(`${1000 - 64 - 10} more connections refused`);
    const b = world.start(2);
    await b.connect([world.address(1)]);
    settle(world, [a, b]);
  });
});

describe("whom we dial", () => {
  it("thirty hosts that let us in and say nothing keep a living one waiting for seconds, not minutes", async () => {
    const world = createWorld();
    for (let n = 10; n < 40; n++) {
      const open = (stream: Stream): void => stream.open({ data() {}, drained() {}, closed() {} });
      world.network.transport(`${world.address(n)}:6783`).onStream(open);
    }
    const [a, b] = [world.start(1), world.start(2)];
    const dead = Array.from({ length: 30 }, (_, i) => world.address(10 + i));
    await a.connect([...dead, world.address(2)]);
    settle(world, [a, b], 20_000);
    world.clock.advance(30_000);
    expect(a.status().events.MESH_TIMEOUT).toBeGreaterThan(0);
  });
});

describe("channels", () => {
  it("an error in one is reported, and keeps the link", async () => {
    const world = createWorld();
    const warnings: string[] = [];
    const quiet = () => {};
    const logger = { debug: quiet, info: quiet, warn: (m: string) => void warnings.push(m), error: quiet };
    const [a, b] = [world.start(1, { logger }), world.start(2)];
    const bad = () => {
      throw new Error("seeded differently");
    };
    a.openChannel("x", { onUnicast: bad, onBroadcast: bad, onGossip: bad, gossip: () => undefined });
    const sender = b.openChannel("x", {
      onUnicast() {},
      onBroadcast: () => undefined,
      onGossip: () => undefined,
      gossip: () => undefined,
    });
    await b.connect([world.address(1)]);
    settle(world, [a, b]);
    for (let i = 0; i < 3; i++) sender.unicast(1, Uint8Array.of(i));
    world.clock.advance(1_000);
    expect(a.status().events).toEqual({ MESH_GOSSIP: 3 });
    expect(warnings).toEqual([expect.stringMatching(/channel x.*00:02.*seeded differently/)]);
    expect(a.status().terminationCount).toBe(0);
  });

  it("that a peer does not have are relayed by it", async () => {
    const world = createWorld();
    const meshes = [1, 2, 3].map((n) => world.start(n, { discovery: false }));
    const heard: string[] = [];
    const handler = {
      onUnicast: (from: number) => void heard.push(`unicast ${from}`),
      onBroadcast: (from: number) => void heard.push(`broadcast ${from}`) as undefined,
      onGossip: () => void heard.push("gossip") as undefined,
      gossip: () => undefined,
    };
    const sender = meshes[0]!.openChannel("x", handler);
    meshes[2]!.openChannel("x", handler);
    await meshes[1]!.connect([world.address(1), world.address(3)]);
    settle(world, meshes);
    const data = { merge: () => data, encode: () => [Uint8Array.of(1)] };
    expect(sender.unicast(3, Uint8Array.of(1))).toBe(true);
    sender.broadcast(data);
    sender.gossip(data);
    world.clock.advance(1_000);
    expect(heard.sort()).toEqual(["broadcast 1", "gossip", "unicast 1"]);
  });
});

describe("a mesh", () => {
  it("forgets a peer that is gone, welcomes its next life, tells both", async () => {
    const world = createWorld();
    const [a, b] = [world.start(1), world.start(2)];
    const events: string[] = [];
    a.onPeerSeen(({ nickname }) => events.push(`seen ${nickname}`));
    a.onPeerGone(({ nickname }) => events.push(`gone ${nickname}`));
    await a.connect([world.address(2)]);
    settle(world, [a, b]);
    b.close();
    world.clock.advance(1_000);
    const again = world.start(2);
    settle(world, [a, again]);
    expect(events).toEqual(["seen host2", "gone host2", "seen host2"]);
  });

  it("heals after a partition, though nobody was told of the other side", async () => {
    const world = createWorld();
    const meshes = [1, 2, 3, 4].map((n) => world.start(n));
    for (const mesh of meshes.slice(1)) await mesh.connect([world.address(1)]);
    settle(world, meshes);
    for (const mesh of meshes) mesh.forget([world.address(1)]);
    const halves = [
      [1, 2],
      [3, 4],
    ];
    world.network.partition(halves.map((half) => half.map((n) => world.address(n))));
    world.clock.advance(180_000);
    expect(meshes.map((mesh) => mesh.status().peers.length)).toEqual([2, 2, 2, 2]);
    world.network.heal();
    settle(world, meshes, 360_000);
  });

  it("stays in one piece under a limit of three, and keeps to it", async () => {
    const world = createWorld(5);
    const meshes = Array.from({ length: 14 }, (_, i) => world.start(i + 1, { connectionLimit: 3 }));
    for (const mesh of meshes.slice(1)) await mesh.connect([world.address(1)]);
    settle(world, meshes, 120_000);
    world.clock.advance(120_000);
    settle(world, meshes, 60_000);
    for (const mesh of meshes)
      expect(mesh.status().connections.filter((c) => c.state === "established").length).toBeLessThanOrEqual(3);
  });

  it("leaves no timer behind when it closes", async () => {
    const world = createWorld();
    const [a, b] = [world.start(1), world.start(2)];
    // Nobody is at the second address, so there is always a next try.
    await a.connect([world.address(2), "10.9.9.9"]);
    settle(world, [a, b]);
    // In the midst of telling of a new link.
    const c = world.start(3);
    await c.connect([world.address(2)]);
    expect(world.clock.advanceUntil(() => b.knows(3), 1_000)).toBe(true);
    for (const mesh of [a, b, c]) mesh.close();
    const closed = world.clock.now();
    world.clock.drain(1_000);
    expect(world.clock.pending).toBe(0);
    // What is on the wires arrives; a timer would have been waited for.
    expect(world.clock.now() - closed).toBeLessThan(10);
  });
});
