import type { GossipData, PeerName } from "../ports.ts";
import type { Topology } from "../topology/topology.ts";

/** Names of peers to describe; the description is taken when it is sent. */
export class TopologyData implements GossipData {
  readonly #topology: Topology;
  readonly names: ReadonlySet<PeerName>;

  constructor(topology: Topology, names: Iterable<PeerName>) {
    this.#topology = topology;
    this.names = new Set(names);
  }
  merge(other: GossipData): GossipData {
    return new TopologyData(this.#topology, [...this.names, ...(other as TopologyData).names]);
  }
  encode(): Uint8Array[] {
    return [this.#topology.encode(this.names)];
  }
}
