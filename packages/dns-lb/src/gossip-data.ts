/** Entries on their way to a neighbour. */
import { mergeEntries, type NameEntry } from "./entry.ts";
import type { GossipData } from "./ports.ts";

/** Turns one message's worth of entries into bytes. `entries` come in table order. */
export type EncodeEntries = (timestamp: number, entries: readonly NameEntry[]) => Uint8Array;

/**
 * Entries per message. Weave Net 2.8 sends any number in one, but refuses TCP messages above 10 MiB, which the whole table
 * reaches at some 100,000 entries with long container ids. Updates simply add up, so several smaller ones have the same effect;
 * this many are read in 25 ms, which queries can wait.
 */
const ENTRIES_PER_MESSAGE = 5000;

/** An update: entries in table order and the Unix time at which its sender made it. Immutable. */
export class NamesUpdate implements GossipData {
  readonly timestamp: number;
  readonly entries: readonly NameEntry[];
  readonly #encode: EncodeEntries;

  constructor(timestamp: number, entries: readonly NameEntry[], encode: EncodeEntries) {
    this.timestamp = timestamp;
    this.entries = entries;
    this.#encode = encode;
  }

  /** Both updates in one: of one identity the later entry, of the timestamps the later. */
  merge(other: GossipData): GossipData {
    if (!(other instanceof NamesUpdate)) return this;
    const timestamp = Math.max(this.timestamp, other.timestamp);
    return new NamesUpdate(timestamp, mergeEntries(this.entries, other.entries), this.#encode);
  }

  encode(): Uint8Array[] {
    const messages: Uint8Array[] = [];
    for (let at = 0; at === 0 || at < this.entries.length; at += ENTRIES_PER_MESSAGE) {
      messages.push(this.#encodeSome(this.entries.slice(at, at + ENTRIES_PER_MESSAGE)));
    }
    return messages;
  }

  /** An entry that cannot be encoded must not take the others along. */
  #encodeSome(entries: readonly NameEntry[]): Uint8Array {
    try {
      return this.#encode(this.timestamp, entries);
    } catch {
      return this.#encode(
        this.timestamp,
        entries.filter((entry) => this.#isEncodable(entry)),
      );
    }
  }

  #isEncodable(entry: NameEntry): boolean {
    try {
      this.#encode(this.timestamp, [entry]);
      return true;
    } catch {
      return false;
    }
  }
}
