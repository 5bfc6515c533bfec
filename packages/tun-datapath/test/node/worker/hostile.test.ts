import { PacketSealer } from "@weaved/sleeve-crypto";
import { defaultProvider } from "@weaved/sleeve-crypto/node";
import { describe, expect, it } from "vitest";
import { put48 } from "../../../src/bytes.ts";
import { imbalance } from "../../../src/counters.ts";
import { PIECE_HEAD_BYTES, putPieceHead } from "../../../src/gso-wire.ts";
import { makeMemory } from "../../../src/node/worker/memory.ts";
import { hostile } from "../../support/hostile.ts";
import { KEY, makeRandom, makeReceiver, OWN, PEER, PEER_AT } from "../../support/receiver.ts";

/** Ten million of them: `npm run bench hostile`. */
const PACKETS = 20_000;

describe("packets that a stranger made", () => {
  it("deliver nothing over an encrypted link", () => {
    const random = makeRandom(1);
    const { ingress, arena, counters, delivered } = makeReceiver(KEY.slice());
    const memory = makeMemory(65_536);
    const senderName = new Uint8Array(6);
    put48(senderName, 0, PEER);
    const genuine = Buffer.alloc(600);
    // Encrypted under the wrong key by the right name: all that a forger without the password can do.
    new PacketSealer(defaultProvider(), { key: new Uint8Array(32), senderOutbound: true, senderName }).seal(
      genuine,
      600,
      "df",
    );
    for (let i = 0; i < PACKETS; i++) {
      const length = random(10) === 0 ? random(2_000) : random(120);
      for (let k = 0; k < length; k++) memory.b[k] = random(256);
      const kind = random(4);
      if (kind === 1) put48(memory.b, 0, PEER);
      if (kind === 2 && length > PIECE_HEAD_BYTES) {
        const last = random(3);
        putPieceHead(memory.b, 0, {
          sender: PEER,
          number: random(4),
          stride: length - PIECE_HEAD_BYTES,
          index: random(last + 1),
          last,
        });
      }
      if (kind === 3) genuine.copy(memory.b);
      ingress.datagram(memory, 0, kind === 3 ? random(601) : length, 9, 9);
      arena.reset();
    }
    expect(delivered()).toBe(0);
    expect(counters.read().packetsIn).toBe(PACKETS);
  });

  it("end nothing on a plaintext link, and every frame is accounted for", () => {
    const random = makeRandom(2);
    const { ingress, arena, counters } = makeReceiver(undefined);
    const memory = makeMemory(65_536);
    for (let i = 0; i < PACKETS; i++) {
      const length = random(200);
      for (let k = 0; k < length; k++) memory.b[k] = random(4) === 0 ? random(256) : 0;
      put48(memory.b, 0, PEER);
      if (random(2) === 0) putPieceHead(memory.b, 0, { sender: PEER, number: i, stride: 2_000, index: 0, last: 0 });
      const frames = (memory.b[0] as number) & 1 ? PIECE_HEAD_BYTES : 6;
      if (random(2) === 0) put48(memory.b, frames, PEER);
      if (random(2) === 0) put48(memory.b, frames + 6, random(2) === 0 ? OWN : PEER);
      if (random(2) === 0) memory.b.writeUInt32BE(Math.max(0, length - frames - 26), frames + 12);
      if (random(2) === 0) memory.b.writeUInt16BE(random(1_000) * 65, frames + 12);
      ingress.datagram(memory, 0, length, PEER_AT.address, PEER_AT.port);
      arena.reset();
    }
    expect(counters.read().overlayIn).toBeGreaterThan(PACKETS / 20);
    expect(imbalance(counters.read())).toBe(0);
  });

  it("deliver nothing when they are made from genuine ones, all of which arrive", () => {
    const result = hostile({ packets: PACKETS, seed: 3 });
    expect(result.delivered).toBe(result.genuine);
    expect(result.genuine).toBeGreaterThan(PACKETS / 100);
    for (const count of Object.values(result.kinds)) expect(count).toBeGreaterThan(PACKETS / 50);
    expect(result.imbalance).toBe(0);
  });
});
