import { put16 } from "./bytes.ts";
import { ETHERNET_BYTES } from "./ethernet.ts";

/**
 * Frames internal to the overlay: an all-zero Ethernet header, told apart by length. Source: docs/protocol/overlay.md#12.3.
 *
 * ```text
 * heartbeat (22)           | zeros (14) | connection UID (8) |
 * fragmentation test       | zeros (60001)                   |
 * PMTU probe (any other)   | zeros (candidate + 14)          |
 * fastdp heartbeat (14+mtu)| zeros (14) | connection UID (8) | total length (2) | zeros |   docs/protocol/overlay.md#13
 * ```
 */
export const HEARTBEAT_BYTES = 22;
export const FRAGMENT_TEST_BYTES = 60001;
/** A probe that no path carries whole: it makes the kernel look for the path MTU. */
export const PROVOKING_BYTES = 60000;

/** Writes a heartbeat at `at`. */
export function putHeartbeat(b: Uint8Array, at: number, connectionUid: bigint): void {
  b.fill(0, at, at + ETHERNET_BYTES);
  putUid(b, at + ETHERNET_BYTES, connectionUid);
}

function putUid(b: Uint8Array, at: number, uid: bigint): void {
  let rest = BigInt.asUintN(64, uid);
  for (let i = 7; i >= 0; i--, rest >>= 8n) b[at + i] = Number(rest & 255n);
}

/** Whether the heartbeat at `at` names this connection. */
export function hasUid(b: Uint8Array, at: number, uidBytes: Uint8Array): boolean {
  for (let i = 0; i < 8; i++) if (b[at + ETHERNET_BYTES + i] !== uidBytes[i]) return false;
  return true;
}

/** A connection UID as 8 bytes, for {@link hasUid}. */
export function uidBytes(uid: bigint): Uint8Array {
  const b = new Uint8Array(8);
  putUid(b, 0, uid);
  return b;
}

export function isAllZero(b: Uint8Array, from: number, to: number): boolean {
  for (let i = from; i < to; i++) if (b[i] !== 0) return false;
  return true;
}

/** A sleeve heartbeat. */
export function encodeHeartbeat(connectionUid: bigint): Uint8Array {
  const b = new Uint8Array(HEARTBEAT_BYTES);
  putHeartbeat(b, 0, connectionUid);
  return b;
}

/** The heartbeat of a fast data path. It is as long as the largest frame, so it checks the MTU too. */
export function encodeFastdpHeartbeat(connectionUid: bigint, mtu: number): Uint8Array {
  const b = new Uint8Array(ETHERNET_BYTES + mtu);
  putHeartbeat(b, 0, connectionUid);
  put16(b, ETHERNET_BYTES + 8, b.length);
  return b;
}

/** VXLAN network identifier of the fast data path of Weave Net 2.8: `destination short id << 12 | source short id`. */
export function tunnelId(sourceShortId: number, destinationShortId: number): number {
  return ((destinationShortId & 0xfff) << 12) | (sourceShortId & 0xfff);
}
