import type { Ip } from "@weaved/ip";
import type { Packet } from "../../../src/testing/index.ts";

const IPV4 = 0x0800;
const IPV6 = 0x86dd;
const SYN = 2;

/** An Ethernet frame that opens a connection; `id` is found again in the same packet by {@link idOf}. */
export function frameOf(packet: Packet, to: Uint8Array, id: number, flags = SYN): Buffer {
  const payload = payloadOf(packet, flags);
  const { family } = packet.source.address;
  const header = family === 4 ? header4(packet, payload.length, id) : header6(packet, payload.length, id);
  const ethernet = Buffer.alloc(14);
  ethernet.set(to, 0);
  ethernet.set([2, 0, 0, 0, 0, 9], 6);
  ethernet.writeUInt16BE(family === 4 ? IPV4 : IPV6, 12);
  return Buffer.concat([ethernet, header, payload]);
}

/** The id of a frame; `undefined` for what the kernel sends on its own. */
export function idOf(frame: Buffer): number | undefined {
  const type = frame.readUInt16BE(12);
  if (type === IPV4) return frame.readUInt16BE(18);
  return type === IPV6 ? frame.readUInt32BE(14) & 0xfffff : undefined;
}

function header4({ source, destination, protocol }: Packet, length: number, id: number): Buffer {
  const header = Buffer.alloc(20);
  header.writeUInt8(0x45, 0);
  header.writeUInt16BE(20 + length, 2);
  header.writeUInt16BE(id, 4);
  header.writeUInt8(64, 8);
  header.writeUInt8(protocol, 9);
  header.set(bytes(source.address), 12);
  header.set(bytes(destination.address), 16);
  let sum = 0;
  for (let i = 0; i < 20; i += 2) sum += header.readUInt16BE(i);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  header.writeUInt16BE(~sum & 0xffff, 10);
  return header;
}

function header6({ source, destination, protocol }: Packet, length: number, id: number): Buffer {
  const header = Buffer.alloc(40);
  header.writeUInt32BE((0x60000000 | id) >>> 0, 0);
  header.writeUInt16BE(length, 4);
  header.writeUInt8(protocol, 6);
  header.writeUInt8(64, 7);
  header.set(bytes(source.address), 8);
  header.set(bytes(destination.address), 24);
  return header;
}

function payloadOf({ protocol, icmp, source, destination }: Packet, flags: number): Buffer {
  const payload = Buffer.alloc(32);
  if (icmp) {
    payload.writeUInt8(icmp.type, 0);
    payload.writeUInt8(icmp.code, 1);
    return payload;
  }
  payload.writeUInt16BE(source.port ?? 0, 0);
  payload.writeUInt16BE(destination.port ?? 0, 2);
  if (protocol === 6) payload.writeUInt16BE((5 << 12) | flags, 12);
  if (protocol === 17) payload.writeUInt16BE(32, 4);
  return payload;
}

function bytes(address: Ip): Uint8Array {
  return address.toBytes();
}
