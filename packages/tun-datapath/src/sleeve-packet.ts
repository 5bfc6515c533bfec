import { get16, get48, put16, put48 } from "./bytes.ts";
import type { PeerName } from "./types.ts";

/**
 * Packets of the sleeve overlay.
 *
 * ```text
 * plaintext | sender (6) | frame*                                       frame = | src peer (6) | dst peer (6) | length (2) | data |
 * encrypted | sender (6) | counter (8) | authenticator (16) | frame* |
 *
 * 7a9febb60c6e 7a9febb60c6e 000000000002 0000        one empty frame for peer 2
 * ```
 * Source: docs/protocol/overlay.md#12.1. Encryption is in sleeve-crypto.
 */
export const FRAME_HEAD_BYTES = 14;
/** IPv4 and UDP headers of the outer packet. */
export const UDP_IP_BYTES = 28;
/** From the first byte of a packet to its first frame. */
export const PLAINTEXT_HEAD_BYTES = 6;
export const ENCRYPTED_HEAD_BYTES = 30;
/** From an inner IP packet to its outer one: 62 in plaintext, 86 encrypted. */
export function sleeveOverhead(isEncrypted: boolean): number {
  return UDP_IP_BYTES + (isEncrypted ? ENCRYPTED_HEAD_BYTES : PLAINTEXT_HEAD_BYTES) + FRAME_HEAD_BYTES + 14;
}
/** Largest UDP payload over IPv4 that Weave Net 2.8 fills. */
export const MAX_PAYLOAD: number = 65535 - UDP_IP_BYTES;

/** A frame with the peers where it entered, where it is bound for. */
export interface SleeveFrame {
  readonly src: PeerName;
  readonly dst: PeerName;
  readonly data: Uint8Array;
}

export function putFrameHead(b: Uint8Array, at: number, src: PeerName, dst: PeerName, length: number): void {
  put48(b, at, src);
  put48(b, at + 6, dst);
  put16(b, at + 12, length);
}

/** Where the frame after the one at `at` begins; -1 when the one at `at` runs past `end`. Needs `at < end`. */
export function nextFrame(b: Uint8Array, at: number, end: number): number {
  if (at + FRAME_HEAD_BYTES > end) return -1;
  const next = at + FRAME_HEAD_BYTES + get16(b, at + 12);
  return next > end ? -1 : next;
}

/** A plaintext packet. */
export function encodePlaintextPacket(sender: PeerName, frames: readonly SleeveFrame[]): Uint8Array {
  const body = encodeFrames(frames);
  const b = new Uint8Array(PLAINTEXT_HEAD_BYTES + body.length);
  put48(b, 0, sender);
  b.set(body, PLAINTEXT_HEAD_BYTES);
  return b;
}

/** The frames of a packet, one after the other, as they are before encryption. */
export function encodeFrames(frames: readonly SleeveFrame[]): Uint8Array {
  const b = new Uint8Array(frames.reduce((n, frame) => n + FRAME_HEAD_BYTES + frame.data.length, 0));
  let at = 0;
  for (const { src, dst, data } of frames) {
    putFrameHead(b, at, src, dst, data.length);
    b.set(data, at + FRAME_HEAD_BYTES);
    at += FRAME_HEAD_BYTES + data.length;
  }
  return b;
}

/** Frames (borrowed) up to the first that is not whole; `whole` says whether there was none such. */
export function decodeFrames(b: Uint8Array): { readonly frames: readonly SleeveFrame[]; readonly whole: boolean } {
  const frames: SleeveFrame[] = [];
  for (let at = 0; at < b.length; ) {
    const next = nextFrame(b, at, b.length);
    if (next < 0) return { frames, whole: false };
    frames.push({ src: get48(b, at), dst: get48(b, at + 6), data: b.subarray(at + FRAME_HEAD_BYTES, next) });
    at = next;
  }
  return { frames, whole: true };
}
