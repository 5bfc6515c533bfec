/** Packets as an attacker makes them, byte by byte. */

/** EtherType for local experiments (IEEE 802): nothing but these tests sends it, so seeing it means that a forgery arrived. */
export const markerType = 0x88b5;

/** An Ethernet frame. */
export function ethernet(to: string, from: string, type: number, payload: Uint8Array): Buffer {
  const head = Buffer.from(`${to}${from}`.replaceAll(":", ""), "hex");
  return Buffer.concat([head, Buffer.from([type >> 8, type & 0xff]), payload]);
}

/** A broadcast frame that no protocol uses, to be looked for in containers. */
export function marker(from = "02:00:00:00:be:ef"): Buffer {
  return ethernet("ff:ff:ff:ff:ff:ff", from, markerType, Buffer.alloc(46, "forged "));
}

/** Where an IPv4 packet with UDP comes from and goes to. */
export interface UdpRoute {
  readonly from: string;
  readonly fromPort: number;
  readonly to: string;
  readonly toPort: number;
}

/** An IPv4 packet with UDP; without a UDP checksum, which IPv4 allows. */
export function udpPacket({ from, fromPort, to, toPort }: UdpRoute, payload: Uint8Array): Buffer {
  const head = Buffer.alloc(28);
  head.writeUInt8(0x45, 0);
  head.writeUInt16BE(head.length + payload.length, 2);
  head.writeUInt8(64, 8);
  head.writeUInt8(17, 9);
  for (const [at, address] of [from, to].entries()) Buffer.from(address.split(".").map(Number)).copy(head, 12 + 4 * at);
  let sum = 0;
  for (let at = 0; at < 20; at += 2) sum += head.readUInt16BE(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  head.writeUInt16BE(~sum & 0xffff, 10);
  head.writeUInt16BE(fromPort, 20);
  head.writeUInt16BE(toPort, 22);
  head.writeUInt16BE(8 + payload.length, 24);
  return Buffer.concat([head, payload]);
}

/** Who claims to be whom in an ARP reply. */
export interface ArpClaim {
  readonly senderMac: string;
  readonly sender: string;
  readonly targetMac: string;
  readonly target: string;
}

/** An ARP reply for IPv4 over Ethernet (RFC 826). */
export function arpReply({ senderMac, sender, targetMac, target }: ArpClaim): Buffer {
  const mac = (text: string) => Buffer.from(text.replaceAll(":", ""), "hex");
  const ip = (text: string) => Buffer.from(text.split(".").map(Number));
  const head = Buffer.from([0, 1, 8, 0, 6, 4, 0, 2]);
  return Buffer.concat([head, mac(senderMac), ip(sender), mac(targetMac), ip(target)]);
}

/** A peer name as sleeve carries it. */
const nameBytes = (name: string): Buffer => Buffer.from(name.replaceAll(":", ""), "hex");

/** A plaintext sleeve packet with one frame (docs/protocol/overlay.md#12.1). */
export function sleevePacket(sender: string, source: string, destination: string, frame: Uint8Array): Buffer {
  const length = Buffer.from([frame.length >> 8, frame.length & 0xff]);
  return Buffer.concat([nameBytes(sender), nameBytes(source), nameBytes(destination), length, frame]);
}

/** A VXLAN packet's payload (RFC 7348). */
export function vxlanPacket(vni: number, frame: Uint8Array): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt8(0x08, 0);
  head.writeUIntBE(vni, 4, 3);
  return Buffer.concat([head, frame]);
}

/** A DNS question for an A record. */
export function dnsQuestion(name: string, id: number): Buffer {
  const labels = name.split(".").flatMap((label) => [Buffer.from([label.length]), Buffer.from(label)]);
  const head = Buffer.from([id >> 8, id & 0xff, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
  return Buffer.concat([head, ...labels, Buffer.from([0, 0, 1, 0, 1])]);
}
