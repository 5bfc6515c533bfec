/**
 * Frames of protocol version 2:
 *
 * ```
 *  0        4                 4+length
 *  | length |  body ...       |        length: uint32 big-endian, at most 10 MiB, of the sealed body if sealed
 * ```
 * Example, a heartbeat in clear: `00000001 00`.
 */
import { MeshError } from "../errors.ts";
import type { ByteQueue } from "./byte-queue.ts";

/** Longest body in either direction. */
export const MAX_FRAME_BYTES: number = 10 * 2 ** 20;
const PREFIX = 4;

/** A frame around a body. @throws MeshError MESH_OVERSIZE */
export function encodeFrame(body: Uint8Array): Uint8Array {
  checkSize(body.length, MAX_FRAME_BYTES);
  const frame = new Uint8Array(PREFIX + body.length);
  new DataView(frame.buffer).setUint32(0, body.length);
  frame.set(body, PREFIX);
  return frame;
}

/** The next body, borrowed from the queue; undefined until it is whole. @throws MeshError MESH_OVERSIZE */
export function takeFrame(queue: ByteQueue, limit: number = MAX_FRAME_BYTES): Uint8Array | undefined {
  const prefix = queue.peek(PREFIX);
  if (!prefix) return undefined;
  const length = new DataView(prefix.buffer, prefix.byteOffset).getUint32(0);
  checkSize(length, limit);
  return queue.take(PREFIX + length)?.subarray(PREFIX);
}

function checkSize(length: number, limit: number): void {
  if (length > limit) {
    throw new MeshError("MESH_OVERSIZE", `a message of ${length} bytes, where ${limit} are allowed`);
  }
}
