import { describe, expect, it } from "vitest";
import type { Mesh, MeshOptions } from "../../src/index.ts";
import { dialStranger, handshakeAs, type Stranger, shakeHands } from "../support/stranger.ts";
import { agree, createWorld, type World } from "../support/world.ts";

const password = "wfvAwt7sj";
const HEADER_BYTES = 7;
const FLAG_AND_KEY_BYTES = 33;
const ascii = (text: string): Uint8Array => Uint8Array.from(text, (c) => c.charCodeAt(0));

/** Peers 1 and 2 of one mesh, connected; peer 1 is the one that is attacked. */
async function twoMembers(options: Partial<MeshOptions> = {}): Promise<{ world: World; meshes: Mesh[] }> {
  const world = createWorld();
  const meshes = [1, 2].map((n) => world.start(n, { password, ...options }));
  await meshes[1]!.connect([world.address(1)]);
  expect(world.clock.advanceUntil(() => agree(meshes), 10_000)).toBe(true);
  return { world, meshes };
}

describe("a mesh with a password", () => {
  it("sends a stranger that dials nothing under the password", async () => {
    const { world } = await twoMembers();
    const stranger = await dialStranger(world);
    stranger.send("weave\x01\x02\x01");
    stranger.send(new Uint8Array(32).fill(9));
    world.clock.advance(9_000);
    expect(stranger.receivedBytes()).toBe(HEADER_BYTES + FLAG_AND_KEY_BYTES);
    world.clock.advance(2_000);
    expect(stranger.closed).toBe(true);
    expect(stranger.receivedBytes()).toBe(HEADER_BYTES + FLAG_AND_KEY_BYTES);
  });

  it("refuses protocol version 1 unless it is asked for, and names the option", async () => {
    const lines: string[] = [];
    const log = (line: string) => void lines.push(line);
    const { world, meshes } = await twoMembers({ logger: { debug: log, info: log, warn: log, error: log } });
    expect(meshes[0]!.status().minProtocolVersion).toBe(2);
    const stranger = await dialStranger(world);
    stranger.send("weave\x01\x01");
    world.clock.advance(100);
    expect(stranger.closed).toBe(true);
    expect(lines.at(-1)).toMatch(/versions 1 to 1.*--min-protocol-version.*of this side decides/);
  });

  it("speaks protocol version 1 from the start without a password", () => {
    expect(createWorld().start(1).status().minProtocolVersion).toBe(1);
  });

  it("keeps the link of a member when a stranger claims the member's name over version 1", async () => {
    const { world, meshes } = await twoMembers({ minProtocolVersion: 1 });
    const before = meshes[0]!.status();
    // Connection id 0 against a random one: the stranger's connection would survive as the lower one.
    for (let i = 0; i < 40; i++) {
      const stranger = await dialStranger(world, `10.9.9.${i}`);
      const guess = new TextEncoder().encode("another password");
      shakeHands(world, stranger, handshakeAs(2, { maxVersion: 1, password: guess }, stranger.send));
    }
    world.clock.advance(20_000);
    const after = meshes[0]!.status();
    expect(after.connections.map(({ state, address }) => ({ state, address }))).toEqual(
      before.connections.map(({ state, address }) => ({ state, address })),
    );
    expect(after.events.MESH_DUPLICATE).toBeUndefined();
  });

  it("knows no peer that has not proved itself, however often it announces new names", async () => {
    const { world, meshes } = await twoMembers({ minProtocolVersion: 1, connectionLimit: 10 });
    const seen: number[] = [];
    for (const mesh of meshes) mesh.onPeerSeen(({ name }) => seen.push(name));
    for (let name = 100; name < 160; name++) {
      const stranger = await dialStranger(world, `10.9.9.${name}`);
      const guess = new TextEncoder().encode("another password");
      shakeHands(world, stranger, handshakeAs(name, { maxVersion: 1, password: guess }, stranger.send));
    }
    expect(seen).toEqual([]);
    expect(meshes.map((mesh) => mesh.convergence().peers)).toEqual([2, 2]);
    world.clock.advance(20_000);
    expect(meshes.map((mesh) => mesh.convergence().peers)).toEqual([2, 2]);
  });

  it("announces nothing to its members because strangers come and go", async () => {
    const { world, meshes } = await twoMembers();
    world.clock.advance(21_000);
    const facts = () => ({
      versions: meshes[1]!.status().peers.map(({ version }) => version),
      heard: meshes[1]!.status().connections[0]!.traffic!.messagesIn,
    });
    const before = facts();
    for (let i = 0; i < 20; i++) (await dialStranger(world, `10.9.9.${i}`)).send("weave\x01\x02\x00");
    world.clock.advance(500);
    expect(facts()).toEqual(before);
  });

  it.each<[string, Partial<MeshOptions>, (send: Stranger["send"]) => void]>([
    [
      "features of version 2",
      {},
      (send) => {
        send("weave\x02\x02\x01");
        send(new Uint8Array(32).fill(9));
        send(ascii("\x00\x00\xff\xff"));
      },
    ],
    ["features of version 1", { minProtocolVersion: 1 }, (send) => send("weave\x01\x01\xfd\x7f\xff\xff")],
  ])("keeps at most some tens of kilobytes of a stranger's %s", async (_title, options, begin) => {
    const { world, meshes } = await twoMembers(options);
    const stranger = await dialStranger(world);
    begin(stranger.send);
    let sent = 0;
    for (; sent < 100 && !stranger.closed; sent++) {
      stranger.send(new Uint8Array(1024));
      world.clock.advance(10);
    }
    expect(sent).toBeLessThan(35);
    expect(meshes[0]!.status().events).toHaveProperty("MESH_OVERSIZE");
  });

  it("keeps at most a quarter of a megabyte of a version 1 message that has yet to prove the password", async () => {
    const { world } = await twoMembers({ minProtocolVersion: 1 });
    const stranger = await dialStranger(world);
    const guess = new TextEncoder().encode("another password");
    shakeHands(world, stranger, handshakeAs(3, { maxVersion: 1, password: guess }, stranger.send));
    stranger.send(Uint8Array.of(0xfd, 0x7f, 0xff, 0xff));
    let sent = 0;
    for (; sent < 1000 && !stranger.closed; sent++) {
      stranger.send(new Uint8Array(1024));
      world.clock.advance(10);
    }
    expect(sent).toBeGreaterThan(200);
    expect(sent).toBeLessThan(260);
  });

  it("admits a newcomer within 5 s while 1,000 silent strangers hold on", async () => {
    const { world, meshes } = await twoMembers();
    for (let i = 0; i < 1000; i++) {
      const transport = world.network.transport(`10.9.9.${i % 4}:1`);
      transport.dial(`${world.address(1)}:6783`, (stream) =>
        (stream as Stranger["stream"]).open({ data() {}, drained() {}, closed() {} }),
      );
      world.clock.advance(i % 10 === 0 ? 10 : 0);
    }
    const newcomer = world.start(3, { password });
    const started = world.clock.now();
    await newcomer.connect([world.address(1)]);
    expect(world.clock.advanceUntil(() => newcomer.knows(2) && meshes[1]!.knows(3), 5_000)).toBe(true);
    expect(world.clock.now() - started).toBeLessThan(5_000);
  });
});

describe("two meshes on protocol version 1 with a password", () => {
  it.each([1, 2])("find each other when peer %i dials, and each waits for the other's proof", async (dialler) => {
    const world = createWorld();
    const options = { password, minProtocolVersion: 1, maxProtocolVersion: 1 } as const;
    const meshes = [1, 2].map((n) => world.start(n, options));
    await meshes[dialler - 1]!.connect([world.address(3 - dialler)]);
    expect(world.clock.advanceUntil(() => agree(meshes), 10_000)).toBe(true);
  });

  it("leave out version 1 when only the highest version is set, and say which option is missing", () => {
    expect(() => createWorld().start(1, { password, maxProtocolVersion: 1 })).toThrow(/minProtocolVersion/);
  });
});
