/**
 * What an allocator needs from its surroundings. Types only; the shapes are the contract between packages, see
 * ARCHITECTURE.md, so a mesh channel, a state folder, or a logger of another package fits without an adapter.
 */

/** 48-bit peer name as an integer; text form `7a:9f:eb:b6:0c:6e`. 0 means "no peer". */
export type PeerName = number;

/** The only way this package asks for time. `now` is monotonic milliseconds; `after` runs once, returns a cancel function. */
export interface Clock {
  now(): number;
  after(ms: number, fn: () => void): () => void;
}

/** The only way this package asks for randomness: uniform in [0, 1). */
export type Random = () => number;

/** Data on its way to neighbours: merged while a connection is busy, encoded when it is free. */
export interface GossipData {
  merge(other: GossipData): GossipData;
  encode(): Uint8Array[];
}

/** What a channel does with gossip. Ours never throw: bad data is counted, logged, shown in the status. */
export interface GossipHandler {
  onUnicast(source: PeerName, payload: Uint8Array, neighbour?: PeerName): void;
  onBroadcast(source: PeerName, payload: Uint8Array, neighbour?: PeerName): GossipData | undefined;
  onGossip(payload: Uint8Array, neighbour?: PeerName): GossipData | undefined;
  gossip(): GossipData | undefined;
}

/** How a channel's owner sends. `unicast` says whether a route existed. */
export interface GossipSender {
  unicast(to: PeerName, payload: Uint8Array): boolean;
  broadcast(data: GossipData): void;
  gossip(data: GossipData): void;
}

/** Who owns which addresses: IPv4 as unsigned 32-bit integers, `end` exclusive. Sorted, disjoint. */
export interface OwnedRange {
  readonly start: number;
  readonly end: number;
  readonly peer: PeerName;
}

/**
 * One JSON document per concern. `save` resolves when the value is durable.
 *
 * A store may keep a journal beside each document, so that a small change of a large one costs little: `append` resolves when the
 * record is durable, `journal` has the records since the last save, which empties it. A record torn by a crash is left out.
 */
export interface Store {
  load(key: string): Promise<unknown>;
  save(key: string, value: unknown): Promise<void>;
  append?(key: string, record: unknown): Promise<void>;
  journal?(key: string): Promise<readonly unknown[]>;
}

/** Where messages for people go. */
export interface Logger {
  debug(message: string, fields?: object): void;
  info(message: string, fields?: object): void;
  warn(message: string, fields?: object): void;
  error(message: string, fields?: object): void;
}

/** Where figures for machines go. */
export interface Metrics {
  count(name: string, value?: number, labels?: Readonly<Record<string, string>>): void;
  gauge(name: string, value: number, labels?: Readonly<Record<string, string>>): void;
  observe(name: string, value: number, labels?: Readonly<Record<string, string>>): void;
}
