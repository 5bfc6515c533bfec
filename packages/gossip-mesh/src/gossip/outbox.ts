/**
 * What waits to go to one neighbour: per channel one slot for plain gossip, one per originator for broadcasts. New data is
 * merged into what waits, so a slow neighbour gets fewer and larger messages, never a growing queue of old ones.
 */
import type { GossipData, PeerName } from "../ports.ts";
import { encodeEnvelope, Tag } from "../wire/envelope.ts";

interface Slots {
  gossip: GossipData | undefined;
  /** Bounded by: peers that broadcast on the channel. */
  readonly broadcasts: Map<PeerName, GossipData>;
}

/** Messages made in one round, so that data for many neighbours is encoded once. Dropped after the round. */
export class EncodingRound {
  readonly #self: PeerName;
  /** Bounded by: data queued at the moment of the round. */
  readonly #messages = new Map<GossipData, Map<string, readonly Uint8Array[]>>();

  constructor(self: PeerName) {
    this.#self = self;
  }

  /** Protocol messages of some data. `source` is given for broadcasts only. */
  messages(data: GossipData, channel: string, source?: PeerName): readonly Uint8Array[] {
    let made = this.#messages.get(data);
    if (!made) {
      made = new Map();
      this.#messages.set(data, made);
    }
    const key = `${source ?? ""}/${channel}`;
    let messages = made.get(key);
    if (!messages) {
      const tag = source === undefined ? Tag.gossip : Tag.broadcast;
      const head = { tag, channel, source: source ?? this.#self, destination: 0 };
      messages = data.encode().map((payload) => encodeEnvelope({ ...head, payload }));
      made.set(key, messages);
    }
    return messages;
  }
}

/** One neighbour's outbox. */
export class Outbox {
  /** Bounded by: channels, open ones and at most 64 foreign ones. */
  readonly #channels = new Map<string, Slots>();
  #waiting = false;

  /** Whether anything waits. */
  get waiting(): boolean {
    return this.#waiting;
  }

  gossip(channel: string, data: GossipData): void {
    const slots = this.#slots(channel);
    slots.gossip = slots.gossip ? slots.gossip.merge(data) : data;
  }

  broadcast(channel: string, source: PeerName, data: GossipData): void {
    const { broadcasts } = this.#slots(channel);
    const before = broadcasts.get(source);
    broadcasts.set(source, before ? before.merge(data) : data);
  }

  #slots(channel: string): Slots {
    this.#waiting = true;
    let slots = this.#channels.get(channel);
    if (!slots) {
      slots = { gossip: undefined, broadcasts: new Map() };
      this.#channels.set(channel, slots);
    }
    return slots;
  }

  /** Sends what waits, plain gossip before broadcasts, until `send` says that the connection is busy. */
  flush(round: EncodingRound, send: (message: Uint8Array) => boolean): void {
    for (const [channel, slots] of this.#channels) {
      const data = slots.gossip;
      slots.gossip = undefined;
      if (data && !sendAll(round.messages(data, channel), send)) return;
    }
    for (const [channel, { broadcasts }] of this.#channels) {
      for (const [source, data] of broadcasts) {
        broadcasts.delete(source);
        if (!sendAll(round.messages(data, channel, source), send)) return;
      }
    }
    this.#waiting = false;
  }
}

/** Data once encoded is sent whole. False if the connection got busy by it. */
function sendAll(messages: readonly Uint8Array[], send: (message: Uint8Array) => boolean): boolean {
  let free = true;
  for (const message of messages) free = send(message) && free;
  return free;
}
