import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { Ip } from "@weaved/ip";
import type { Lab } from "./lab.ts";
import { until } from "./lab.ts";

/** Frames by hand, as an attacker makes them. Only checksums that a bridge looks at are right. */

const program = fileURLToPath(new URL("./frame-socket.mjs", import.meta.url));
const bytesOf = (hex: string) => Buffer.from(hex.replaceAll(/[^0-9a-f]/gi, ""), "hex");
const u16 = (value: number) => Buffer.from([value >> 8, value & 255]);
const ipBytes = (address: string) => Buffer.from(Ip.parse(address).toBytes());

/** To all stations. */
export const broadcast = "ff:ff:ff:ff:ff:ff";

/** An Ethernet frame. */
export function ether(to: string, from: string, type: number, payload: Buffer): Buffer {
  return Buffer.concat([bytesOf(to), bytesOf(from), u16(type), payload]);
}

/** An ARP reply (or, from 0.0.0.0, a probe) that says: `address` is at `mac`. */
export function arp(mac: string, address: string, about: string = address): Buffer {
  const isProbe = address === "0.0.0.0";
  const head = bytesOf(`0001 0800 06 04 ${isProbe ? "0001" : "0002"}`);
  return ether(
    broadcast,
    mac,
    0x0806,
    Buffer.concat([head, bytesOf(mac), ipBytes(address), Buffer.alloc(6), ipBytes(about)]),
  );
}

/** An IPv4 packet; protocol 1 is ICMP, 17 is UDP. */
export function ipv4(mac: string, from: string, to: string, protocol: number, payload: Buffer): Buffer {
  const head = Buffer.concat([
    bytesOf("45 00"),
    u16(20 + payload.length),
    bytesOf("0000 0000 40"),
    Buffer.from([protocol]),
    bytesOf("0000"),
    ipBytes(from),
    ipBytes(to),
  ]);
  // With br_netfilter a bridge drops packets with a wrong one.
  head.writeUInt16BE(checksum(head), 10);
  return ether(broadcast, mac, 0x0800, Buffer.concat([head, payload]));
}

/** RFC 1071. */
function checksum(bytes: Buffer): number {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 2) sum += bytes.readUInt16BE(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return ~sum & 0xffff;
}

/** An IPv6 packet; next header 58 is ICMPv6, 17 is UDP. */
export function ipv6(mac: string, from: string, to: string, next: number, payload: Buffer): Buffer {
  const head = Buffer.concat([
    bytesOf("60000000"),
    u16(payload.length),
    Buffer.from([next, 255]),
    ipBytes(from),
    ipBytes(to),
  ]);
  return ether("33:33:00:00:00:01", mac, 0x86dd, Buffer.concat([head, payload]));
}

/** A UDP datagram. */
export function udp(from: number, to: number, text = "x"): Buffer {
  return Buffer.concat([u16(from), u16(to), u16(8 + text.length), u16(0), Buffer.from(text)]);
}

/** An ICMP or ICMPv6 message of a type; neighbour messages are about an address. */
export function icmp(type: number, about?: string): Buffer {
  return Buffer.concat([Buffer.from([type, 0, 0, 0, 0, 0, 0, 0]), about ? ipBytes(about) : Buffer.alloc(16)]);
}

/** Puts a frame behind a VLAN tag. */
export function tagged(frame: Buffer, vlan: number, ethertype = 0x8100): Buffer {
  return Buffer.concat([frame.subarray(0, 12), u16(ethertype), u16(vlan), frame.subarray(12)]);
}

/** A packet socket gets a tagged frame without its tag. */
function withoutTag(frame: Buffer): Buffer {
  const isTagged = [0x8100, 0x88a8].includes(frame.readUInt16BE(12));
  return isTagged ? Buffer.concat([frame.subarray(0, 12), frame.subarray(16)]) : frame;
}

/** Sends frames from one interface and looks which arrive at another. */
export interface Wire {
  /** Whether a frame arrives. A frame that must arrive follows it, so nothing waits for what does not come. */
  passes(frame: Buffer): Promise<boolean>;
}

/**
 * @param allowed - a frame that the rules let pass; its last two bytes are replaced by a number
 */
export async function openWire(
  lab: Lab,
  from: readonly [name: string, ifname: string],
  to: readonly [string, string],
  allowed: Buffer,
): Promise<Wire> {
  const listening = lab.start(to[0], process.execPath, program, "listen", to[1]);
  const sending = lab.start(from[0], process.execPath, program, "send", from[1]);
  let heard = "";
  for (const child of [listening, sending])
    child.on("exit", (code) => {
      if (code) throw new Error(`the frame socket ended with ${code}`);
    });
  listening.stdout!.setEncoding("utf8").on("data", (text: string) => (heard += text));
  await once(sending.stdout!, "data");
  await until("the listener is ready", () => heard.includes("ready"));
  let count = 0;
  return {
    async passes(frame) {
      heard = "";
      const sentinel = Buffer.concat([allowed.subarray(0, -2), u16(++count)]);
      sending.stdin!.write(`${frame.toString("hex")}\n${sentinel.toString("hex")}\n`);
      await until("the sentinel arrives", () => heard.includes(sentinel.toString("hex")));
      return heard.includes(withoutTag(frame).toString("hex"));
    },
  };
}
