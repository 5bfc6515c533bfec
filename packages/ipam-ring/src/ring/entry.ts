import type { PeerName } from "../ports.ts";

/** Owner of the addresses from its token up to the next token; the last one wraps round to the first. Never changed in place. */
export interface Entry {
  readonly token: number;
  readonly peer: PeerName;
  /** Raised by the owner with every change, so that newer knowledge wins. */
  readonly version: number;
  /** Free addresses that the owner last announced: advice to peers that look for space. */
  readonly free: number;
}
