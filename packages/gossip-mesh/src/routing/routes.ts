import type { Clock, PeerName, RouteTables } from "../ports.ts";
import type { Topology } from "../topology/topology.ts";
import { Adjacency } from "./adjacency.ts";
import type { LinkRule, Paths } from "./paths.ts";

/**
 * Routes of one peer, worked out when asked for and kept until the topology changes. Who asks always gets current ones,
 * so nobody waits for a recalculation as in the original.
 */
export class Routes {
  readonly #topology: Topology;
  #revision = -1;
  readonly #adjacencies = new Map<LinkRule, Adjacency>();
  readonly #paths = new Map<LinkRule, Paths>();
  /** Bounded by: originators of broadcasts since the last change, twice. */
  readonly #hops = new Map<string, readonly PeerName[]>();

  constructor(topology: Topology) {
    this.#topology = topology;
  }

  /** Next hops from us. */
  paths(rule: LinkRule): Paths {
    this.#refresh();
    let paths = this.#paths.get(rule);
    if (!paths) {
      paths = this.#adjacency(rule).paths(this.#topology.self);
      this.#paths.set(rule, paths);
    }
    return paths;
  }

  /** Next hop to a peer over any link; undefined if there is no way, or it is us. */
  hopTo(name: PeerName): PeerName | undefined {
    return this.paths("all").get(name) || undefined;
  }

  /** To whom a broadcast of `source` is passed on. */
  hops(source: PeerName, rule: LinkRule): readonly PeerName[] {
    this.#refresh();
    // Links are symmetric under this rule: what we do not reach does not reach us. Peers that are not known are not kept.
    if (this.#topology.get(source) === undefined) return [];
    if (rule === "established" && !this.paths(rule).has(source)) return [];
    const key = `${rule}${source}`;
    let hops = this.#hops.get(key);
    if (!hops) {
      hops = this.#adjacency(rule).broadcastHops(this.#topology.self, source);
      this.#hops.set(key, hops);
    }
    return hops;
  }

  /** The tables for frames, complete. */
  tables(): RouteTables {
    const broadcast = new Map<PeerName, readonly PeerName[]>();
    for (const name of this.#topology.names()) broadcast.set(name, this.hops(name, "established"));
    return { unicast: this.paths("established"), broadcast };
  }

  /**
   * Works out a part of the tables, for some milliseconds. True once they are complete. In a large mesh the whole of them
   * takes too long for one turn of the event loop.
   */
  prepare(clock: Clock, ms: number): boolean {
    const until = clock.now() + ms;
    for (const name of this.#topology.names()) {
      this.hops(name, "established");
      if (clock.now() > until) return false;
    }
    return true;
  }

  #adjacency(rule: LinkRule): Adjacency {
    let adjacency = this.#adjacencies.get(rule);
    if (!adjacency) {
      adjacency = new Adjacency(this.#topology, rule);
      this.#adjacencies.set(rule, adjacency);
    }
    return adjacency;
  }

  #refresh(): void {
    if (this.#revision === this.#topology.revision) return;
    this.#revision = this.#topology.revision;
    this.#adjacencies.clear();
    this.#paths.clear();
    this.#hops.clear();
  }
}

/** Whether two sets of tables lead every frame the same way. */
export function sameTables(a: RouteTables, b: RouteTables): boolean {
  if (a.unicast.size !== b.unicast.size || a.broadcast.size !== b.broadcast.size) return false;
  for (const [to, hop] of a.unicast) if (b.unicast.get(to) !== hop) return false;
  for (const [source, hops] of a.broadcast) {
    const others = b.broadcast.get(source);
    if (!others || others.length !== hops.length || hops.some((hop, index) => others[index] !== hop)) return false;
  }
  return true;
}
