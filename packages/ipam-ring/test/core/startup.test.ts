/* A start with named peers: nothing is given out before they were tried. */
import { describe, expect, it } from "vitest";
import type { Allocator, PeerName } from "../../src/index.ts";
import { createMemoryStore } from "../../src/testing/index.ts";
import { type Cluster, createCluster, stateOf } from "../support/cluster.ts";

/** What is known about the named peer at the start. */
type Named = "alive" | "away" | "late";
type State = "kept" | "lost" | "of another peer";

interface Named1 {
  untried: string[];
  neighbours: PeerName[];
}

const guess = () => 2;
const consensus = { kind: "consensus", guess } as const;

/** Two hosts with a ring and a container each; then host 1 is stopped, its state treated, and it starts again. */
async function restart(
  named: Named,
  state: State,
): Promise<{ cluster: Cluster; h2: Allocator; again: Allocator; peers: Named1 }> {
  const cluster = createCluster(2, { init: consensus });
  const [h1, h2] = [await cluster.add(1), await cluster.add(2)];
  const first = h1.allocate("own");
  await cluster.run(12_000);
  await first;
  await Promise.all([h2.allocate("other")]);
  await cluster.run(1000);
  h1.close();
  cluster.network.setReachable(1, false);
  if (named !== "alive") cluster.network.setReachable(2, false);
  if (state === "lost") cluster.stores[1] = createMemoryStore();
  const peers: Named1 = { untried: ["h2:6783"], neighbours: [] };
  const name = state === "of another peer" ? 7 : 1;
  const store = cluster.stores[1]!;
  const again = await cluster.add(name, { init: consensus, startupPeers: () => peers, store });
  return { cluster, h2, again, peers };
}

/** The named peer answers: the link carries its state over. */
async function answer({ cluster, h2, again, peers }: Awaited<ReturnType<typeof restart>>): Promise<void> {
  cluster.network.setReachable(2, true);
  peers.untried = [];
  peers.neighbours = [2];
  again.gossip.onGossip(h2.gossip.gossip()!.encode()[0]!, 2);
  await cluster.run(500);
}

const seedsOf = (host: Allocator): string => [...new Set(host.ranges().map(({ peer }) => peer))].join();

describe("a start with a named peer", () => {
  const cases = (["alive", "away", "late"] as const).flatMap((named) =>
    (["kept", "lost", "of another peer"] as const).flatMap((state) =>
      ([true, false] as const).map((waits) => ({ named, state, waits })),
    ),
  );

  it.each(cases)(
    "creates no second ring, and gives no address twice (peer $named, state $state, container waits: $waits)",
    async (each) => {
      const scene = await restart(each.named, each.state);
      const { cluster, h2, again, peers } = scene;
      const request = each.waits ? again.allocate("new") : undefined;
      request?.catch(() => {});
      await cluster.run(8000);
      if (request) {
        expect(await stateOf(request)).toBe("waits");
        expect(again.explain("new")[0]).toMatchObject({ reason: { code: "STARTING" } });
        expect(again.explain("new")[0]?.text).toContain("h2:6783");
      }
      if (each.named === "away") {
        peers.untried = [];
        await cluster.run(8000);
        // Alone it has no quorum: a ring comes about only with the named peer.
        if (each.state !== "kept") expect(again.ranges()).toEqual([]);
      }
      if (each.named === "late") await cluster.run(20_000);
      await answer(scene);
      await cluster.run(20_000);
      const got = [await (request ?? again.allocate("new")), await h2.allocate("more")];
      const held = [...again.owned(), ...h2.owned()].flatMap(({ addresses }) =>
        addresses.map(({ address }) => address),
      );
      expect(new Set(held).size).toBe(held.length);
      expect(got[0]!.address).not.toBe(got[1]!.address);
      expect(seedsOf(again)).toBe(seedsOf(h2));
      expect(h2.status().conflicts).toEqual([]);
      again.close();
      h2.close();
    },
  );

  it("waits for the state of a neighbour at most 10 s", async () => {
    const cluster = createCluster(1);
    const peers = { untried: [], neighbours: [9] };
    const h1 = await cluster.add(1, { startupPeers: () => peers });
    const request = h1.allocate("c");
    await cluster.run(5000);
    expect(await stateOf(request)).toBe("waits");
    await cluster.run(10_000);
    expect(await stateOf(request)).toBe("done");
  });
});

describe("the quorum", () => {
  it("follows the peers known while there is no ring: members that vanish stop counting after a minute", async () => {
    const cluster = createCluster(2);
    let members = 20;
    const h1 = await cluster.add(1, { init: { kind: "consensus", guess: () => members } });
    const request = h1.allocate("c");
    expect(h1.explain("c")[0]).toMatchObject({ reason: { code: "CONSENSUS", quorum: 11 } });
    members = 1;
    await cluster.run(30_000);
    expect(await stateOf(request)).toBe("waits");
    await cluster.run(40_000);
    expect(await stateOf(request)).toBe("done");
  });
});
