/* What a member may change by its word alone, and what only the owner of a range can. */
import { seededRandom } from "@weaved/sim";
import { describe, expect, it } from "vitest";
import type { Allocator } from "../../src/index.ts";
import type { Entry } from "../../src/ring/entry.ts";
import { MOST_VERSION } from "../../src/ring/ring.ts";
import { encodeState } from "../../src/wire/allocation-wire.ts";
import { type Cluster, createCluster, text } from "../support/cluster.ts";
import { forgedState, ringOf, sendForged } from "../support/forge.ts";

const FORGER = 4;
const three = { init: { kind: "seed", peers: [1, 2, 3] } } as const;

interface Scene {
  readonly cluster: Cluster;
  readonly hosts: readonly [Allocator, Allocator, Allocator];
  readonly complaints: { message: string; from: number | undefined }[];
}

/** Three honest peers that know each other, and a fourth member whose word the tests forge. */
async function setUp(): Promise<Scene> {
  const complaints: Scene["complaints"] = [];
  const warn = (message: string, fields?: object): void => {
    complaints.push({ message, from: (fields as { from?: number } | undefined)?.from });
  };
  const logger = { debug() {}, info() {}, error() {}, warn };
  const cluster = createCluster(4, { ...three, logger });
  const hosts = [await cluster.add(1), await cluster.add(2), await cluster.add(3)] as const;
  const member = await cluster.add(FORGER, { init: { kind: "observer" } });
  await cluster.run(6000);
  for (const host of hosts) host.gossip.onGossip(member.gossip.gossip()!.encode()[0]!, FORGER);
  await cluster.run();
  return { cluster, hosts, complaints };
}

/** All entries of one owner made another peer's, as a reclaim does. */
function steal(from: number, to: number, step: number): (entries: Entry[]) => Entry[] {
  return (entries) =>
    entries.map((entry) => (entry.peer === from ? { ...entry, peer: to, version: entry.version + step } : entry));
}

const ownersOf = (host: Allocator): string =>
  host
    .ranges()
    .map(({ peer }) => peer)
    .join();

