import type { PeerName } from "../ports.ts";
import { type Range, sizeOf } from "../space/address.ts";
import type { IntervalSet } from "../space/interval-set.ts";
import type { Space } from "../space/space.ts";
import { type DonationPolicy, tidyGift } from "./grant-policy.ts";
import type { Ring } from "./ring.ts";

/** What giving needs from the allocator around it. */
export interface Giver {
  readonly us: PeerName;
  readonly policy: DonationPolicy;
  readonly space: Space;
  /** Addresses that are never chosen. */
  readonly avoid: IntervalSet;
  readonly ring: () => Ring;
  /** Whether a peer may be given anything now. */
  readonly worthy: (peer: PeerName) => boolean;
  /** Makes a range of ours somebody else's. */
  readonly give: (range: Range, to: PeerName) => void;
}

/** Answers a request for space by what the policy chooses; whether there was anything to give (notes, 9.6). */
export function donate(giver: Giver, asked: Range, to: PeerName): boolean {
  const { us, policy, space, avoid } = giver;
  // Who asks for one address wants that very one, as for a claim, which may name what is not chosen.
  const free = [...space.freeRuns(asked, sizeOf(asked) === 1 ? undefined : avoid)];
  const given = policy({ asked, free, ring: giver.ring(), us, to });
  if (given) giver.give(given, to);
  return given !== undefined;
}

/** One in so many addresses stays free here: who gives its last away has to ask for the next. */
const SPARE = 64;

/** Gives, unasked, what completes a neighbour's block; whether there was anything. */
export function tidyUp(giver: Giver): boolean {
  const { us, space } = giver;
  const gift = tidyGift(giver.ring(), us, space, Math.max(Math.ceil(space.used / SPARE), 1));
  if (!gift || !giver.worthy(gift.to)) return false;
  giver.give(gift.range, gift.to);
  return true;
}
