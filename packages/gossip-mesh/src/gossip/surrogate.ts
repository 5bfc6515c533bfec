/** Stands in for a channel that this peer does not have, so that others can talk through it. */
import type { Clock, GossipData, GossipHandler } from "../ports.ts";

/** Messages remembered at most; when full, the oldest is forgotten. */
const MAX_REMEMBERED = 4096;

/** Bytes of one channel that wait for one neighbour at most. */
const MAX_WAITING_BYTES = 4 * 2 ** 20;

/** Bytes passed on as they are. */
class RawData implements GossipData {
  readonly #messages: readonly Uint8Array[];
  constructor(messages: readonly Uint8Array[]) {
    this.#messages = messages;
  }
  merge(other: GossipData): GossipData {
    const all = [...this.#messages, ...other.encode()];
    // A neighbour that is slow gets the newest ones that there is room for.
    let first = all.length;
    let bytes = 0;
    for (; first > 0 && bytes + all[first - 1]!.length <= MAX_WAITING_BYTES; first--) bytes += all[first - 1]!.length;
    return new RawData(all.slice(first));
  }
  encode(): Uint8Array[] {
    return [...this.#messages];
  }
}

/** A handler that relays everything once and understands nothing. */
export function createSurrogate(clock: Clock, rememberMs: number): GossipHandler {
  /** When each message was first seen, oldest first. Bounded by: MAX_REMEMBERED. */
  const seen = new Map<string, number>();
  const isNew = (payload: Uint8Array): boolean => {
    const key = fingerprint(payload);
    if (seen.has(key)) return false;
    for (const [old, at] of seen) {
      if (at > clock.now() - rememberMs && seen.size < MAX_REMEMBERED) break;
      seen.delete(old);
    }
    seen.set(key, clock.now());
    return true;
  };
  return {
    onUnicast: () => {},
    onBroadcast: (_source, payload) => new RawData([payload]),
    onGossip: (payload) => (isNew(payload) ? new RawData([payload]) : undefined),
    gossip: () => undefined,
  };
}

/** Length and two 32-bit FNV-1a hashes of different seeds: two messages meet by chance once in 2^64. */
function fingerprint(bytes: Uint8Array): string {
  let a = 0x811c9dc5;
  let b = 0x1000193;
  for (const byte of bytes) {
    a = Math.imul(a ^ byte, 0x01000193);
    b = Math.imul(b ^ byte, 0x85ebca6b) ^ (b >>> 15);
  }
  return `${bytes.length}/${a >>> 0}/${b >>> 0}`;
}
