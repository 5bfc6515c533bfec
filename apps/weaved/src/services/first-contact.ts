import type { RunningMesh } from "@weaved/gossip-mesh/node";
import type { StartupPeers } from "@weaved/ipam-ring";

/** A dialled peer that has neither answered nor failed for this long (ms) counts as away. */
const AWAY_MS = 15_000;

/** The first round of dialling the named peers: until it is over, no address is given out. */
export interface FirstContact {
  /** What the allocator asks. */
  peers(): StartupPeers;
  /** Named targets without an address so far; they still count as peers. */
  unresolved(): readonly string[];
  /** Dials the targets; resolves with those that cannot be dialled, once the attempts have begun. */
  dial(): ReturnType<RunningMesh["connect"]>;
}

/** Prepares the first round. Nothing is dialled yet; a target counts as untried until it was. */
export function createFirstContact(
  mesh: Pick<RunningMesh, "connect" | "status">,
  targets: readonly string[],
  now: () => number,
): FirstContact {
  let dialledAt: number | undefined;
  let unresolved: readonly string[] = [];
  const untried = (): readonly string[] => {
    if (targets.length === 0) return [];
    if (dialledAt === undefined) return targets;
    if (now() - dialledAt >= AWAY_MS) return [];
    return mesh
      .status()
      .connections.filter(
        ({ state, error }) => state === "connecting" || state === "pending" || (state === "waiting" && !error),
      )
      .map(({ address }) => address);
  };
  return {
    peers: () => ({
      untried: untried(),
      neighbours: mesh
        .status()
        .connections.flatMap(({ state, peer }) => (state === "established" && peer !== undefined ? [peer] : [])),
    }),
    unresolved: () => unresolved,
    async dial() {
      const errors = await mesh.connect(targets);
      dialledAt = now();
      unresolved = errors.map(({ target }) => target);
      return errors;
    },
  };
}
