import { describe, expect, it } from "vitest";
import { putArpIsAt } from "../../../src/arp.ts";
import { put16, put32, put48 } from "../../../src/bytes.ts";
import { imbalance } from "../../../src/counters.ts";
import { HEADROOM, makeMemory } from "../../../src/node/worker/memory.ts";
import { FRAME_HEAD_BYTES, putFrameHead } from "../../../src/sleeve-packet.ts";
import { encodeHeartbeat } from "../../../src/special.ts";
import { makeReceiver, OWN, PEER } from "../../support/receiver.ts";

const ROUTER = 0x020000000099;
/** A container here, one at the neighbour, everybody. */
const HERE = { ip: 0x0a20_0001, mac: 0x020000000001 };
const THERE = { ip: 0x0a20_8001, mac: 0x020000000002 };
const BROADCAST = 0xffffffffffff;
const OWNED = [
  { start: 0x0a20_0000, end: 0x0a20_8000, peer: OWN },
  { start: 0x0a20_8000, end: 0x0a21_0000, peer: PEER },
];

function start() {
  const macs: [number, number][] = [];
  const onMac = (mac: number, peer: number) => void macs.push([mac, peer]);
  const receiver = makeReceiver(undefined, true, { ownedOnly: true, routerMac: ROUTER, onMac });
  const { switching, ingress, egress, arena } = receiver;
  const memory = makeMemory(65_536);
  const receive = (frame: Uint8Array): void => {
    put48(memory.b, 0, PEER);
    putFrameHead(memory.b, 6, PEER, OWN, frame.length);
    memory.b.set(frame, 6 + FRAME_HEAD_BYTES);
    ingress.datagram(memory, 0, 6 + FRAME_HEAD_BYTES + frame.length, 9, 9);
  };
  const capture = (frame: Uint8Array): void => {
    const at = arena.take(HEADROOM + frame.length) + HEADROOM;
    arena.memory.b.fill(0, at - 10, at);
    arena.memory.b.set(frame, at);
    switching.captured(at - 10, at, frame.length);
    egress.flush();
  };
  // Tells where the neighbour is.
  receive(encodeHeartbeat(5n));
  switching.setOwners(OWNED);
  return { ...receiver, macs, receive, capture };
}

type End = typeof HERE;

function packet(from: End, to: End): Uint8Array {
  const frame = new Uint8Array(64);
  put48(frame, 0, to.mac);
  put48(frame, 6, from.mac);
  put16(frame, 12, 0x0800);
  frame.set([0x45, 0, 0, 50], 14);
  put32(frame, 26, from.ip);
  put32(frame, 30, to.ip);
  return frame;
}

/** Who has `ip`? */
function question(from: End, ip: number): Uint8Array {
  const frame = new Uint8Array(42);
  putArpIsAt(frame, 0, from, { ip, mac: 0 });
  put48(frame, 0, BROADCAST);
  put16(frame, 20, 1);
  return frame;
}

function isAt(address: End, to: End): Buffer {
  const frame = Buffer.alloc(42);
  putArpIsAt(frame, 0, address, to);
  return frame;
}

describe("a data path for owned addresses only", () => {
  it("asks the owner of an address, and asks no peer about other addresses", () => {
    const { capture, counters, toPeer } = start();
    capture(question(HERE, THERE.ip));
    expect(toPeer).toHaveLength(1);
    capture(question(HERE, 0x0a40_0001));
    capture(packet(HERE, { ip: 0xe000_0001, mac: 0x01005e000001 }));
    expect(toPeer).toHaveLength(1);
    const { dropNotOwned, flooded } = counters.read();
    expect({ dropNotOwned, flooded, imbalance: imbalance(counters.read()) }).toEqual({
      dropNotOwned: 2,
      flooded: 0,
      imbalance: 0,
    });
  });

  it("carries packets to the owner, and answers to a MAC that it has heard", () => {
    const { capture, receive, toPeer, toTap } = start();
    capture(packet(HERE, THERE));
    expect(toPeer).toHaveLength(1);
    receive(packet(THERE, HERE));
    capture(packet(HERE, THERE));
    expect(toPeer).toHaveLength(2);
    expect(toTap).toEqual([Buffer.from(packet(THERE, HERE))]);
  });

  it("withdraws MACs when owners change, and corrects late senders by ARP once a second", () => {
    const { capture, receive, macs, counters, toPeer, toTap, switching } = start();
    receive(packet(THERE, HERE));
    capture(packet(HERE, THERE));
    expect(macs).toContainEqual([THERE.mac, PEER]);
    switching.setOwners(OWNED);
    expect(macs).not.toContainEqual([THERE.mac, 0]);
    switching.setOwners(OWNED.slice(0, 1));
    expect(macs).toContainEqual([THERE.mac, 0]);
    capture(packet(HERE, THERE));
    capture(packet(HERE, THERE));
    expect(toPeer).toHaveLength(1);
    expect(toTap.slice(1)).toEqual([isAt({ ip: THERE.ip, mac: ROUTER }, HERE)]);
    expect(counters.read().dropNotOwned).toBe(2);
    expect(imbalance(counters.read())).toBe(0);
  });
});
