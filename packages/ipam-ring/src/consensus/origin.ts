import type { PeerName } from "../ports.ts";

/** How the first ring comes about. */
export type RingOrigin =
  | {
      readonly kind: "consensus";
      /** Peers expected at the start; the quorum is a majority of them. @defaultValue what `guess` returns */
      readonly peers?: number;
      /** Called when the first proposal is made, if `peers` is not given: direct targets in use + 1. */
      readonly guess: () => number;
    }
  | { readonly kind: "seed"; readonly peers: readonly PeerName[] }
  | { readonly kind: "observer" };
