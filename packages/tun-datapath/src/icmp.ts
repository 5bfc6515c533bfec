import { get16, put16 } from "./bytes.ts";
import { checksum, putIpv4Checksum } from "./checksum.ts";
import { ETHERNET_BYTES, ipHeaderBytes } from "./ethernet.ts";

/**
 * "Fragmentation needed" as a router on the path would send it.
 *
 * ```text
 * | Ethernet, MACs swapped (14) | IPv4 (20): TOS copied, TTL 64, ICMP, addresses swapped |
 * | 3, 4, checksum (4) | 0 (2) | next-hop MTU (2) | original IP header | 8 bytes of its payload |
 * ```
 * Source: protocol notes 12.9; RFC 1191.
 */
export function putFragNeeded(out: Uint8Array, frame: Uint8Array, at: number, mtu: number): number {
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
