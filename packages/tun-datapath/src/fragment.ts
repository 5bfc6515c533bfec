import { get16, put16 } from "./bytes.ts";
import { putIpv4Checksum } from "./checksum.ts";
import { ETHERNET_BYTES, ipHeaderBytes } from "./ethernet.ts";

const MORE_FRAGMENTS = 0x2000;

/**
 * Cuts the IPv4 packet of a frame so that each piece fits `mtu`: payloads of `floor((mtu - header) / 8) * 8`, the header
 * copied with its options, an offset that is already there added to. Source: docs/protocol/overlay.md#12.8; RFC 791.
 *
 * Gives undefined when the header alone leaves no room, or the packet is shorter than it says.
 */
export function fragmentIpv4(frame: Uint8Array, mtu: number): Uint8Array[] | undefined {
  const ip = ETHERNET_BYTES;
  const header = ipHeaderBytes(frame, ip);
  const total = get16(frame, ip + 2);
  const step = Math.floor((mtu - header) / 8) * 8;
  if (step <= 0 || total < header || ip + total > frame.length) return undefined;
  const flags = get16(frame, ip + 6);
  const pieces: Uint8Array[] = [];
  for (let done = 0; header + done < total; done += step) {
    const take = Math.min(step, total - header - done);
    const last = header + done + take === total;
    const piece = new Uint8Array(ip + header + take);
    piece.set(frame.subarray(0, ip + header));
    piece.set(frame.subarray(ip + header + done, ip + header + done + take), ip + header);
    put16(piece, ip + 2, header + take);
    const offset = (flags & 0x1fff) + done / 8;
    put16(piece, ip + 6, (flags & 0xc000) | (last ? flags & MORE_FRAGMENTS : MORE_FRAGMENTS) | offset);
    putIpv4Checksum(piece, ip, header);
    pieces.push(piece);
  }
  return pieces;
}
