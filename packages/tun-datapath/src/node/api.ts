import type { PlaintextPolicy } from "../protection.ts";
import type { Logger, Metrics, Overlay, OwnedRange, PeerName, RouteTables } from "../types.ts";

/** Names of overlays, in the order in which all our peers announce them. */
export type OverlayName = "vxlan" | "sleeve-gso" | "sleeve";

/** How a data path is started. */
export interface DatapathOptions {
  readonly name: PeerName;
  /** UDP port of the userspace overlays; kernel VXLAN takes the next one. @defaultValue 6783 */
  readonly port?: number;
  /** Address that the UDP socket is bound to. @defaultValue "0.0.0.0" */
  readonly host?: string;
  /** The TAP device, and the bridge that it is plugged into; made if not there, but the bridge must be. */
  readonly device: { readonly kind: "tap"; readonly name: string; readonly bridge?: string };
  /**
   * Where plaintext may travel. "allowed": this network has no password. "trusted": it has one, and links within trusted subnets may
   * be plaintext. "never": every link must be encrypted; then there is no kernel VXLAN, and one of an earlier life is removed.
   */
  readonly plaintext: PlaintextPolicy;
  /** Overlays to offer. @defaultValue all three; `vxlan` only with a bridge, where the kernel has it */
  readonly overlays?: readonly OverlayName[];
  /** MTU of the TAP device, hence of containers. @defaultValue 1376, as the fast data path of Weave Net 2.8 */
  readonly mtu?: number;
  /** Leave device and bridge port in place on `close`, so that containers see no link change. @defaultValue true */
  readonly persist?: boolean;
  /**
   * Carry frames to owners of addresses alone, as `setAddressOwners` names them, and answers to such frames; flood nothing. For
   * networks where most addresses are reached through the host, such as a cloud's: who still sends here what has another way is told
   * by ARP to use the bridge's MAC. @defaultValue false
   */
  readonly ownedOnly?: boolean;
  readonly logger?: Logger;
  readonly metrics?: Metrics;
}

/** One link to a neighbour. */
export interface LinkStatus {
  readonly peer: PeerName;
  readonly overlay: OverlayName | "none";
  /** Why this overlay, in words. */
  readonly reason: string;
  readonly established: boolean;
  readonly encrypted: boolean;
  /** Bytes of the largest inner IP packet that passes uncut. */
  readonly mtu: number;
  /** Round trip of the last answered heartbeat or probe. */
  readonly rttMs?: number;
  /** Share of recent heartbeats or probes without an answer, 0 to 1. */
  readonly loss: number;
  /** Text form, empty while unknown. */
  readonly remote: string;
  readonly framesIn: number;
  readonly framesOut: number;
}

/** One entry of the MAC table. */
export interface MacStatus {
  /** Text form. */
  readonly mac: string;
  readonly peer: PeerName;
  /** Milliseconds since the epoch. */
  readonly lastSeen: number;
}

/** What a data path knows of itself; at most a second old. */
export interface DatapathStatus {
  readonly links: readonly LinkStatus[];
  readonly macs: readonly MacStatus[];
  /** Frames by where they came from, where they went, why they were dropped. */
  readonly counters: Readonly<Record<string, number>>;
}

/** A running data path. */
export interface Datapath extends AsyncDisposable {
  /** To be handed to the mesh. */
  readonly overlay: Overlay;
  readonly name: PeerName;
  readonly port: number;
  setRoutes(tables: RouteTables): void;
  setAddressOwners(ranges: readonly OwnedRange[]): void;
  /** Forgets the MACs of a peer that the mesh has collected. */
  forgetPeer(name: PeerName): void;
  status(): DatapathStatus;
  /** Asks the worker for figures of this moment. */
  refresh(): Promise<DatapathStatus>;
  /** Idempotent; resolves when worker, sockets, devices are gone. */
  close(): Promise<void>;
}
