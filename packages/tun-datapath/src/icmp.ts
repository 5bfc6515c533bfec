import { get16, put16, put32 } from "./bytes.ts";
import { addWords, checksum, putIpv4Checksum } from "./checksum.ts";
import { ETHERNET_BYTES, ipHeaderBytes, isIpv4, TYPE_IPV6 } from "./ethernet.ts";

/** Room that an answer of {@link putTooLarge} may need: ICMPv6 quotes as much as fits the smallest MTU of IPv6. */
export const TOO_LARGE_BYTES: number = ETHERNET_BYTES + 1280;
const IPV6_BYTES = 40;
const PROTOCOL_ICMPV6 = 58;

/**
 * Answers the frame at `at`, which a link of `mtu` bytes cannot take: bytes of the answer, or 0 when nothing may be said:
 * not IP, sent to a group, itself an error of ICMPv6 (RFC 4443 2.4).
 */
export function putTooLarge(
  out: Uint8Array,
  b: Uint8Array,
  { at, length, mtu }: { readonly at: number; readonly length: number; readonly mtu: number },
): number {
  const toGroup = ((b[at] as number) & 1) === 1;
  if (toGroup) return 0;
  if (isIpv4(b, at, length)) return putFragNeeded(out, b, at, mtu);
  const ip = at + ETHERNET_BYTES;
  if (get16(b, at + 12) !== TYPE_IPV6 || length < ETHERNET_BYTES + IPV6_BYTES + 8) return 0;
  const isError = b[ip + 6] === PROTOCOL_ICMPV6 && (b[ip + IPV6_BYTES] as number) < 128;
  return isError ? 0 : putPacketTooBig(out, b, { at, length, mtu });
}

/**
 * "Packet too big" as a router on the path would send it.
 *
 * ```text
 * | Ethernet, MACs swapped (14) | IPv6 (40): ICMPv6, hop limit 64, addresses swapped |
 * | 2, 0, checksum (4) | MTU (4) | the packet, up to 1280 bytes in all |
 * ```
 * Source: RFC 4443 3.2.
 */
function putPacketTooBig(
  out: Uint8Array,
  b: Uint8Array,
  { at, length, mtu }: { readonly at: number; readonly length: number; readonly mtu: number },
): number {
  const ip = ETHERNET_BYTES;
  const icmp = ip + IPV6_BYTES;
  const quoted = Math.min(length - ETHERNET_BYTES, 1280 - IPV6_BYTES - 8);
  out.set(b.subarray(at + 6, at + 12), 0);
  out.set(b.subarray(at, at + 6), 6);
  out.fill(0, 12, icmp + 8);
  put16(out, 12, TYPE_IPV6);
  out[ip] = 0x60;
  put16(out, ip + 4, 8 + quoted);
  out[ip + 6] = PROTOCOL_ICMPV6;
  out[ip + 7] = 64;
  out.set(b.subarray(at + ip + 24, at + ip + 40), ip + 8);
  out.set(b.subarray(at + ip + 8, at + ip + 24), ip + 24);
  out[icmp] = 2;
  put32(out, icmp + 4, mtu);
  out.set(b.subarray(at + ip, at + ip + quoted), icmp + 8);
  const end = icmp + 8 + quoted;
  const pseudo = addWords(out, ip + 8, ip + 40, 8 + quoted + PROTOCOL_ICMPV6);
  put16(out, icmp + 2, checksum(out, icmp, end, pseudo));
  return end;
}

/**
 * "Fragmentation needed" as a router on the path would send it.
 *
 * ```text
 * | Ethernet, MACs swapped (14) | IPv4 (20): TOS copied, TTL 64, ICMP, addresses swapped |
 * | 3, 4, checksum (4) | 0 (2) | next-hop MTU (2) | original IP header | 8 bytes of its payload |
 * ```
 * Source: docs/protocol/overlay.md#12.9; RFC 1191.
 */
function putFragNeeded(out: Uint8Array, frame: Uint8Array, at: number, mtu: number): number {
  const ip = at + ETHERNET_BYTES;
  const quoted = Math.min(ipHeaderBytes(frame, ip) + 8, frame.length - ip);
  const length = 20 + 8 + quoted;
  for (let i = 0; i < 6; i++) {
    out[i] = frame[at + 6 + i] as number;
    out[6 + i] = frame[at + i] as number;
  }
  put16(out, 12, get16(frame, at + 12));
  out.fill(0, 14, 42);
  out[14] = 0x45;
  out[15] = frame[ip + 1] as number;
  put16(out, 16, length);
  out[22] = 64;
  out[23] = 1;
  for (let i = 0; i < 4; i++) {
    out[26 + i] = frame[ip + 16 + i] as number;
    out[30 + i] = frame[ip + 12 + i] as number;
  }
  putIpv4Checksum(out, 14, 20);
  out[34] = 3;
  out[35] = 4;
  put16(out, 40, mtu);
  for (let i = 0; i < quoted; i++) out[42 + i] = frame[ip + i] as number;
  put16(out, 36, checksum(out, 34, 42 + quoted));
  return ETHERNET_BYTES + length;
}

/** The answer to a frame that is too large for a path of `mtu` bytes. The frame must hold a whole IPv4 header. */
export function encodeFragNeeded(frame: Uint8Array, mtu: number): Uint8Array {
  const out = new Uint8Array(ETHERNET_BYTES + 20 + 8 + 68);
  return out.slice(0, putFragNeeded(out, frame, 0, mtu));
}
