/** Makes room when there are too many connections; limit.ts has the rule. */
import { MeshError } from "../errors.ts";
import type { Neighbours } from "../gossip/neighbour.ts";
import { formatPeerName } from "../peer-name.ts";
import type { Clock, PeerName, Random } from "../ports.ts";
import type { Topology } from "../topology/topology.ts";
import type { Connection } from "./connection.ts";
import { admit, redundantLink } from "./limit.ts";

/** A link beyond the limit is given up at random within this: two peers must not cut one ring in two places at once. */
const SHED_AFTER_MS = 2_000;

/** What the decisions depend on. */
export interface RoomHost {
  readonly topology: Topology;
  readonly clock: Clock;
  readonly random: Random;
  readonly limit: number;
  readonly neighbours: Neighbours<Connection>;
}

/** The room for connections. */
export class Room {
  readonly #host: RoomHost;
  #cancelShed: (() => void) | undefined;
  #closed = false;

  constructor(host: RoomHost) {
    this.#host = host;
  }

  /** Makes room for one connection. @throws MeshError MESH_LIMIT if there is none */
  makeFor(remote: PeerName): void {
    const { topology, limit, neighbours } = this.#host;
    const decision = admit(topology, topology.self, { remote, count: neighbours.size, limit });
    switch (decision.do) {
      case "accept":
        return;
      case "refuse":
        throw new MeshError("MESH_LIMIT", decision.reason);
      case "shed":
        this.#shed(decision.link, `to make room for ${formatPeerName(remote)}`);
        return;
      case "grace":
        this.#shedLater();
    }
  }

  #shed(name: PeerName, why: string): void {
    this.#host.neighbours.get(name)?.end(new MeshError("MESH_SHED", `given up ${why}; other links lead there`));
  }

  /** Looks, after a while, whether a link has become dispensable. */
  #shedLater(): void {
    const { clock, random, topology, limit, neighbours } = this.#host;
    if (this.#closed) return;
    this.#cancelShed ??= clock.after(SHED_AFTER_MS * (0.5 + random()), () => {
      this.#cancelShed = undefined;
      if (neighbours.size <= limit) return;
      const link = redundantLink(topology, topology.self, new Set());
      if (link !== undefined) this.#shed(link, `because only ${limit} connections are allowed`);
      this.#shedLater();
    });
  }

  close(): void {
    this.#closed = true;
    this.#cancelShed?.();
  }
}
