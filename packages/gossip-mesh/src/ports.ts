/**
 * What a mesh needs from its surroundings, and what it offers to the packages that ride on it. Types only.
 * The shapes under "gossip", "overlay", "routes" are the contract between packages: see ARCHITECTURE.md.
 */

import type { LinkProtection } from "./connection/protection.ts";

/** 48-bit peer name as an integer (gob sends it so); text form `7a:9f:eb:b6:0c:6e`. 0 means "no peer". */
export type PeerName = number;

/** The only way a library asks for time. `now` is monotonic milliseconds; `after` runs once, returns a cancel function. */
export interface Clock {
  now(): number;
  after(ms: number, fn: () => void): () => void;
}

/** The only way a library asks for randomness: uniform in [0, 1). */
export type Random = () => number;

// --- gossip ---

/** Data on its way to neighbours: merged while a connection is busy, encoded when it is free. */
export interface GossipData {
  /** Both together. Neither operand may change: each may be queued for other connections too. */
  merge(other: GossipData): GossipData;
  /** One payload per message. Called as late as possible, so state may be read then. */
  encode(): Uint8Array[];
}

/**
 * What a channel does with gossip. A handler may throw to report bad data: the mesh counts, logs, keeps the link.
 * `neighbour` is the peer at the other end of the link that the message came over: the source is a claim of that neighbour.
 */
export interface GossipHandler {
  onUnicast(source: PeerName, payload: Uint8Array, neighbour?: PeerName): void;
  /** Returns what to pass on along the source's broadcast tree, if anything. */
  onBroadcast(source: PeerName, payload: Uint8Array, neighbour?: PeerName): GossipData | undefined;
  /** Plain gossip: the originator is unknown. Returns what was new, to be passed on. */
  onGossip(payload: Uint8Array, neighbour?: PeerName): GossipData | undefined;
  /** The complete state, for periodic gossip and new neighbours. */
  gossip(): GossipData | undefined;
}

/** How the owner of a channel sends. */
export interface GossipSender {
  /** False if there is no route, or the next hop does not take any more at the moment. */
  unicast(to: PeerName, payload: Uint8Array): boolean;
  /** Once to every reachable peer, along the tree rooted here. */
  broadcast(data: GossipData): void;
  /** To a random few neighbours. */
  gossip(data: GossipData): void;
}

// --- overlay ---

/** A data path's part in every mesh connection. */
export interface Overlay {
  /** Value of the `Overlays` feature, best first, blank-separated; undefined leaves the feature out. */
  readonly names: string | undefined;
  /** Extra feature-map entries (keys the original ignores). */
  readonly features?: Readonly<Record<string, string>>;
  /** Throws to refuse the connection (no overlay in common). */
  prepare(link: OverlayLink): OverlayConnection;
}

/** One connection, as its overlay sees it. */
export interface OverlayLink {
  readonly peer: {
    readonly name: PeerName;
    readonly nickname: string;
    readonly uid: bigint;
    readonly shortId?: number;
  };
  /** Equal at both ends. */
  readonly connectionUid: bigint;
  readonly outbound: boolean;
  readonly local: { readonly address: string; readonly port: number };
  readonly remote: { readonly address: string; readonly port: number };
  /** How the frames of this connection have to travel. An overlay must never send less than this. */
  readonly protection: LinkProtection;
  /** Present if and only if `protection` is "encrypted". 32 bytes, borrowed until `stop`, which wipes them. */
  readonly sessionKey?: Uint8Array;
  readonly remoteFeatures: Readonly<Record<string, string>>;
  /** Sends one protocol message (tag 7 with switch, 1..3 to legacy peers) over the TCP connection. */
  sendControl(tag: number, payload: Uint8Array): void;
  onEstablished(): void;
  /**
   * Packets of the peer arrive again over the overlay, after none arrived for so long. TCP may take as long as that to notice
   * that the network is back; the mesh then replaces the TCP connection.
   */
  onHeard(silentMs: number): void;
  onError(error: Error): void;
}

/** The overlay's half of a connection. */
export interface OverlayConnection {
  /** The connection is registered: traffic may start. */
  confirm(): void;
  onControl(tag: number, payload: Uint8Array): void;
  /** For status and metrics: `name` is what `status connections` shows ("sleeve"), the rest are attributes ("mtu": 1376). */
  attributes(): Readonly<Record<string, string | number | boolean>>;
  stop(): void;
}

// --- routes ---

/** Which way frames and broadcasts go. */
export interface RouteTables {
  /** Destination -> next hop over established, symmetric links. Our own name maps to 0. */
  readonly unicast: ReadonlyMap<PeerName, PeerName>;
  /** Originator -> neighbours that a broadcast of theirs must be passed to. */
  readonly broadcast: ReadonlyMap<PeerName, readonly PeerName[]>;
}

// --- transport ---

/** One end of a stream's address. */
export interface Address {
  /** IPv4 in dotted form, or IPv6. */
  readonly address: string;
  readonly port: number;
}

/** What happens on a stream. All callbacks come after `open` returned. */
export interface StreamEvents {
  /** Bytes are borrowed until the call returns. */
  data(bytes: Uint8Array): void;
  /** The queue has emptied after `write` said false. */
  drained(): void;
  /** Called once, also after our own `close`. The reason is absent when the remote closed in order. */
  closed(reason?: Error): void;
}

/** A reliable, ordered stream of bytes: one TCP connection. */
export interface Stream {
  readonly local: Address;
  readonly remote: Address;
  /** Starts delivery. Called once. */
  open(events: StreamEvents): void;
  /** Takes ownership of the bytes. False asks the caller to wait for `drained`; the bytes are queued all the same. */
  write(bytes: Uint8Array): boolean;
  /** Ends at once, dropping what is queued (TCP: reset). May be called twice. */
  close(): void;
}

/** Where streams come from. */
export interface Transport {
  /** Calls back once, with a stream or with why there is none. The result cancels the attempt. */
  dial(to: string, done: (result: Stream | Error) => void): () => void;
  /** Streams that others open. Replaces an earlier listener. */
  onStream(fn: (stream: Stream) => void): void;
  /** The address of a host name, IPv4 preferred. Rejects if there is none. */
  resolve(host: string): Promise<string>;
}

// --- logging, metrics ---

/** Where the library's few log lines go. */
export interface Logger {
  debug(message: string, fields?: object): void;
  info(message: string, fields?: object): void;
  warn(message: string, fields?: object): void;
  error(message: string, fields?: object): void;
}

/** Where its numbers go. */
export interface Metrics {
  count(name: string, value?: number, labels?: Readonly<Record<string, string>>): void;
  gauge(name: string, value: number, labels?: Readonly<Record<string, string>>): void;
  observe(name: string, value: number, labels?: Readonly<Record<string, string>>): void;
}
