import { PacketSealer } from "@weaved/sleeve-crypto";
import { defaultProvider, gcmAead } from "@weaved/sleeve-crypto/node";
import { OVERLAY_HEAD_BYTES, OverlaySealer } from "@weaved/sleeve-crypto/overlay";
import { put48 } from "../../src/bytes.ts";
import { PIECE_HEAD_BYTES, putPieceHead, putRecordHead, RECORD_HEAD_BYTES } from "../../src/gso-wire.ts";
import { libc } from "../../src/node/linux/libc.ts";
import { ENCRYPTED_HEAD_BYTES, FRAME_HEAD_BYTES, PLAINTEXT_HEAD_BYTES, putFrameHead } from "../../src/sleeve-packet.ts";
import { OWN, PEER } from "./receiver.ts";

/** Makes the datagrams of a neighbour; without a key they are plaintext. */
export interface TestSender {
  /** A packet of `sleeve` with one frame. */
  sleeve(frame: Uint8Array): Buffer;
  /** The datagrams of one super-frame, cut into pieces of `stride` bytes at most. */
  superFrame(frame: Uint8Array, stride: number): Buffer[];
}

/** A frame of so many bytes between two workloads. */
export function makeFrame(bytes: number): Uint8Array {
  const frame = new Uint8Array(bytes).fill(0x5a);
  put48(frame, 0, 0x020000000001);
  put48(frame, 6, 0x020000000002);
  return frame;
}

/** `number`: of the first super-frame. */
export function makeSender(key: Uint8Array | undefined, number = 0): TestSender {
  const senderName = new Uint8Array(6);
  put48(senderName, 0, PEER);
  const sealer = key && new PacketSealer(defaultProvider(), { key, senderOutbound: true, senderName });
  const aead = gcmAead(libc().bindOwn);
  const protocol = `sleeve-gso ${aead.name}`;
  const superSealer = key && new OverlaySealer({ aead, sessionKey: key, protocol, senderOutbound: true });
  let next = number;
  return {
    sleeve(frame) {
      const head = sealer ? ENCRYPTED_HEAD_BYTES : PLAINTEXT_HEAD_BYTES;
      const packet = Buffer.alloc(head + FRAME_HEAD_BYTES + frame.length);
      putFrameHead(packet, head, PEER, OWN, frame.length);
      packet.set(frame, head + FRAME_HEAD_BYTES);
      if (sealer) sealer.seal(packet, packet.length, "df");
      else put48(packet, 0, PEER);
      return packet;
    },
    superFrame(frame, stride) {
      const head = superSealer ? OVERLAY_HEAD_BYTES : 0;
      const whole = Buffer.alloc(head + RECORD_HEAD_BYTES + frame.length);
      putRecordHead(whole, head, PEER, OWN, frame.length);
      whole.set(frame, head + RECORD_HEAD_BYTES);
      superSealer?.seal(whole, { at: 0, end: whole.length, nowMs: 0 });
      const last = Math.ceil(whole.length / stride) - 1;
      const pieces = Array.from({ length: last + 1 }, (_, index) => {
        const piece = Buffer.concat([
          Buffer.alloc(PIECE_HEAD_BYTES),
          whole.subarray(index * stride, (index + 1) * stride),
        ]);
        putPieceHead(piece, 0, { sender: PEER, number: next, stride, index, last });
        return piece;
      });
      next = (next + 1) >>> 0;
      return pieces;
    },
  };
}
