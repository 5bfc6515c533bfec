/**
 * Claims of peers that we do not know yet.
 *
 * After a cut, a neighbour's names and the news of which peers exist race each other on separate channels. The original
 * drops names that win that race, and they are missing until the next periodic gossip, 30 s later. Here they wait, unseen and
 * unrelayed, until their origin is known, and are forgotten if that does not happen soon: a dead peer's claims must not haunt.
 */
import { type NameEntry, normalise } from "./entry.ts";
import type { Clock, PeerName } from "./ports.ts";

/** How long claims wait. Two rounds of periodic gossip. */
const patienceMs = 60_000;
/** How often waiting claims are looked at. */
const checkMs = 500;
/** Most claims that wait; more are dropped, as the original drops them all. */
const capacity = 20_000;

/** A waiting room for claims. */
export interface Limbo {
  park(entries: readonly NameEntry[]): void;
  check(): void;
  close(): void;
}

interface Guest {
  readonly sinceMs: number;
  /** In table order. */
  readonly entries: readonly NameEntry[];
}

/** @param adopt - called with the claims of a peer that has become known, in table order */
export function createLimbo(
  options: { readonly clock: Clock; readonly isKnownPeer: (peer: PeerName) => boolean },
  adopt: (entries: readonly NameEntry[]) => void,
): Limbo {
  const { clock, isKnownPeer } = options;
  /** Bounded by: `capacity` claims in all, each for `patienceMs`. */
  const guests = new Map<PeerName, Guest>();
  let waiting = 0;
  let cancel: (() => void) | undefined;

  const schedule = (): void => {
    if (guests.size > 0) cancel ??= clock.after(checkMs, check);
  };
  function check(): void {
    cancel?.();
    cancel = undefined;
    for (const [origin, guest] of guests) {
      const known = isKnownPeer(origin);
      if (!known && clock.now() - guest.sinceMs < patienceMs) continue;
      guests.delete(origin);
      waiting -= guest.entries.length;
      if (known) adopt(guest.entries);
    }
    schedule();
  }
  return {
    park(entries) {
      for (const [origin, claims] of byOrigin(entries)) {
        const guest = guests.get(origin) ?? { sinceMs: clock.now(), entries: [] };
        const merged = normalise([...guest.entries, ...claims]);
        const more = merged.length - guest.entries.length;
        if (waiting + more > capacity) continue;
        guests.set(origin, { ...guest, entries: merged });
        waiting += more;
      }
      schedule();
    },
    check,
    close() {
      cancel?.();
      guests.clear();
    },
  };
}

function byOrigin(entries: readonly NameEntry[]): Map<PeerName, NameEntry[]> {
  const groups = new Map<PeerName, NameEntry[]>();
  for (const entry of entries) {
    const group = groups.get(entry.origin);
    if (group === undefined) groups.set(entry.origin, [entry]);
    else group.push(entry);
  }
  return groups;
}
