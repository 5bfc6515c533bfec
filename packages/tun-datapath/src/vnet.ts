import { get16, put16, put32 } from "./bytes.ts";
import { addWords, fold, putIpv4Checksum } from "./checksum.ts";
import { ETHERNET_BYTES, TYPE_IPV4 } from "./ethernet.ts";

/**
 * The header that a TAP device puts before each frame when it hands work on to us.
 *
 * ```text
 * | flags (1): 1 = checksum to be done | type (1): 0 whole, 1 TCPv4, 4 TCPv6, 0x80 ECN | header bytes (2) |
 * | segment bytes (2) | checksum start (2) | checksum offset (2) |        little-endian, 10 bytes in all
 * ```
 * Source: linux/virtio_net.h.
 */
export const VNET_BYTES = 10;
export const NEEDS_CHECKSUM = 1;
export const GSO_NONE = 0;
export const GSO_TCP4 = 1;
const GSO_ECN = 0x80;
const TCP_FIN_PSH = 0x09;
const TCP_CWR = 0x80;

export function vnetType(b: Uint8Array, at: number): number {
  return (b[at + 1] as number) & ~GSO_ECN;
}
export function vnetSegment(b: Uint8Array, at: number): number {
  return (b[at + 4] as number) | ((b[at + 5] as number) << 8);
}
function vnetChecksumStart(b: Uint8Array, at: number): number {
  return (b[at + 6] as number) | ((b[at + 7] as number) << 8);
}
function vnetChecksumOffset(b: Uint8Array, at: number): number {
  return (b[at + 8] as number) | ((b[at + 9] as number) << 8);
}

/** Does the checksum that the kernel left to us, and clears the flag; false when the header is nonsense. */
export function finishChecksum(b: Uint8Array, vnet: number, frame: number, length: number): boolean {
  if (((b[vnet] as number) & NEEDS_CHECKSUM) === 0) return true;
  const start = vnetChecksumStart(b, vnet);
  const field = start + vnetChecksumOffset(b, vnet);
  if (field + 2 > length) return false;
  // The field holds the sum of the pseudo-header, so it takes part.
  const sum = ~fold(addWords(b, frame + start, frame + length)) & 0xffff;
  put16(b, frame + field, sum === 0 ? 0xffff : sum);
  b.fill(0, vnet, vnet + 10);
  return true;
}

/** Facts about a TCP super-frame that cutting it needs; undefined when it is not one we can cut. */
export interface SuperFrame {
  /** Bytes before the TCP payload. */
  readonly headerBytes: number;
  readonly segmentBytes: number;
  readonly segments: number;
  /** Bytes of IP packet of a full segment: what must fit the path. */
  readonly packetBytes: number;
}

/** Reads what the TAP device says of the super-frame at `frame`. Allocates: once per super-frame, not per segment. */
export function readSuperFrame(b: Uint8Array, vnet: number, frame: number, length: number): SuperFrame | undefined {
  const tcp = vnetChecksumStart(b, vnet);
  const segmentBytes = vnetSegment(b, vnet);
  if (tcp < ETHERNET_BYTES + 20 || tcp + 20 > length || segmentBytes === 0) return undefined;
  const headerBytes = tcp + ((b[frame + tcp + 12] as number) >>> 4) * 4;
  const payload = length - headerBytes;
  if (headerBytes < tcp + 20 || payload <= 0) return undefined;
  const segments = Math.ceil(payload / segmentBytes);
  return {
    headerBytes,
    segmentBytes,
    segments,
    packetBytes: headerBytes - ETHERNET_BYTES + Math.min(segmentBytes, payload),
  };
}

/**
 * Writes segment `i` of the super-frame at `frame` to `out`; its length.
 *
 * Each segment gets the headers with length, identification, sequence number, flags, checksums of its own: what a network
 * card with TSO does. FIN and PSH stay on the last, CWR on the first.
 */
export function putSegment(
  { b, vnet, frame, length }: { b: Uint8Array; vnet: number; frame: number; length: number },
  facts: SuperFrame,
  i: number,
  out: number,
): number {
  const { headerBytes, segmentBytes, segments } = facts;
  const from = headerBytes + i * segmentBytes;
  const take = Math.min(segmentBytes, length - from);
  const total = headerBytes + take;
  const tcp = vnetChecksumStart(b, vnet);
  b.copyWithin(out, frame, frame + headerBytes);
  b.copyWithin(out + headerBytes, frame + from, frame + from + take);
  putIpLengths(b, out, total, i);
  addToSequence(b, out + tcp + 4, i * segmentBytes);
  let flags = b[out + tcp + 13] as number;
  if (i < segments - 1) flags &= ~TCP_FIN_PSH;
  if (i > 0) flags &= ~TCP_CWR;
  b[out + tcp + 13] = flags;
  put16(b, out + tcp + 16, 0);
  const pseudo = pseudoHeader(b, out, total - tcp);
  put16(b, out + tcp + 16, ~fold(addWords(b, out + tcp, out + total, pseudo)) & 0xffff);
  return total;
}

function putIpLengths(b: Uint8Array, at: number, total: number, i: number): void {
  const ip = at + ETHERNET_BYTES;
  if (get16(b, at + 12) !== TYPE_IPV4) {
    put16(b, ip + 4, total - ETHERNET_BYTES - 40);
    return;
  }
  put16(b, ip + 2, total - ETHERNET_BYTES);
  put16(b, ip + 4, get16(b, ip + 4) + i);
  putIpv4Checksum(b, ip, ((b[ip] as number) & 15) * 4);
}

function addToSequence(b: Uint8Array, at: number, n: number): void {
  const sequence = get16(b, at) * 0x10000 + get16(b, at + 2) + n;
  put32(b, at, sequence % 0x100000000);
}

/** Sum of the TCP pseudo-header of the frame at `at`. Sources: RFC 9293 3.1, RFC 8200 8.1. */
export function pseudoHeader(b: Uint8Array, at: number, tcpBytes: number): number {
  const ip = at + ETHERNET_BYTES;
  const v4 = get16(b, at + 12) === TYPE_IPV4;
  const from = v4 ? ip + 12 : ip + 8;
  return addWords(b, from, from + (v4 ? 8 : 32), 6 + tcpBytes);
}
