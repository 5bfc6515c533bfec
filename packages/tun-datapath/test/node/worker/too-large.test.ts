import { describe, expect, it } from "vitest";
import { get16, get32, put16, put48 } from "../../../src/bytes.ts";
import { addWords, checksum, fold, putIpv4Checksum } from "../../../src/checksum.ts";
import { imbalance } from "../../../src/counters.ts";
import { makeMemory } from "../../../src/node/worker/memory.ts";
import { FRAME_HEAD_BYTES, putFrameHead } from "../../../src/sleeve-packet.ts";
import { encodeHeartbeat } from "../../../src/special.ts";
import { makeReceiver, OWN, PEER } from "../../support/receiver.ts";

/** MTU of the receiver's ports. */
const MTU = 1500;
const HEADS = 6 + FRAME_HEAD_BYTES;
const DF = 0x4000;

/** What the receiver does with a frame of its neighbour. */
function receive(frame: Uint8Array) {
  const { ingress, egress, counters, toTap, toPeer } = makeReceiver(undefined, true);
  const memory = makeMemory(65_536);
  const send = (bytes: Uint8Array): void => {
    put48(memory.b, 0, PEER);
    putFrameHead(memory.b, 6, PEER, OWN, bytes.length);
    memory.b.set(bytes, HEADS);
    ingress.datagram(memory, 0, HEADS + bytes.length, 9, 9);
  };
  // Tells where the neighbour is: before that nothing can be answered.
  send(encodeHeartbeat(5n));
  send(frame);
  egress.flush();
  return { toTap, toPeer, counters: counters.read() };
}

function ethernet(bytes: number, type: number): Uint8Array {
  const frame = new Uint8Array(14 + bytes).map((_, i) => i);
  put48(frame, 0, 0x020000000001);
  put48(frame, 6, 0x020000000002);
  put16(frame, 12, type);
  return frame;
}

function ipv4(bytes: number, flags: number): Uint8Array {
  const frame = ethernet(bytes, 0x0800);
  frame.set([0x45, 0, bytes >> 8, bytes & 255, 0, 7, flags >> 8, 0, 64, 17, 0, 0, 10, 32, 0, 2, 10, 32, 0, 1], 14);
  putIpv4Checksum(frame, 14, 20);
  return frame;
}

function ipv6(bytes: number, next: number): Uint8Array {
  const frame = ethernet(bytes, 0x86dd);
  frame.set([0x60, 0, 0, 0, (bytes - 40) >> 8, (bytes - 40) & 255, next, 64], 14);
  return frame;
}

describe("a frame that the ports of this host cannot take", () => {
  it("is let through up to the MTU, a VLAN tag not counted", () => {
    const tagged = ethernet(MTU + 4, 0x8100);
    for (const frame of [ipv4(MTU, DF), tagged]) expect(receive(frame).toTap).toEqual([Buffer.from(frame)]);
  });

  it("is cut when IPv4 allows it", () => {
    const { toTap, toPeer, counters } = receive(ipv4(4_000, 0));
    expect(toTap.map((piece) => piece.length - 34)).toEqual([1_480, 1_480, 1_020]);
    expect(toTap.every((piece) => checksum(piece, 14, 34) === 0)).toBe(true);
    expect({ toPeer, imbalance: imbalance(counters) }).toEqual({ toPeer: [], imbalance: 0 });
  });

  it('is answered with "fragmentation needed" when it must not be cut', () => {
    const frame = ipv4(4_000, DF);
    const { toTap, toPeer, counters } = receive(frame);
    const answer = (toPeer[0] as Buffer).subarray(HEADS);
    expect({ toTap, imbalance: imbalance(counters), dropped: counters.dropTooBig }).toEqual({
      toTap: [],
      imbalance: 0,
      dropped: 1,
    });
    expect([...answer.subarray(34, 36)]).toEqual([3, 4]);
    expect(get16(answer, 40)).toBe(MTU);
    expect(checksum(answer, 34, answer.length)).toBe(0);
    expect(Buffer.compare(answer.subarray(42), frame.subarray(14, 42))).toBe(0);
  });

  it('is answered with "packet too big" when it is IPv6', () => {
    const frame = ipv6(4_000, 17);
    const { toTap, toPeer, counters } = receive(frame);
    const answer = (toPeer[0] as Buffer).subarray(HEADS);
    expect({ toTap, imbalance: imbalance(counters) }).toEqual({ toTap: [], imbalance: 0 });
    expect(answer.length).toBe(14 + 1_280);
    expect([...answer.subarray(54, 56)]).toEqual([2, 0]);
    expect(get32(answer, 58)).toBe(MTU);
    // To the sender, from the receiver.
    expect(Buffer.compare(answer.subarray(38, 54), frame.subarray(22, 38))).toBe(0);
    expect(Buffer.compare(answer.subarray(22, 38), frame.subarray(38, 54))).toBe(0);
    expect(fold(addWords(answer, 54, answer.length, addWords(answer, 22, 54, answer.length - 54 + 58)))).toBe(0xffff);
    expect(Buffer.compare(answer.subarray(62), frame.subarray(14, 14 + 1_232))).toBe(0);
  });

  it("is dropped in silence when it is neither, went to a group, or is an error itself", () => {
    const toGroup = ipv4(4_000, DF);
    toGroup[0] = 1;
    const error = ipv6(4_000, 58);
    error[54] = 2;
    for (const frame of [ethernet(4_000, 0x88cc), toGroup, error]) {
      const { toTap, toPeer, counters } = receive(frame);
      expect({ toTap, toPeer, imbalance: imbalance(counters) }).toEqual({ toTap: [], toPeer: [], imbalance: 0 });
      expect(counters.dropTooBig).toBe(1);
    }
  });
});
