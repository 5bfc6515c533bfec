/**
 * The small structural interfaces that this package needs from outside (see ARCHITECTURE.md of the repository).
 * `@weaved/gossip-mesh` offers the gossip side; nothing here imports it.
 */

/** 48-bit peer name as an integer; text form `7a:9f:eb:b6:0c:6e`. */
export type PeerName = number;

/** The only way this package asks for time: `now` is monotonic milliseconds, `after` runs once and returns a cancel function. */
export interface Clock {
  now(): number;
  after(ms: number, fn: () => void): () => void;
}

/** Unix time in whole seconds. Apart from {@link Clock}, because entries carry dates that all peers must agree on. */
export type WallClock = () => number;

/** Uniform in [0, 1). */
export type Random = () => number;

/** Data on its way to neighbours: merged while a connection is busy, encoded when it is free. */
export interface GossipData {
  merge(other: GossipData): GossipData;
  encode(): Uint8Array[];
}

/** The part of a gossip channel that this package implements. It throws to report bad data. */
export interface GossipHandler {
  onUnicast(source: PeerName, payload: Uint8Array): void;
  onBroadcast(source: PeerName, payload: Uint8Array): GossipData | undefined;
  /** @param neighbour - who sent it, where the mesh says so */
  onGossip(payload: Uint8Array, neighbour?: PeerName): GossipData | undefined;
  gossip(): GossipData | undefined;
}

/** How this package sends gossip. */
export interface GossipSender {
  unicast(to: PeerName, payload: Uint8Array): boolean;
  broadcast(data: GossipData): void;
  gossip(data: GossipData): void;
}

/** Keeps one JSON document per key. `save` resolves when the value is durable. */
export interface Store {
  load(key: string): Promise<unknown>;
  save(key: string, value: unknown): Promise<void>;
}

/** Something that runs until closed. `close` is idempotent and resolves when nothing of it is left running. */
export interface Running {
  close(): Promise<void>;
}

/** Where log lines go. */
export interface Logger {
  debug(message: string, fields?: object): void;
  info(message: string, fields?: object): void;
  warn(message: string, fields?: object): void;
  error(message: string, fields?: object): void;
}

/** Where metrics go. */
export interface Metrics {
  count(name: string, value?: number, labels?: Readonly<Record<string, string>>): void;
  gauge(name: string, value: number, labels?: Readonly<Record<string, string>>): void;
  observe(name: string, value: number, labels?: Readonly<Record<string, string>>): void;
}

const nothing = (): void => {};

/** The logger where none is given. */
export const silentLogger: Logger = { debug: nothing, info: nothing, warn: nothing, error: nothing };

/** The metrics where none are given. */
export const noMetrics: Metrics = { count: nothing, gauge: nothing, observe: nothing };
