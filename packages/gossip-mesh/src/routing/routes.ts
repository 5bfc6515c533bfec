import type { PeerName, RouteTables } from "../ports.ts";
import type { Topology } from "../topology/topology.ts";
import { broadcastHops, type LinkRule, type Paths, searchPaths } from "./paths.ts";

/**
 * Routes of one peer, worked out when asked for and kept until the topology changes. Who asks always gets current ones,
 * so nobody waits for a recalculation as in the original.
 */
export class Routes {
  readonly #topology: Topology;
  #revision = -1;
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
      paths = searchPaths(this.#topology, this.#topology.self, rule);
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
    const key = `${rule}${source}`;
    let hops = this.#hops.get(key);
    if (!hops) {
      hops = broadcastHops(this.#topology, this.#topology.self, source, rule);
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

  #refresh(): void {
    if (this.#revision === this.#topology.revision) return;
    this.#revision = this.#topology.revision;
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
