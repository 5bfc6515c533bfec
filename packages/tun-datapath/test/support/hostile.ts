import { PacketSealer } from "@weaved/sleeve-crypto";
import { defaultProvider, gcmAead } from "@weaved/sleeve-crypto/node";
import { OVERLAY_HEAD_BYTES, OverlaySealer } from "@weaved/sleeve-crypto/overlay";
import { put48 } from "../../src/bytes.ts";
import { imbalance } from "../../src/counters.ts";
import { PIECE_HEAD_BYTES, putPieceHead, putRecordHead, RECORD_HEAD_BYTES } from "../../src/gso-wire.ts";
import { libc } from "../../src/node/linux/libc.ts";
import { makeMemory } from "../../src/node/worker/memory.ts";
import { ENCRYPTED_HEAD_BYTES, FRAME_HEAD_BYTES, putFrameHead } from "../../src/sleeve-packet.ts";
import { KEY, makeRandom, makeReceiver, OWN, PEER } from "./receiver.ts";

/** Ways to abuse a genuine datagram. `outgrown` are encrypted under the key by a malicious peer: their lengths lie. */
const KINDS = [
  "replayed",
  "flipped",
  "cut",
  "extended",
  "renamed",
  "otherKey",
  "noise",
  "spliced",
  "outgrown",
] as const;
/** Kinds that may precede the genuine datagram: they must not keep it from arriving either. */
const EARLY = new Set<string>(["flipped", "cut", "otherKey", "noise", "outgrown"]);
const ABUSES_PER_GENUINE = 40;

export interface HostileResult {
  /** Genuine frames sent, each once: the proof that the receiver listens. */
  readonly genuine: number;
  readonly delivered: number;
  readonly hostile: number;
  readonly kinds: Readonly<Record<string, number>>;
  readonly imbalance: number;
  readonly counters: Readonly<Record<string, number>>;
}

/** Sealers of both overlays. `lie` is written where the frame's length belongs. */
function makeSender(key: Uint8Array): (gso: boolean, frameBytes: number, lie?: number) => Buffer {
  const provider = defaultProvider();
  const senderName = new Uint8Array(6);
  put48(senderName, 0, PEER);
  const sleeve = new PacketSealer(provider, { key, senderOutbound: true, senderName });
  const aead = gcmAead(libc().bindOwn);
  const whole = { aead, sessionKey: key, protocol: `sleeve-gso ${aead.name}`, senderOutbound: true };
  const superFrames = new OverlaySealer(whole);
  let number = 0;
  return (gso, frameBytes, lie) => {
    const head = gso
      ? PIECE_HEAD_BYTES + OVERLAY_HEAD_BYTES + RECORD_HEAD_BYTES
      : ENCRYPTED_HEAD_BYTES + FRAME_HEAD_BYTES;
    const packet = Buffer.alloc(head + frameBytes, 0x5a);
    put48(packet, head, 0x020000000001);
    put48(packet, head + 6, 0x020000000002);
    const end = packet.length;
    if (!gso) {
      putFrameHead(packet, ENCRYPTED_HEAD_BYTES, PEER, OWN, lie ?? frameBytes);
      sleeve.seal(packet, end, number++ % 2 === 0 ? "df" : "non-df");
      return packet;
    }
    packet.fill(0, 0, head);
    putRecordHead(packet, PIECE_HEAD_BYTES + OVERLAY_HEAD_BYTES, PEER, OWN, lie ?? frameBytes);
    superFrames.seal(packet, { at: PIECE_HEAD_BYTES, end, nowMs: 0 });
    const stride = end - PIECE_HEAD_BYTES;
    putPieceHead(packet, 0, { sender: PEER, number: number++ >>> 0, stride, index: 0, last: 0 });
    return packet;
  };
}

/** Sends `packets` hostile datagrams at an encrypted link, among them a genuine one now and then. Throws only if the receiver does. */
export function hostile({ packets, seed }: { packets: number; seed: number }): HostileResult {
  const random = makeRandom(seed);
  const { ingress, arena, counters, delivered } = makeReceiver(KEY.slice());
  const send = makeSender(KEY);
  const forge = makeSender(new Uint8Array(32).fill(7));
  const memory = makeMemory(65_536);
  const kinds: Record<string, number> = Object.fromEntries(KINDS.map((kind) => [kind, 0]));
  const deliver = (packet: Uint8Array): void => {
    memory.b.set(packet);
    ingress.datagram(memory, 0, packet.length, 9, 9);
    arena.reset();
  };
  const noise = (n: number): Buffer => Buffer.alloc(n).map(() => random(256)) as Buffer;

  function abuse(kind: (typeof KINDS)[number], genuine: Buffer, before: Buffer, gso: boolean): Buffer {
    const head = gso ? PIECE_HEAD_BYTES : 6;
    const copy = Buffer.from(genuine);
    switch (kind) {
      case "replayed":
        return copy;
      case "flipped": {
        for (let i = 0; i <= random(3); i++) flip(copy, head + random(copy.length - head), random(8));
        return copy.equals(genuine) ? noise(40) : copy;
      }
      case "cut":
        return copy.subarray(0, random(copy.length));
      case "extended":
        return Buffer.concat([copy, noise(1 + random(200))]);
      case "renamed":
        // Of a stranger, of ourselves, of nobody.
        put48(copy, 0, [0x0a0000000003 + random(9), OWN, 0][random(3)] as number);
        if (gso) flip(copy, 0, 0);
        return copy;
      case "otherKey":
        return forge(gso, 14 + random(200));
      case "noise": {
        const bytes = noise(random(300));
        if (bytes.length > 6) genuine.copy(bytes, 0, 0, Math.min(bytes.length, random(copy.length)) >> 1);
        return bytes;
      }
      case "spliced": {
        const half = head + random(Math.min(copy.length, before.length) - head);
        return Buffer.concat([copy.subarray(0, half), before.subarray(half)]);
      }
      case "outgrown": {
        const frame = 14 + random(200);
        return send(gso, frame, frame + 1 + random((gso ? 2 ** 32 : 2 ** 16) - frame - 1));
      }
    }
  }

  let genuine = 0;
  let sent = 0;
  let before = send(false, 100);
  while (sent < packets) {
    const gso = random(2) === 0;
    const packet = send(gso, 14 + random(random(20) === 0 ? 1_400 : 200));
    const at = random(ABUSES_PER_GENUINE);
    for (let i = 0; i < ABUSES_PER_GENUINE && sent < packets; i++) {
      if (i === at) {
        deliver(packet);
        genuine++;
      }
      const kind = KINDS[random(KINDS.length)] as (typeof KINDS)[number];
      if (i < at && !EARLY.has(kind)) continue;
      kinds[kind] = (kinds[kind] as number) + 1;
      deliver(abuse(kind, packet, before, gso));
      sent++;
    }
    before = packet;
  }
  const figures = counters.read();
  return { genuine, delivered: delivered(), hostile: sent, kinds, imbalance: imbalance(figures), counters: figures };
}

function flip(b: Uint8Array, at: number, bit: number): void {
  b[at] = (b[at] as number) ^ (1 << bit);
}
