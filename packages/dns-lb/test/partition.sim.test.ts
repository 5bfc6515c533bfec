import { seededRandom } from "@weaved/sim";
import { describe, expect, it } from "vitest";
import { isLive } from "../src/entry.ts";
import { type Cluster, cluster, ip } from "./support/cluster.ts";

const web = "web.weave.local.";
const everyone = (addresses: string[], peers = [1, 2, 3]): Record<number, string[]> =>
  Object.fromEntries(peers.map((peer) => [peer, addresses]));

function threeHosts(seed: number): Cluster {
  const lab = cluster([1, 2, 3], seed);
  for (const [peer, { names }] of lab.hosts) names.add(web, `c${peer}`, ip(`10.32.0.${peer}`));
  lab.clock.advance(1000);
  expect(lab.answers(web)).toEqual(everyone(["10.32.0.1", "10.32.0.2", "10.32.0.3"]));
  return lab;
}

describe("moby 53141: a cut of 10 to 30 seconds", () => {
  for (const seconds of [10, 15, 20, 25, 30]) {
    it(`of ${seconds} s loses no name of a container that lives on`, () => {
      const lab = threeHosts(seconds);
      lab.net.partition([1], [2, 3]);
      lab.clock.advance(seconds * 1000);
      lab.net.heal();
      lab.clock.advance(1000);
      expect(lab.answers(web)).toEqual(everyone(["10.32.0.1", "10.32.0.2", "10.32.0.3"]));
    });

    it(`of ${seconds} s leaves no ghost of a container that died, moved, or whose host vanished meanwhile`, () => {
      const lab = threeHosts(seconds);
      lab.net.partition([1], [2, 3]);
      lab.clock.advance((seconds * 1000) / 2);
      lab.hosts.get(1)!.names.containerDied("c1");
      lab.hosts.get(1)!.names.add(web, "c1b", ip("10.32.0.11"));
      lab.hosts.get(2)!.names.containerDied("c2");
      lab.crash(3);
      lab.clock.advance((seconds * 1000) / 2);
      lab.net.heal();
      lab.clock.advance(2000);
      expect(lab.answers(web)).toEqual(everyone(["10.32.0.11"], [1, 2]));
    });
  }

  it("flapping twenty times loses nothing", () => {
    const lab = threeHosts(99);
    for (let i = 0; i < 20; i++) {
      lab.net.partition([1, 2], [3]);
      lab.clock.advance(1500);
      lab.net.heal();
      lab.clock.advance(1200);
    }
    expect(lab.answers(web)).toEqual(everyone(["10.32.0.1", "10.32.0.2", "10.32.0.3"]));
  });
});

describe("a restarted host", () => {
  it("does not resurrect names of containers that died while it was down", () => {
    const lab = threeHosts(5);
    const saved = JSON.parse(JSON.stringify(lab.hosts.get(1)!.names.snapshot()));
    lab.crash(1);
    lab.clock.advance(500);
    const { names } = lab.start(1);
    names.restore(saved);
    names.retain((id) => id !== "c1");
    lab.clock.advance(3000);
    expect(lab.answers(web)).toEqual(everyone(["10.32.0.2", "10.32.0.3"]));
  });

  it("withdraws its names when it lost its state and others repeat them", () => {
    const lab = threeHosts(6);
    lab.crash(1);
    lab.clock.advance(500);
    lab.start(1);
    lab.clock.advance(3000);
    expect(lab.answers(web)).toEqual(everyone(["10.32.0.2", "10.32.0.3"]));
  });

  it("keeps names of containers that still run without a gap, and can withdraw them later", () => {
    const lab = threeHosts(7);
    const saved = lab.hosts.get(1)!.names.snapshot();
    lab.crash(1);
    lab.clock.advance(500);
    const { names } = lab.start(1);
    names.restore(saved);
    names.retain(() => true);
    const gaps: unknown[] = [];
    for (let i = 0; i < 100; i++) {
      lab.clock.advance(50);
      if (!names.lookup(web).some((address) => address.equals("10.32.0.1"))) gaps.push(i);
    }
    expect(gaps).toEqual([]);
    expect(lab.answers(web)).toEqual(everyone(["10.32.0.1", "10.32.0.2", "10.32.0.3"]));
    names.containerDied("c1");
    lab.clock.advance(1000);
    expect(lab.answers(web)).toEqual(everyone(["10.32.0.2", "10.32.0.3"]));
  });
});

describe("a removal that could not be announced", () => {
  it("reaches a distant peer after partition and restart in between (Weave Net's test 215)", () => {
    const lab = threeHosts(8);
    lab.net.partition([1], [2, 3]);
    lab.hosts.get(1)!.names.containerDied("c1");
    lab.crash(1);
    lab.clock.advance(300);
    lab.start(1);
    lab.net.heal();
    lab.clock.advance(3000);
    expect(lab.answers(web)).toEqual(everyone(["10.32.0.2", "10.32.0.3"]));
  });
});

describe("any history of changes, cuts, crashes, losses", () => {
  it.each([1, 2, 3, 4, 5, 6, 7, 8])("ends with all hosts agreeing on what each announces (seed %i)", (seed) => {
    const peers = [1, 2, 3, 4, 5];
    const lab = cluster(peers, seed, { loss: 0.05 });
    const random = seededRandom(seed * 1000);
    const pick = (n: number): number => Math.floor(random() * n);
    const saved = new Map<number, unknown>();
    /** The containers that really run on each host. */
    const truth = new Map(peers.map((peer) => [peer, new Set<string>()]));
    for (let step = 0; step < 300; step++) {
      const peer = peers[pick(peers.length)]!;
      const host = lab.hosts.get(peer);
      const container = `c${pick(4)}`;
      const action = pick(10);
      if (host === undefined) {
        const { names } = lab.start(peer);
        names.restore(saved.get(peer));
        names.retain((id) => truth.get(peer)!.has(id));
      } else if (action < 4) {
        host.names.add(`n${container}.weave.local.`, container, ip(`10.32.${peer}.${container.slice(1)}`));
        truth.get(peer)!.add(container);
      } else if (action < 7) {
        host.names.containerDied(container);
        truth.get(peer)!.delete(container);
      } else if (action === 7) {
        saved.set(peer, JSON.parse(JSON.stringify(host.names.snapshot())));
        lab.crash(peer);
        // Some containers die with nobody watching.
        if (random() < 0.5) truth.get(peer)!.delete(container);
      } else if (action === 8) lab.net.partition(peers.slice(0, 1 + pick(4)), peers.slice(1 + pick(4)));
      else lab.net.heal();
      lab.clock.advance(pick(5000));
    }
    lab.net.heal();
    for (const peer of peers.filter((name) => !lab.hosts.has(name))) {
      const { names } = lab.start(peer);
      names.restore(saved.get(peer));
      names.retain((id) => truth.get(peer)!.has(id));
    }
    lab.clock.advance(300_000);
    const expected = peers.flatMap((peer) => [...truth.get(peer)!].map((id) => `${peer}:${id}`)).sort();
    for (const { names } of lab.hosts.values()) {
      const seen = names
        .entries()
        .filter(isLive)
        .map(({ origin, containerId }) => `${origin}:${containerId}`);
      expect(seen.sort()).toEqual(expected);
    }
  });
});
