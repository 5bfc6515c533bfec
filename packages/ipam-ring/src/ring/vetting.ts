import type { PeerName } from "../ports.ts";
import type { Entry } from "./entry.ts";
import { indexOf, MOST_VERSION, type Ring, type SentRing } from "./ring.ts";

/** A change of owner that was not merged, because it needs the old owner's word. */
export interface HeldChange {
  /** The present owner by our ring. */
  readonly owner: PeerName;
  /** The received entry. */
  readonly entry: Entry;
  /** Our entry for the same token, if there is one. */
  readonly mine: Entry | undefined;
}

/** A received ring without the changes that were held back. */
export interface VettedRing {
  readonly ring: SentRing;
  /** Bounded by: entries of the received ring. */
  readonly held: readonly HeldChange[];
}

/** A relay's word may raise a version by this much; a higher one would only block its owner. */
export const MOST_STEP: number = 2 ** 20;

/**
 * Holds back the entries of a received ring that would change an owner without the right to. Only the owner of a range changes its
 * owner; a relay's word for it does not suffice while the owner itself can be asked.
 *
 * @param author - the peer whose own, first-hand word the ring is, if that is known
 * @param mayChange - whether a change of this entry of this owner may be merged now
 */
export function vetOwners(
  mine: Ring,
  theirs: SentRing,
  author: PeerName | undefined,
  mayChange: (owner: PeerName, entry: Entry) => boolean,
): VettedRing {
  if (mine.entries.length === 0) return { ring: theirs, held: [] };
  const held: HeldChange[] = [];
  const entries: Entry[] = [];
  for (const entry of theirs.entries) {
    const before = mine.entries[indexOf(mine, entry.token)]!;
    const same = before.token === entry.token ? before : undefined;
    const isOwn = entry.peer === author && before.peer === author;
    const most = isOwn ? MOST_VERSION : Math.min((same?.version ?? 0) + MOST_STEP, MOST_VERSION);
    const plausible = entry.version <= most;
    // A new token is the owner's to make, even in its own name: a ring grows with every one, and never shrinks.
    const keepsOwner = same !== undefined && (entry.peer === before.peer || entry.version < same.version);
    if (plausible && (keepsOwner || mayChange(before.peer, entry))) entries.push(entry);
    else {
      held.push({ owner: before.peer, entry, mine: same });
      // Our own entry in its place changes nothing; a token that we do not have is left out.
      if (same) entries.push(same);
    }
  }
  return held.length === 0 ? { ring: theirs, held } : { ring: { ...theirs, entries }, held };
}

/**
 * Whether a ring gives space of ours to another peer, or has newer entries of ours than we have. Only we change our entries, and we
 * save a change before we announce it. So either our saved state is an old copy, or our space was reclaimed while we were apart, or
 * the ring is forged.
 */
export function contradictsUs(mine: Ring, theirs: Ring, us: PeerName): boolean {
  return theirs.entries.some((entry) => {
    const ours = mine.entries[indexOf(mine, entry.token)];
    if (ours?.peer !== us) return false;
    if (ours.token !== entry.token) return entry.peer !== us;
    return entry.version > ours.version || (entry.version === ours.version && entry.peer !== us);
  });
}
