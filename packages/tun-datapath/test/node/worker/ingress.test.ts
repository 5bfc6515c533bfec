import { describe, expect, it } from "vitest";
import { PIECE_HEAD_BYTES, putPieceHead } from "../../../src/gso-wire.ts";
import { makeMemory } from "../../../src/node/worker/memory.ts";
import { encodeHeartbeat } from "../../../src/special.ts";
import { KEY, makeRandom, makeReceiver, PEER, PEER_AT, UID } from "../../support/receiver.ts";
import { makeFrame, makeSender } from "../../support/sender.ts";

const [ELSEWHERE, STRANGER] = [
  { address: 0x0a630009, port: 6783 },
  { address: 0xcb007101, port: 5_000 },
];
/** Odd: no beginning of a count that a stranger would guess. */
const FIRST_NUMBER = 0xfffffff0;

function setUp(key: Uint8Array | undefined) {
  const receiver = makeReceiver(key?.slice(), true);
  const memory = makeMemory(65_536);
  const deliver = (packet: Uint8Array, from: { address: number; port: number }): void => {
    memory.b.set(packet);
    receiver.ingress.datagram(memory, 0, packet.length, from.address, from.port);
    receiver.arena.reset();
  };
  return { ...receiver, deliver, sender: makeSender(key, FIRST_NUMBER) };
}

/** Pieces that a stranger makes up, of any number. */
function forgePiece(random: (n: number) => number): Buffer {
  const last = 1 + random(40);
  const stride = 1 + random(1_400);
  const piece = Buffer.alloc(PIECE_HEAD_BYTES + stride, random(256));
  putPieceHead(piece, 0, { sender: PEER, number: random(2 ** 32), stride, index: random(last), last });
  return piece;
}

describe("packets of a plaintext link", () => {
  const overlays = (sender: ReturnType<typeof makeSender>): [string, Buffer[]][] => [
    ["sleeve", [sender.sleeve(makeFrame(100))]],
    ["sleeve-gso", sender.superFrame(makeFrame(100), 2_000)],
    ["sleeve-gso in pieces", sender.superFrame(makeFrame(1_400), 300)],
  ];

  it("are taken from the address of the link, and from no other", () => {
    const { deliver, delivered, counters, sender } = setUp(undefined);
    for (let i = 0; i < 1_000; i++)
      for (const [, packets] of overlays(sender))
        for (const packet of packets) deliver(packet, i % 2 ? ELSEWHERE : STRANGER);
    expect(delivered()).toBe(0);
    expect(counters.read().packetForeign).toBe(7_000);
    for (const [, packets] of overlays(sender)) for (const packet of packets) deliver(packet, PEER_AT);
    expect(delivered()).toBe(3);
  });

  it("are taken from another address once a heartbeat that names the connection came from there", () => {
    const { deliver, delivered, sender } = setUp(undefined);
    deliver(sender.sleeve(encodeHeartbeat(UID + 1n)), ELSEWHERE);
    for (const [, packets] of overlays(sender)) for (const packet of packets) deliver(packet, ELSEWHERE);
    expect(delivered()).toBe(0);
    deliver(sender.sleeve(encodeHeartbeat(UID)), ELSEWHERE);
    for (const [, packets] of overlays(sender)) for (const packet of packets) deliver(packet, ELSEWHERE);
    expect(delivered()).toBe(3);
  });

  it("hide no frame behind a heartbeat that comes from another address", () => {
    const { deliver, delivered, sender } = setUp(undefined);
    const heartbeat = sender.sleeve(encodeHeartbeat(UID + 1n));
    deliver(Buffer.concat([heartbeat, sender.sleeve(makeFrame(100)).subarray(6)]), ELSEWHERE);
    expect(delivered()).toBe(0);
  });
});

describe("super-frames of an encrypted link", () => {
  it.each([
    ["other addresses", STRANGER],
    ["the address of the link itself", PEER_AT],
  ])("all arrive while a stranger sends forged pieces from %s", (_title, from) => {
    const random = makeRandom(7);
    const { deliver, delivered, sender } = setUp(KEY);
    // The first one tells the receiver how the neighbour counts.
    for (const piece of sender.superFrame(makeFrame(100), 2_000)) deliver(piece, PEER_AT);
    for (let i = 0; i < 500; i++) {
      for (const piece of sender.superFrame(makeFrame(1_400), 100)) {
        deliver(piece, PEER_AT);
        deliver(forgePiece(random), from);
      }
    }
    expect(delivered()).toBe(501);
  });

  it("follow the neighbour to another address with its first packet that opens", () => {
    const { deliver, delivered, sender } = setUp(KEY);
    for (const piece of sender.superFrame(makeFrame(1_400), 100)) deliver(piece, ELSEWHERE);
    expect(delivered()).toBe(0);
    deliver(sender.sleeve(makeFrame(100)), ELSEWHERE);
    for (const piece of sender.superFrame(makeFrame(1_400), 100)) deliver(piece, ELSEWHERE);
    expect(delivered()).toBe(2);
  });

  it("cost no more to refuse when the epoch is forged than forged packets of sleeve do", () => {
    const { deliver, counters, sender } = setUp(KEY);
    const genuine = sender.superFrame(makeFrame(600), 2_000)[0] as Buffer;
    deliver(genuine, PEER_AT);
    const random = makeRandom(9);
    const sleeve = Buffer.from(sender.sleeve(makeFrame(600)));
    sleeve[60] = (sleeve[60] as number) ^ 1;
    const cpuOf = (act: () => void): number => {
      const before = process.cpuUsage();
      for (let i = 0; i < 20_000; i++) act();
      const { user, system } = process.cpuUsage(before);
      return user + system;
    };
    const forgedEpoch = (): void => {
      genuine.writeUInt32BE(random(2 ** 32), PIECE_HEAD_BYTES);
      deliver(genuine, STRANGER);
    };
    // Once to warm up, then measured.
    for (const act of [forgedEpoch, () => deliver(sleeve, STRANGER)]) cpuOf(act);
    const [epochs, packets] = [cpuOf(forgedEpoch), cpuOf(() => deliver(sleeve, STRANGER))];
    console.log(
      `20,000 forged: epochs ${Math.round(epochs / 1_000)} ms, sleeve packets ${Math.round(packets / 1_000)} ms of CPU`,
    );
    expect(epochs).toBeLessThan(packets * 1.5);
    expect(counters.read().packetForged).toBeGreaterThanOrEqual(40_000);
  });
});
