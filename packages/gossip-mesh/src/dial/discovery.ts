/** Where peers may be found that are no neighbours: those who are connected to them tell. */
import type { Clock, PeerName } from "../ports.ts";
import { findLink } from "../topology/record.ts";
import type { Topology } from "../topology/topology.ts";
import { hostOf, isEndpoint } from "./address.ts";

/**
 * Addresses once found are good for this long. To look through all links of all peers is O(links of the mesh); after each
 * event, in a mesh that comes up, that was a fifth of all work.
 */
const LOOK_AGAIN_MS = 5_000;

/** Addresses of one peer: each neighbour of it may know it under another one, and some may say so falsely. */
const MAX_ADDRESSES = 16;

interface Found {
  readonly addresses: ReadonlySet<string>;
  readonly at: number;
}

/** The addresses of others. */
export class Discovery {
  readonly #topology: Topology;
  readonly #clock: Clock;
  readonly #port: number;
  /** Bounded by: peers of the topology that are no neighbours. */
  #found = new Map<PeerName, Found>();

  /** @param port - tried for peers of which nobody knows more than where they dialled from */
  constructor(topology: Topology, clock: Clock, port: number) {
    this.#topology = topology;
    this.#clock = clock;
    this.#port = port;
  }

  /** Peers that others are connected to, with the addresses under which those know them. */
  others(neighbours: ReadonlySet<PeerName>): Iterable<[PeerName, ReadonlySet<string>]> {
    const now = this.#clock.now();
    const found = new Map<PeerName, Found>();
    for (const name of this.#topology.names()) {
      if (name === this.#topology.self || neighbours.has(name)) continue;
      const known = this.#found.get(name);
      const fresh = known !== undefined && known.addresses.size > 0 && now - known.at < LOOK_AGAIN_MS;
      found.set(name, fresh ? known : { addresses: this.#look(name), at: now });
    }
    this.#found = found;
    return [...found].map(([name, { addresses }]) => [name, addresses]);
  }

  #look(name: PeerName): Set<string> {
    const addresses = new Set<string>();
    // The peer's own links tell who is connected to it: those know its address.
    for (const { to } of this.#topology.get(name)?.links ?? []) {
      if (addresses.size >= MAX_ADDRESSES) break;
      if (to === this.#topology.self) continue;
      const link = findLink(this.#topology.get(to)?.links ?? [], name);
      if (!link) continue;
      const address = link.outbound ? link.address : `${hostOf(link.address)}:${this.#port}`;
      // Members may say anything. A name would have us ask name servers of their choice.
      if (isEndpoint(address)) addresses.add(address);
    }
    return addresses;
  }
}
