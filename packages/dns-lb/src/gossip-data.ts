/** Entries on their way to a neighbour. */
import { mergeEntries, type NameEntry } from "./entry.ts";
import type { GossipData } from "./ports.ts";

/** Turns one message's worth of entries into bytes. `entries` come in table order. */
export type EncodeEntries = (timestamp: number, entries: readonly NameEntry[]) => Uint8Array;

/**
 * Entries per message. The original sends any number in one, but refuses TCP messages above 10 MiB, which the whole table
 * reaches at some 100,000 entries with long container ids. Updates simply add up, so several smaller ones say the same;
 * this many are read in 25 ms, which queries can wait.
 */
const entriesPerMessage = 5000;

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

  /** Both updates in one: of one identity the later word, of the timestamps the later. */
  merge(other: GossipData): GossipData {
    if (!(other instanceof NamesUpdate)) return this;
    const timestamp = Math.max(this.timestamp, other.timestamp);
    return new NamesUpdate(timestamp, mergeEntries(this.entries, other.entries), this.#encode);
  }

  encode(): Uint8Array[] {
    const messages: Uint8Array[] = [];
    for (let at = 0; at === 0 || at < this.entries.length; at += entriesPerMessage) {
      messages.push(this.#encode(this.timestamp, this.entries.slice(at, at + entriesPerMessage)));
    }
    return messages;
  }
}
