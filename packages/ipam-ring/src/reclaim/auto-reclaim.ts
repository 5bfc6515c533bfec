import type { AllocatorCore } from "../core/core.ts";
import type { AllocatorOptions } from "../options.ts";
import type { PeerName } from "../ports.ts";
import { describeWait, type Explanation } from "../requests/waiting.ts";

/** Watches for peers that are gone, when the operator has said how to be sure. */
export interface Reclaimer {
  tick(): void;
  /** Take-overs that wait for consent, as explanations. */
  explain(ident?: string): Explanation[];
}

/** The watch over one allocator. Without a policy it only explains. */
export function createReclaimer(core: AllocatorCore, options: AllocatorOptions): Reclaimer {
  const { reclaim, clock, logger } = options;
  /** Since when the mesh has not known an owner. Bounded by: peers in the ring. */
  const missingSince = new Map<PeerName, number>();
  /** Bounded by: peers being asked about. */
  const asking = new Set<PeerName>();

  const consider = async (peer: PeerName): Promise<void> => {
    asking.add(peer);
    try {
      const gone = await reclaim?.confirmGone(peer, core.acquaintances.nicknames.get(peer) ?? "");
      // It may have come back while the question was out.
      if (!gone || options.isKnownPeer(peer)) return;
      logger?.info("taking over a peer that is confirmed to be gone", { peer: core.nameOf(peer) });
      core.takeovers.claim(peer, (outcome) => logger?.info("take-over ended", { peer: core.nameOf(peer), outcome }));
      core.outbox.pump();
    } catch (error) {
      logger?.warn("cannot tell whether a peer is gone", { peer: core.nameOf(peer), error: (error as Error).message });
    } finally {
      asking.delete(peer);
    }
  };

  return {
    tick() {
      if (!reclaim || core.leaving) return;
      const owners = new Set(core.ring.entries.map(({ peer }) => peer));
      for (const peer of missingSince.keys()) {
        if (!owners.has(peer) || options.isKnownPeer(peer)) missingSince.delete(peer);
      }
      for (const peer of owners) {
        if (peer === options.name || options.isKnownPeer(peer) || core.takeovers.fenced(peer)) continue;
        const since = missingSince.get(peer) ?? clock.now();
        missingSince.set(peer, since);
        if (clock.now() - since >= (reclaim.afterMs ?? 60_000) && !asking.has(peer)) void consider(peer);
      }
    },
    explain(ident) {
      const nameOf = (peer: PeerName): string => core.nameOf(peer);
      return core.takeovers
        .waiting()
        .map(({ of, missing }): Explanation => {
          const reason = { code: "TAKE_OVER", of, missing } as const;
          return {
            kind: "take-over",
            ident: nameOf(of),
            since: clock.now(),
            reason,
            text: describeWait(reason, nameOf),
            asked: [],
          };
        })
        .filter((explanation) => ident === undefined || explanation.ident === ident);
    },
  };
}
