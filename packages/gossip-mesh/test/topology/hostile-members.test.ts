import { describe, expect, it } from "vitest";
import type { Mesh } from "../../src/index.ts";
import { MAX_LEAD, MAX_VERSION } from "../../src/topology/bounds.ts";
import type { PeerRecord } from "../../src/topology/record.ts";
import { joinAs } from "../support/stranger.ts";
import { agree, createWorld, type World } from "../support/world.ts";

const password = "wfvAwt7sj";
const HOSTILE = 9;

/** Peers 1, 2, 3 of one mesh, and a fourth member that is connected to peer 1 and says what it likes. */
async function meshWithTraitor() {
  const world = createWorld();
  const warnings: string[] = [];
  const quiet = (): void => {};
  const logger = { debug: quiet, info: quiet, warn: (line: string) => void warnings.push(line), error: quiet };
  const meshes = [1, 2, 3].map((n) => world.start(n, { password, logger }));
  for (const mesh of meshes.slice(1)) await mesh.connect([world.address(1)]);
  expect(world.clock.advanceUntil(() => agree(meshes), 20_000)).toBe(true);
  const traitor = await joinAs(world, HOSTILE, password);
  return { world, meshes, traitor, warnings };
}

const range = (count: number, from: number): number[] => Array.from({ length: count }, (_, i) => from + i);
const record = (name: number, links: readonly number[], change: Partial<PeerRecord> = {}): PeerRecord => ({
  ...{ name, nickname: "n", uid: 9n, version: 5n, shortId: 0, hasShortId: false },
  links: links.map((to) => ({ to, address: "10.0.0.1:6783", outbound: false, established: true })),
  ...change,
});

/** Whether others still believe a peer's own word: a new link of it becomes known everywhere. */
async function expectHeard(world: World, meshes: readonly Mesh[], name: number): Promise<void> {
  const newcomer = world.start(100, { password, discovery: false });
  await newcomer.connect([world.address(name)]);
  const linked = (mesh: Mesh) =>
    mesh
      .status()
      .peers.find((peer) => peer.name === name)
      ?.connections.some((link) => link.name === 100 && link.established);
  expect(world.clock.advanceUntil(() => meshes.every(linked), 5_000)).toBe(true);
  newcomer.close();
}

describe("a member that lies", () => {
  it.each([
    ["2^64 - 1", 2n ** 64n - 1n],
    ["2^63", MAX_VERSION + 1n],
    ["2^63 - 1, the highest that is allowed", MAX_VERSION],
    ["2^62", 2n ** 62n],
    ["2^53 - 1", 2n ** 53n - 1n],
    ["the lead that is allowed", MAX_LEAD],
  ])("does not silence a peer by a record of it with version %s", async (_title, version) => {
    const { world, meshes, traitor } = await meshWithTraitor();
    traitor.tellTopology([record(HOSTILE, [1]), record(2, [], { version, uid: 2n ** 64n - 1n })]);
    world.clock.advance(2_000);
    await expectHeard(world, meshes, 2);
  });

  it("is named in the log as the sender of a record that was refused", async () => {
    const { world, meshes, traitor, warnings } = await meshWithTraitor();
    traitor.tellTopology([record(2, [], { version: 2n ** 64n - 1n })]);
    world.clock.advance(100);
    expect(meshes[0]!.status().events).toMatchObject({ MESH_GOSSIP: 1 });
    expect(warnings.at(-1)).toMatch(/from 00:00:00:00:00:09.*of 00:00:00:00:00:02: a version of 18446744073709551615/);
  });

  it.each([
    ["a nickname of 2,000 characters", { nickname: "x".repeat(2_000) }],
    ["an address of 300 characters", { links: [{ ...record(2, [1]).links[0]!, address: "x".repeat(300) }] }],
    ["a version of 2^64 - 1", { version: 2n ** 64n - 1n }],
  ])("takes nothing else along when one record with %s is refused", async (_title, change) => {
    const { world, meshes, traitor } = await meshWithTraitor();
    traitor.tellTopology([record(50, [], change), record(HOSTILE, [1, 51]), record(51, [HOSTILE])]);
    world.clock.advance(100);
    expect(meshes[0]!.knows(51)).toBe(true);
    expect(meshes[0]!.knows(50)).toBe(false);
  });

  it.each([
    ["one peer with 40,000 links", [record(HOSTILE, range(40_000, 1_000))]],
    ["100,000 peers without links", range(100_000, 1_000).map((name) => record(name, []))],
    ["40,000 peers, each with a link", range(40_000, 1_000).map((name) => record(name, [HOSTILE]))],
  ])("cannot make others know %s", async (_title, records) => {
    const { world, meshes, traitor } = await meshWithTraitor();
    traitor.tellTopology(records);
    world.clock.advance(5_000);
    for (const mesh of meshes) expect(mesh.convergence().peers).toBeLessThanOrEqual(4_096);
    await expectHeard(world, meshes, 2);
  });

  it("loses its connection when it announces new peers without end; others keep theirs", async () => {
    const { world, meshes, traitor } = await meshWithTraitor();
    for (let round = 0; round < 20 && !traitor.stranger.closed; round++) {
      const names = range(1_500, 10_000 * (round + 1));
      traitor.tellTopology(names.map((name) => record(name, [])));
      world.clock.advance(100);
    }
    expect(traitor.stranger.closed).toBe(true);
    expect(meshes[0]!.status().events).toMatchObject({ MESH_FLOOD: 1 });
    expect(meshes[1]!.status().events.MESH_FLOOD).toBeUndefined();
    world.clock.advance(5_000);
    expect(agree(meshes)).toBe(true);
  });

  it("gets no new budget by connecting again", async () => {
    const { world, meshes, traitor } = await meshWithTraitor();
    traitor.tellTopology(range(8_000, 10_000).map((name) => record(name, [])));
    world.clock.advance(100);
    traitor.stranger.stream.close();
    const again = await joinAs(world, HOSTILE, password);
    again.tellTopology(range(8_000, 50_000).map((name) => record(name, [])));
    world.clock.advance(100);
    expect(again.stranger.closed).toBe(true);
    expect(meshes[0]!.status().events).toMatchObject({ MESH_FLOOD: 1 });
  });

  it.each(["attacker.example:80", "10.0.0.5:0", "10.0.0.5:99999", "nonsense", "10.0.0.5", ""])(
    "does not make others dial %j for a peer",
    async (address) => {
      const { world, meshes, traitor } = await meshWithTraitor();
      const link = { to: 60, address, outbound: true, established: true };
      traitor.tellTopology([record(HOSTILE, [1], { links: [link] }), record(60, [HOSTILE])]);
      world.clock.advance(10_000);
      expect(meshes[0]!.status().connections.map((connection) => connection.address)).not.toContain(address);
      await expectHeard(world, meshes, 2);
    },
  );
});
