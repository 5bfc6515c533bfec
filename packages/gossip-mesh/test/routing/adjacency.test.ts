import { seededRandom } from "@weaved/sim";
import { describe, expect, it } from "vitest";
import { Adjacency } from "../../src/routing/adjacency.ts";
import { broadcastHops, searchPaths } from "../../src/routing/paths.ts";
import { placeholder } from "../../src/topology/payload.ts";
import type { PeerRecord } from "../../src/topology/record.ts";

/** A random graph: links may be one-sided, not established, or lead to peers that are not known. */
function randomGraph(seed: number) {
  const random = seededRandom(seed);
  const count = 1 + Math.floor(random() * 25);
  const density = random();
  const records = new Map<number, PeerRecord>();
  for (let name = 1; name <= count; name++) {
    const links = [];
    for (let to = 1; to <= count + 1; to++) {
      if (to === name || random() > density) continue;
      links.push({ to, address: "", outbound: false, established: random() < 0.8 });
    }
    records.set(name, { ...placeholder(name), links });
  }
  return { get: (name: number) => records.get(name), names: () => records.keys(), size: count };
}

describe("Adjacency", () => {
  it.each(["all", "established"] as const)("finds the same ways as the plain search, over %s links", (rule) => {
    for (let seed = 1; seed <= 300; seed++) {
      const graph = randomGraph(seed);
      const adjacency = new Adjacency(graph, rule);
      for (const source of graph.names()) {
        expect(adjacency.paths(source), `seed ${seed}`).toEqual(searchPaths(graph, source, rule));
        const hops = broadcastHops(graph, 1, source, rule);
        expect(adjacency.broadcastHops(1, source), `seed ${seed}, source ${source}`).toEqual(hops);
      }
    }
  });

  it("knows no way from or to a peer that is not in the graph", () => {
    const adjacency = new Adjacency(randomGraph(1), "all");
    expect(adjacency.paths(999)).toEqual(new Map([[999, 0]]));
    expect(adjacency.broadcastHops(1, 999)).toEqual([]);
  });
});
