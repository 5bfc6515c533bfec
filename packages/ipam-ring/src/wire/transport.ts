import type { PeerName } from "../ports.ts";
import type { GossipState, UnicastMessage } from "./allocation-wire.ts";
import type { ConsentMessage } from "./consent-wire.ts";

/** How messages leave. Each is sent once everything that it follows from is saved. */
export interface Transport {
  /** False if no route leads there. */
  unicast(to: PeerName, message: UnicastMessage): boolean;
  /** To all peers; the state is read when a connection is free to take it. */
  broadcast(state: () => GossipState): void;
  /** On the channel of reclaims, to one peer or all. */
  consent(to: PeerName | "all", message: ConsentMessage): void;
}
