import type { OwnedRange, PeerName, RouteTables } from "../../types.ts";
import type { Forwarding } from "../../vxlan-link.ts";
import type { LinkStatus, MacStatus, OverlayName } from "../api.ts";

/** What the worker is started with. */
export interface WorkerStart {
  readonly name: PeerName;
  /** Unsigned integer. */
  readonly address: number;
  readonly port: number;
  readonly tap: string;
  readonly persist: boolean;
  readonly ownedOnly: boolean;
  /** With `ownedOnly`: the bridge's own MAC, if the host routes; 0: none. */
  readonly routerMac: number;
  readonly mtu: number;
  readonly wakeFd: number;
  readonly counters: SharedArrayBuffer;
  /** The kernel's VXLAN device, when that overlay is offered. */
  readonly vxlanDevice?: string;
  /** UDP port of the tunnel. */
  readonly vxlanPort: number;
}

/** A connection as the worker needs it. */
export interface PrepareLink {
  readonly id: number;
  readonly peer: PeerName;
  readonly uid: bigint;
  readonly outbound: boolean;
  readonly remote: { readonly address: number; readonly port: number };
  /** In memory that both threads share. The worker overwrites it when it has made its keys. */
  readonly sessionKey: Uint8Array | undefined;
  /** By index; undefined where an overlay does not serve this link. */
  readonly common: readonly (OverlayName | undefined)[];
  /** Cipher of `sleeve-gso`. */
  readonly aead: string;
  /** Why overlays that we have were left out. */
  readonly gsoReason: string;
  readonly vxlanReason: string;
}

/** From the main thread to the worker. */
export type ToWorker =
  | { readonly kind: "prepare"; readonly link: PrepareLink }
  | { readonly kind: "confirm"; readonly id: number }
  | {
      readonly kind: "control";
      readonly id: number;
      readonly index: number;
      readonly sub: number;
      readonly payload: Uint8Array;
    }
  | { readonly kind: "probe"; readonly id: number }
  | { readonly kind: "stop"; readonly id: number }
  | { readonly kind: "routes"; readonly tables: RouteTables }
  | { readonly kind: "owners"; readonly ranges: readonly OwnedRange[] }
  | { readonly kind: "forget"; readonly peer: PeerName }
  | { readonly kind: "status"; readonly request: number }
  | { readonly kind: "close" };

/** A link's status with the connection that it belongs to. */
export interface WorkerLinkStatus extends LinkStatus {
  readonly id: number;
}

/** From the worker to the main thread. */
export type FromWorker =
  | { readonly kind: "ready"; readonly port: number }
  | { readonly kind: "established"; readonly id: number }
  | { readonly kind: "lost"; readonly id: number; readonly reason: string }
  /** Packets of the peer arrive again after a silence. */
  | { readonly kind: "heard"; readonly id: number; readonly silentMs: number }
  | {
      readonly kind: "control";
      readonly id: number;
      readonly index: number;
      readonly sub: number;
      readonly payload: Uint8Array;
    }
  | {
      readonly kind: "status";
      readonly request: number;
      readonly links: readonly WorkerLinkStatus[];
      readonly macs: readonly MacStatus[];
    }
  | { readonly kind: "forward"; readonly id: number; readonly peer: PeerName; readonly state: Forwarding }
  /** Heartbeats of a link come through the tunnel from this underlay address. */
  | { readonly kind: "source"; readonly id: number; readonly peer: PeerName; readonly address: number }
  /** The rules of the kernel's packet filter have changed. */
  | { readonly kind: "rules" }
  | { readonly kind: "mac"; readonly mac: number; readonly peer: PeerName }
  | {
      readonly kind: "log";
      readonly level: "debug" | "info" | "warn" | "error";
      readonly message: string;
      readonly fields?: object;
    }
  | { readonly kind: "closed" };
