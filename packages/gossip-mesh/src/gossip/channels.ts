import { MeshError } from "../errors.ts";
import type { Clock, GossipData, GossipHandler, PeerName } from "../ports.ts";
import { createSurrogate } from "./surrogate.ts";

/** Channels of others that this peer relays. A hostile peer could invent any number. */
const MAX_SURROGATES = 64;

/** A handler that also wants to know which neighbour a message came from. Every {@link GossipHandler} is one. */
export interface ChannelHandler extends Omit<GossipHandler, "onBroadcast" | "onGossip"> {
  onBroadcast(source: PeerName, payload: Uint8Array, from: PeerName): GossipData | undefined;
  onGossip(payload: Uint8Array, from: PeerName): GossipData | undefined;
}

/** A peer's channels: its own, and stand-ins for those that others use. */
export class Channels {
  readonly #clock: Clock;
  readonly #rememberMs: number;
  /** Bounded by: what the program opens. */
  readonly #own = new Map<string, ChannelHandler>();
  /** Bounded by: MAX_SURROGATES. */
  readonly #surrogates = new Map<string, ChannelHandler>();

  constructor(clock: Clock, rememberMs: number) {
    this.#clock = clock;
    this.#rememberMs = rememberMs;
  }

  /** @throws MeshError MESH_USAGE if the channel is open already */
  open(name: string, handler: ChannelHandler): void {
    if (this.#own.has(name)) throw new MeshError("MESH_USAGE", `channel ${JSON.stringify(name)} is open already`);
    this.#own.set(name, handler);
    this.#surrogates.delete(name);
  }

  /** Channels opened here. */
  own(): IterableIterator<[string, ChannelHandler]> {
    return this.#own.entries();
  }

  /** Whose messages they are. @throws MeshError MESH_GOSSIP if there are too many foreign channels */
  handler(name: string): ChannelHandler {
    const known = this.#own.get(name) ?? this.#surrogates.get(name);
    if (known) return known;
    if (this.#surrogates.size >= MAX_SURROGATES) {
      throw new MeshError("MESH_GOSSIP", `more than ${MAX_SURROGATES} channels that are not ours`);
    }
    const surrogate = createSurrogate(this.#clock, this.#rememberMs);
    this.#surrogates.set(name, surrogate);
    return surrogate;
  }
}
