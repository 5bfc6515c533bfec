import { PacketSealer } from "@weaved/sleeve-crypto";
import { defaultProvider } from "@weaved/sleeve-crypto/node";
import { describe, expect, it } from "vitest";
import { put48 } from "../src/bytes.ts";
import { Counters, imbalance } from "../src/counters.ts";
import { PIECE_HEAD_BYTES, putPieceHead } from "../src/gso-wire.ts";
import { Egress } from "../src/node/worker/egress.ts";
import { Ingress } from "../src/node/worker/ingress.ts";
import type { Link } from "../src/node/worker/link.ts";
import { Links } from "../src/node/worker/links.ts";
import { Arena, makeMemory } from "../src/node/worker/memory.ts";
import { Switching } from "../src/node/worker/switching.ts";
import type { Transmitter } from "../src/node/worker/transmitter.ts";
import type { PeerName } from "../src/types.ts";

/** More by environment: FUZZ_PACKETS=10000000. */
const PACKETS = Number(process.env.FUZZ_PACKETS ?? 20_000);
const OWN = 0x0a0000000001;
const PEER = 0x0a0000000002;
const KEY = new Uint8Array(32).map((_, i) => i);

/** Small generator with a seed, so that a failure can be repeated. */
function makeRandom(seed: number): (n: number) => number {
  let state = seed >>> 0;
  return (n) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
}

/** The receiving half with everything but sockets. */
function makeReceiver(sessionKey: Uint8Array | undefined): {
  ingress: Ingress;
  counters: Counters;
  arena: Arena;
  delivered: () => number;
} {
  const arena = new Arena(16 << 20);
  const counters = new Counters();
  const links = new Map<PeerName, Link>();
  let delivered = 0;
  let sent = 0;
  const out = {
    packet(...[, , , frames]: Parameters<Transmitter["packet"]>) {
      sent += frames;
      counters.add("overlayOut", frames);
    },
    flush() {},
  } as unknown as Transmitter;
  const inject = (): boolean => {
    delivered++;
    return true;
  };
  const switching = new Switching({ name: OWN, arena, counters, links, now: () => 0, inject, onMac() {} });
  const egress = new Egress({
    name: OWN,
    arena,
    counters,
    df: out,
    nonDf: out,
    now: () => 0,
    feedBack: (...a) => switching.feedBack(...a),
  });
  switching.connect(egress);
  switching.setRoutes({
    unicast: new Map([
      [OWN, 0],
      [PEER, PEER],
    ]),
    broadcast: new Map([[PEER, []]]),
  });
  const all = new Links({ name: OWN, mtu: 1376, byPeer: links, egress, now: () => 0, post() {}, sendVxlan() {} });
  all.prepare({
    id: 1,
    peer: PEER,
    uid: 5n,
    outbound: false,
    remote: { address: 1, port: 1 },
    common: ["sleeve-gso", "sleeve"],
    aead: "aes-256-gcm",
    gsoReason: "",
    vxlanReason: "",
    ...(sessionKey ? { sessionKey } : {}),
  });
  all.confirm(1);
  const ingress = new Ingress({ name: OWN, counters, links, switching, now: () => 0 });
  return { ingress, counters, arena, delivered: () => delivered + sent };
}

describe("hostile packets", () => {
  it("on a sealed link deliver nothing, harm nothing", () => {
    const random = makeRandom(1);
    const { ingress, arena, counters, delivered } = makeReceiver(KEY.slice());
    const memory = makeMemory(65_536);
    const senderName = new Uint8Array(6);
    put48(senderName, 0, PEER);
    const genuine = Buffer.alloc(600);
    // Sealed by the right name with the wrong key: what a forger without the password can do.
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

  it("on a clear link are never fatal, and every frame is accounted for", () => {
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
      ingress.datagram(memory, 0, length, 9, 9);
      arena.reset();
    }
    expect(imbalance(counters.read())).toBe(0);
  });
});
