import type { PeerName } from "../ports.ts";
import { type Range, sizeOf } from "../space/address.ts";
import type { IntervalSet } from "../space/interval-set.ts";
import type { Space } from "../space/space.ts";
import { type GrantPolicy, unaskedGrant } from "./grant-policy.ts";
import type { Ring } from "./ring.ts";

/** How grants reach the allocator around them. */
export interface Granter {
  readonly us: PeerName;
  readonly policy: GrantPolicy;
  readonly space: Space;
  /** Addresses that are never chosen. */
  readonly avoid: IntervalSet;
  readonly ring: () => Ring;
  /** Whether a peer may be granted anything now. */
  readonly mayReceive: (peer: PeerName) => boolean;
  /** Makes a range of ours another peer's. */
  readonly grant: (range: Range, to: PeerName) => void;
}

/** Answers a space request with the policy's choice; returns whether there was anything to grant (docs/protocol/ipam.md#9.6). */
export function grantRequested(granter: Granter, asked: Range, to: PeerName): boolean {
  const { us, policy, space, avoid } = granter;
  // A request for one address is for that very one, as for a claim, which may name an address that is never chosen.
  const free = [...space.freeRuns(asked, sizeOf(asked) === 1 ? undefined : avoid)];
  const granted = policy({ asked, free, ring: granter.ring(), us, to });
  if (granted) granter.grant(granted, to);
  return granted !== undefined;
}

/** One address in this many stays free here: a peer that grants its last one has to ask for the next. */
const SPARE = 64;

/** Grants, unasked, what completes a neighbour's block; returns whether there was anything. */
export function grantUnasked(granter: Granter): boolean {
  const { us, space } = granter;
  const choice = unaskedGrant(granter.ring(), us, space, Math.max(Math.ceil(space.used / SPARE), 1));
  if (!choice || !granter.mayReceive(choice.to)) return false;
  granter.grant(choice.range, choice.to);
  return true;
}
