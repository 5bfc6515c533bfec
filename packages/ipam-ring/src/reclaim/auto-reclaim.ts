import type { Clock, Logger, PeerName } from "../ports.ts";
import type { ReclaimOutcome } from "./reclaims.ts";

/**
 * Reclaims the space of a peer that is gone, without an operator.
 *
 * Silence is no proof: an unreachable peer may have its containers running behind a partition. An authority (cloud API, node list)
 * must therefore confirm that the machine no longer exists. On top of that every remaining peer must consent, as for a reclaim by
 * hand; one of them gets the space.
 */
export interface ReclaimPolicy {
  /** Ask only about peers that the mesh has not known for this long, in milliseconds. @defaultValue 60000 */
  readonly afterMs?: number;
  /** Whether the machine is known not to exist any more. A rejection counts as "no". */
  confirmGone(peer: PeerName, nickname: string): Promise<boolean> | boolean;
}

/** How the automatic reclaim reaches the allocator around it. */
export interface AutoReclaimHost {
  readonly us: PeerName;
  readonly clock: Clock;
  readonly logger: Logger | undefined;
  /** Peers that own something; may repeat. */
  owners(): readonly PeerName[];
  isKnown(peer: PeerName): boolean;
  /** Whether the peer is being reclaimed already. */
  isFenced(peer: PeerName): boolean;
  nameOf(peer: PeerName): string;
  nicknameOf(peer: PeerName): string;
  reclaim(peer: PeerName, done: (outcome: ReclaimOutcome) => void): void;
}

/** Watches for peers that are gone, and reclaims those that the policy confirms. Returns what is to be called with every tick. */
export function createAutoReclaim(policy: ReclaimPolicy, host: AutoReclaimHost): () => void {
  const { clock, logger, us } = host;
  /** When the mesh lost an owner. Bounded by: peers in the ring. */
  const missingSince = new Map<PeerName, number>();
  /** Bounded by: peers that the policy is being asked about. */
  const asking = new Set<PeerName>();

  const consider = async (peer: PeerName): Promise<void> => {
    asking.add(peer);
    const name = host.nameOf(peer);
    try {
      const gone = await policy.confirmGone(peer, host.nicknameOf(peer));
      // It may have come back while the answer was under way.
      if (!gone || host.isKnown(peer)) return;
      logger?.info("reclaiming the space of a peer that is confirmed to be gone", { peer: name });
      host.reclaim(peer, (outcome) => logger?.info("reclaim ended", { peer: name, outcome }));
    } catch (error) {
      logger?.warn("cannot find out whether a peer is gone", { peer: name, error: (error as Error).message });
    } finally {
      asking.delete(peer);
    }
  };

  return () => {
    const owners = new Set(host.owners());
    for (const peer of missingSince.keys()) {
      if (!owners.has(peer) || host.isKnown(peer)) missingSince.delete(peer);
    }
    for (const peer of owners) {
      if (peer === us || host.isKnown(peer) || host.isFenced(peer)) continue;
      const since = missingSince.get(peer) ?? clock.now();
      missingSince.set(peer, since);
      if (clock.now() - since >= (policy.afterMs ?? 60_000) && !asking.has(peer)) void consider(peer);
    }
  };
}
