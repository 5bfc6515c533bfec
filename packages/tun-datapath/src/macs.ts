import type { PeerName } from "./types.ts";

/** Entries not seen for this long are forgotten. Source: docs/protocol/overlay.md#14. */
export const MAC_AGE_MS = 600_000;
/** The time of an entry is renewed at most this often: writing it per frame gains nothing. */
const REFRESH_MS = 60_000;
/** Moves within {@link FLAP_WINDOW_MS} from which on a MAC is kept at its last peer: two bridges joined into a loop look like that. */
const FLAP_MOVES = 8;
const FLAP_WINDOW_MS = 5_000;

interface Entry {
  peer: PeerName;
  seenMs: number;
  movedMs: number;
  moves: number;
}

/** What learning did: `moved` from another peer; `held` means that it moves too often, so nothing was changed. */
export type Learned = "known" | "new" | "moved" | "held";

/**
 * Where MAC addresses live.
 *
 * A frame captured from our bridge whose source lives elsewhere is a move, not a mistake: a container or its address came
 * here. Weave Net 2.8 drops such frames until the entry ages (docs/protocol/overlay.md#14); we follow, unless the
 * MAC flaps.
 */
export class MacTable {
  /** Bounded by: `limit`; when full, learning something new first drops the entry that was learned first. */
  readonly #entries: Map<number, Entry> = new Map();
  readonly #limit: number;

  constructor(limit = 65_536) {
    this.#limit = limit;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** The peer where a MAC lives, or undefined. */
  find(mac: number): PeerName | undefined {
    return this.#entries.get(mac)?.peer;
  }

  learn(mac: number, peer: PeerName, nowMs: number): Learned {
    const entry = this.#entries.get(mac);
    if (entry === undefined) {
      if (this.#entries.size >= this.#limit) this.#dropFirst();
      this.#entries.set(mac, { peer, seenMs: nowMs, movedMs: nowMs, moves: 0 });
      return "new";
    }
    if (entry.peer === peer) {
      if (nowMs - entry.seenMs >= REFRESH_MS) entry.seenMs = nowMs;
      return "known";
    }
    entry.moves = nowMs - entry.movedMs > FLAP_WINDOW_MS ? 1 : entry.moves + 1;
    if (entry.moves > FLAP_MOVES) return "held";
    entry.peer = peer;
    entry.seenMs = nowMs;
    entry.movedMs = nowMs;
    return "moved";
  }

  #dropFirst(): void {
    for (const mac of this.#entries.keys()) {
      this.#entries.delete(mac);
      return;
    }
  }

  /** Drops what is old; the MACs dropped. */
  expire(nowMs: number): number[] {
    return this.#drop((entry) => nowMs - entry.seenMs >= MAC_AGE_MS);
  }

  /** Drops what lives at a peer; the MACs dropped. */
  forget(peer: PeerName): number[] {
    return this.#drop((entry) => entry.peer === peer);
  }

  #drop(test: (entry: Entry) => boolean): number[] {
    const dropped: number[] = [];
    for (const [mac, entry] of this.#entries) {
      if (!test(entry)) continue;
      this.#entries.delete(mac);
      dropped.push(mac);
    }
    return dropped;
  }

  /** All entries, for status. */
  *list(): Generator<{ readonly mac: number; readonly peer: PeerName; readonly seenMs: number }> {
    for (const [mac, { peer, seenMs }] of this.#entries) yield { mac, peer, seenMs };
  }
}
