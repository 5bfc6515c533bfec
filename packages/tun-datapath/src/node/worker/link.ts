import type { PacketOpener, PacketSealer } from "@weaved/sleeve-crypto";
import type { OverlayOpener, OverlaySealer } from "@weaved/sleeve-crypto/overlay";
import type { GsoLink } from "../../gso-link.ts";
import type { Assembly } from "../../gso-wire.ts";
import type { NumberWindow, PacketSource } from "../../packet-source.ts";
import type { SleeveLink } from "../../sleeve-link.ts";
import type { PeerName } from "../../types.ts";
import type { VxlanLink } from "../../vxlan-link.ts";
import type { OverlayName } from "../api.ts";
import type { Memory } from "./memory.ts";
import type { Sender } from "./transmitter.ts";

/** Keys of an encrypted connection. */
export interface LinkKeys {
  readonly sealer: PacketSealer;
  readonly opener: PacketOpener;
  readonly gsoSealer: OverlaySealer | undefined;
  readonly gsoOpener: OverlayOpener | undefined;
}

/** A packet being filled with small frames, in the arena; `at` is -1 when there is none. */
export interface Pending {
  at: number;
  end: number;
  limit: number;
  frames: number;
}

/** A super-frame being put together, in memory that the TAP device can be written from. */
export interface AssemblyMemory {
  readonly assembly: Assembly;
  readonly memory: Memory;
}

/** Everything that the forwarding loop knows of a connection. */
export interface Link {
  readonly id: number;
  readonly peer: PeerName;
  /** Common overlays by index; undefined where one does not serve this link. */
  readonly common: readonly (OverlayName | undefined)[];
  readonly keys: LinkKeys | undefined;
  readonly source: PacketSource;
  /** Numbers of super-frames that arrive. */
  readonly numbers: NumberWindow;
  readonly sleeve: SleeveLink | undefined;
  readonly gso: GsoLink | undefined;
  readonly vxlan: VxlanLink | undefined;
  readonly sleeveSender: Sender;
  readonly gsoSender: Sender;
  readonly pendingDf: Pending;
  readonly pendingNonDf: Pending;
  readonly pendingGso: Pending;
  /** Two, so that a super-frame may overtake the one before it. Made when the first piece arrives. */
  assemblies: readonly AssemblyMemory[] | undefined;
  /** Number of the latest super-frame sent. */
  superFrames: number;
  confirmed: boolean;
  established: boolean;
  framesIn: number;
  framesOut: number;
  /** Why `gso` is not in use, as far as known before trying. */
  gsoReason: string;
  vxlanReason: string;
}

export function noPending(): Pending {
  return { at: -1, end: 0, limit: 0, frames: 0 };
}
