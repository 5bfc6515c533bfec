/**
 * The ports where this package meets a mesh, an address allocator, a daemon. Structurally those of ARCHITECTURE.md.
 */

import type { Protection } from "./protection.ts";

/** 48-bit peer name as an integer; text form `7a:9f:eb:b6:0c:6e`. */
export type PeerName = number;

/** A data path's part in every mesh connection. */
export interface Overlay {
  /** Value of the `Overlays` feature, best first, blank-separated; undefined leaves the feature out. */
  readonly names: string | undefined;
  /** Extra feature-map entries (keys that Weave Net 2.8 ignores). */
  readonly features?: Readonly<Record<string, string>>;
  /** Throws to refuse the connection (no overlay in common). */
  prepare(link: OverlayLink): OverlayConnection;
}

/** What a mesh tells an overlay about one connection. */
export interface OverlayLink {
  readonly peer: {
    readonly name: PeerName;
    readonly nickname: string;
    readonly uid: bigint;
    readonly shortId?: number;
  };
  readonly connectionUid: bigint;
  readonly outbound: boolean;
  readonly local: { readonly address: string; readonly port: number };
  readonly remote: { readonly address: string; readonly port: number };
  /** How frames of this connection travel; "encrypted" if and only if there is a session key. */
  readonly protection: Protection;
  /** 32 bytes, borrowed until `stop`. */
  readonly sessionKey?: Uint8Array;
  readonly remoteFeatures: Readonly<Record<string, string>>;
  /** Sends one protocol message (tag 7 with switch, 1..3 to legacy peers) over the TCP connection. */
  sendControl(tag: number, payload: Uint8Array): void;
  onEstablished(): void;
  /**
   * Packets of the peer arrive again over the overlay, after none arrived for so long (ms). A TCP connection that was silent for as
   * long may wait much longer for its next retransmission, so the mesh does well to replace it.
   */
  onHeard?(silentMs: number): void;
  onError(error: Error): void;
}

/** What a mesh calls during the life of one connection. */
export interface OverlayConnection {
  confirm(): void;
  onControl(tag: number, payload: Uint8Array): void;
  /** Asks the peer over the overlay now, at most twice a second. If the path was cut, its answer comes as `onHeard`. */
  probe?(): void;
  attributes(): Readonly<Record<string, string | number | boolean>>;
  stop(): void;
}

/** Next hops over established, symmetric links. */
export interface RouteTables {
  /** Destination -> next hop. Our own name maps to 0. */
  readonly unicast: ReadonlyMap<PeerName, PeerName>;
  /** Originator -> neighbours that a broadcast of theirs must be passed to. */
  readonly broadcast: ReadonlyMap<PeerName, readonly PeerName[]>;
}

/** IPv4 as unsigned 32-bit integers; `end` is exclusive and may be 2^32. Sorted, disjoint. */
export interface OwnedRange {
  readonly start: number;
  readonly end: number;
  readonly peer: PeerName;
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
