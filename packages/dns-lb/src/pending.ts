/**
 * Claims of peers that are not known yet.
 *
 * After a cut, a neighbour's names and the news of which peers exist race each other on separate channels. Weave Net 2.8
 * drops names that win that race, and they are missing until the next periodic gossip, 30 s later. Here they wait, unseen and
 * unrelayed, until their origin is known. Claims whose origin stays unknown are dropped: a dead peer's claims must not return.
 */
import { compareEntries, type NameEntry, supersedes } from "./entry.ts";
import type { Clock, PeerName } from "./ports.ts";

/** How long claims wait. Two rounds of periodic gossip. */
const PATIENCE_MS = 60_000;
/** How often pending claims are looked at. */
const CHECK_MS = 500;
/** Most claims that wait; more are dropped, as Weave Net 2.8 drops them all. */
const MAX_PENDING = 20_000;

/** The claims of one unknown peer. */
interface Group {
  readonly sinceMs: number;
  /** By identity. */
  readonly entries: Map<string, NameEntry>;
}

/** What {@link PendingClaims} needs. */
export interface PendingOptions {
  readonly clock: Clock;
  readonly isKnownPeer: (peer: PeerName) => boolean;
  /** Called with the claims of a peer that has become known, in table order. */
  readonly adopt: (entries: readonly NameEntry[]) => void;
}

/** Claims that wait for their origin to become known. */
export class PendingClaims {
  readonly #options: PendingOptions;
  /** By origin. Bounded by: `MAX_PENDING` claims in all, each for `PATIENCE_MS`. */
  readonly #groups = new Map<PeerName, Group>();
  #count = 0;
  #cancel: (() => void) | undefined;

  constructor(options: PendingOptions) {
    this.#options = options;
  }

  add(entries: readonly NameEntry[]): void {
    for (const entry of entries) this.#add(entry);
    this.#schedule();
  }

  /** Adopts the claims of peers that have become known, and drops those that have waited too long. */
  check(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    const { clock, isKnownPeer, adopt } = this.#options;
    for (const [origin, group] of this.#groups) {
      const isKnown = isKnownPeer(origin);
      if (!isKnown && clock.now() - group.sinceMs < PATIENCE_MS) continue;
      this.#groups.delete(origin);
      this.#count -= group.entries.size;
      if (isKnown) adopt([...group.entries.values()].sort(compareEntries));
    }
    this.#schedule();
  }

  close(): void {
    this.#cancel?.();
    this.#groups.clear();
  }

  #add(entry: NameEntry): void {
    const group = this.#groups.get(entry.origin);
    const key = identityOf(entry);
    const known = group?.entries.get(key);
    if (known !== undefined) {
      if (supersedes(entry, known)) group?.entries.set(key, entry);
      return;
    }
    if (this.#count >= MAX_PENDING) return;
    this.#count++;
    if (group !== undefined) group.entries.set(key, entry);
    else this.#groups.set(entry.origin, { sinceMs: this.#options.clock.now(), entries: new Map([[key, entry]]) });
  }

  #schedule(): void {
    if (this.#groups.size > 0) this.#cancel ??= this.#options.clock.after(CHECK_MS, () => this.check());
  }
}

/** The identity of a claim among those of one origin. */
const identityOf = ({ containerId, address, hostname, type, data }: NameEntry): string =>
  JSON.stringify([containerId, address, hostname, type, data]);
