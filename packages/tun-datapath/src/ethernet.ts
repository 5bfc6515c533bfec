import { get16, get32, get48 } from "./bytes.ts";

/** Bytes of an Ethernet header without tags. */
export const ETHERNET_BYTES = 14;
export const TYPE_IPV4 = 0x0800;
export const TYPE_ARP = 0x0806;
export const TYPE_IPV6 = 0x86dd;
const TYPE_VLAN = 0x8100;
/** Spanning tree's group address; bridges do not forward it, nor do we. */
export const STP_MAC = 0x0180c2000000;

/**
 * What an Ethernet frame decodes to, as far as forwarding cares.
 *
 * ```text
 * | dst MAC (6) | src MAC (6) | type (2) | IPv4: version, IHL (1) ... flags, offset at 6 ... |
 * ```
 * `layers`: 0 not even Ethernet, 1 Ethernet, 2 with a well-formed IPv4 header. Source: docs/protocol/overlay.md#12.3 and docs/protocol/overlay.md#12.8.
 */
export interface FrameFacts {
  readonly layers: 0 | 1 | 2;
  /** Internal to the overlay: both MACs zero, type zero. */
  readonly special: boolean;
  /** IPv4 with "don't fragment". */
  readonly df: boolean;
}

/** Decodes a frame for tests, tools; the forwarding loop uses the functions below, which allocate nothing. */
export function inspectFrame(frame: Uint8Array): FrameFacts {
  if (frame.length < ETHERNET_BYTES) return { layers: 0, special: false, df: false };
  const ip = isIpv4(frame, 0, frame.length);
  return { layers: ip ? 2 : 1, special: isSpecial(frame, 0, frame.length), df: ip && hasDf(frame, 0) };
}

/** Whether the frame at `at` is internal to the overlay. */
export function isSpecial(b: Uint8Array, at: number, length: number): boolean {
  return length >= ETHERNET_BYTES && get48(b, at) === 0 && get48(b, at + 6) === 0 && get16(b, at + 12) === 0;
}

/** Whether a whole IPv4 header follows the Ethernet header at `at`. */
export function isIpv4(b: Uint8Array, at: number, length: number): boolean {
  if (length < ETHERNET_BYTES + 20 || get16(b, at + 12) !== TYPE_IPV4) return false;
  const ip = at + ETHERNET_BYTES;
  const header = ipHeaderBytes(b, ip);
  return (b[ip] as number) >>> 4 === 4 && header >= 20 && length >= ETHERNET_BYTES + header;
}

/** Bytes of the IPv4 header at `ip`, options included. */
export function ipHeaderBytes(b: Uint8Array, ip: number): number {
  return ((b[ip] as number) & 15) * 4;
}

/** Whether the IPv4 packet in the frame at `at` has "don't fragment" set. Only after {@link isIpv4}. */
export function hasDf(b: Uint8Array, at: number): boolean {
  return ((b[at + ETHERNET_BYTES + 6] as number) & 0x40) !== 0;
}

/** Source address of the IPv4 packet in the frame at `at`. Only after {@link isIpv4}. */
export function ipv4Source(b: Uint8Array, at: number): number {
  return get32(b, at + ETHERNET_BYTES + 12);
}

/** Destination address, likewise. */
export function ipv4Destination(b: Uint8Array, at: number): number {
  return get32(b, at + ETHERNET_BYTES + 16);
}

/** Bytes of the frame at `at` that count towards an MTU: neither its header nor a VLAN tag does. */
export function payloadBytes(b: Uint8Array, at: number, length: number): number {
  return length - ETHERNET_BYTES - (get16(b, at + 12) === TYPE_VLAN ? 4 : 0);
}