describe("a forged change of owner", () => {
  it.each([1, 100, 2 ** 20, MOST_VERSION, 2 ** 32 - 1])(
    "is not believed by third peers while the owner is reachable (version + %d)",
    async (step) => {
      const { cluster, hosts } = await setUp();
      const [h1, h2, h3] = hosts;
      const state = forgedState(ringOf(h2), FORGER, steal(1, FORGER, Math.min(step, 2 ** 32 - 10)));
      for (let round = 0; round < 3; round++) {
        for (const host of hosts) sendForged(host, FORGER, state);
        await cluster.run(6000);
      }
      for (const host of [h1, h2, h3]) expect(ownersOf(host)).toBe("1,2,3");
      expect(text(await h1.allocate("c1"))).toBe("10.32.0.1/24");
    },
  );

  it("gives nothing to an innocent peer that it names as the new owner", async () => {
    const { cluster, hosts } = await setUp();
    const [h1, h2] = hosts;
    for (let i = 0; i < 20; i++) await h1.allocate(`a${i}`);
    const state = forgedState(ringOf(h1), FORGER, steal(1, 2, 1000));
    for (const host of hosts) sendForged(host, FORGER, state);
    const used = new Set(h1.owned().flatMap(({ addresses }) => addresses.map(({ address }) => address)));
    for (let i = 0; i < 40; i++) expect(used.has((await h2.allocate(`b${i}`)).address)).toBe(false);
    await cluster.run(6000);
    expect(ownersOf(h2)).toBe("1,2,3");
  });

  it("is attributed to the neighbour that sent it, on the owner and on third peers", async () => {
    const { cluster, hosts, complaints } = await setUp();
    complaints.length = 0;
    const state = forgedState(ringOf(hosts[1]), FORGER, steal(1, FORGER, 7));
    for (const host of hosts) sendForged(host, FORGER, state);
    await cluster.run(6000);
    const about = complaints.filter(({ message }) => message.includes("is said to own"));
    expect(about.length).toBeGreaterThanOrEqual(2);
    expect(about.every(({ from }) => from === FORGER)).toBe(true);
    expect(about.some(({ message }) => message.includes("which is ours"))).toBe(true);
    expect(about.some(({ message }) => message.includes("00:00:00:00:00:01 denies"))).toBe(true);
  });

  it("leaves the true news in the same ring standing", async () => {
    const { cluster, hosts } = await setUp();
    const [h1, h2, h3] = hosts;
    const truth = ringOf(h3);
    const newer = (entries: Entry[]): Entry[] =>
      steal(
        1,
        FORGER,
        50,
      )(entries).map((entry) => (entry.peer === 3 ? { ...entry, version: entry.version + 5, free: 3 } : entry));
    sendForged(h2, FORGER, forgedState(truth, FORGER, newer));
    await cluster.run();
    const entry = ringOf(h2).entries.find(({ peer }) => peer === 3)!;
    expect(entry.version).toBeGreaterThanOrEqual(truth.entries.find(({ peer }) => peer === 3)!.version);
    expect(ownersOf(h1)).toBe("1,2,3");
    expect(ownersOf(h2)).toBe("1,2,3");
  });

  it("survives 3,000 random forgeries, mixed with allocations: no freeze, no address in two hands", async () => {
    const seed = 20260726;
    const random = seededRandom(seed);
    const { cluster, hosts } = await setUp();
    const used = new Map<string, string>();
    for (let i = 0; i < 3000; i++) {
      const host = hosts[Math.floor(random() * 3)]!;
      const truth = ringOf(host);
      const state = forgedState(truth, FORGER, (entries) => mutate(entries, random));
      if (random() < 0.5) host.gossip.onGossip(encodeState(state), FORGER);
      else sendForged(host, FORGER, state);
      if (i % 50 !== 0) continue;
      await cluster.run(1000);
      const ident = `c${i}`;
      const { address } = await host.allocate(ident);
      expect(used.get(address), `seed ${seed}`).toBeUndefined();
      used.set(address, ident);
    }
    await cluster.run(20_000);
    for (const host of hosts) expect(ownersOf(host), `seed ${seed}`).not.toContain(`${FORGER}`);
    const perAddress = (host: Allocator): string =>
      host
        .ranges()
        .flatMap(({ start, end, peer }) => Array(end - start).fill(peer))
        .join();
    expect(new Set(hosts.map(perAddress)).size, `seed ${seed}`).toBe(1);
  });
});

/** Changes owners, versions, counts, tokens at random. */
function mutate(entries: Entry[], random: () => number): Entry[] {
  const pick = Math.floor(random() * entries.length);
  const chosen = entries[pick]!;
  const version = Math.floor(random() < 0.5 ? random() * 2 ** 32 : chosen.version + random() * 200);
  const peer = 1 + Math.floor(random() * 5);
  if (random() < 0.3) {
    const token = 0x0a200000 + Math.floor(random() * 256);
    if (entries.some((entry) => entry.token === token)) return entries;
    return [...entries.map((entry) => ({ ...entry, free: 0 })), { token, peer, version, free: 0 }];
  }
  entries[pick] = { ...chosen, peer: peer === chosen.peer ? FORGER : peer, version };
  return entries;
}

describe("a change of owner that the owner made", () => {
  it("is believed through a relay once the owner has confirmed it", async () => {
    const { cluster, hosts } = await setUp();
    const [h1, h2, h3] = hosts;
    const claim = h2.claim("c", { address: "10.32.0.20", prefixLength: 24 });
    await cluster.run();
    await claim;
    // Peer 3 hears it from peer 2, as from a relay.
    h3.gossip.onGossip(h2.gossip.gossip()!.encode()[0]!, 2);
    await cluster.run(1000);
    expect(h3.ranges()).toEqual(h1.ranges());
    expect(ownersOf(h3)).toContain("1,2,1");
  });

  it("is believed when the owner cannot be reached: another peer has reclaimed its space", async () => {
    const { cluster, hosts } = await setUp();
    const [, h2, h3] = hosts;
    cluster.network.setReachable(1, false);
    await cluster.run(6000);
    const state = forgedState(ringOf(h2), 2, steal(1, 2, 100));
    h3.gossip.onGossip(encodeState(state), 2);
    await cluster.run();
    expect(ownersOf(h3)).toBe("2,2,3");
  });
});
