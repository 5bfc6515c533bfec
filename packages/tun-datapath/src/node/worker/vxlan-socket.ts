import { get16, get48, put16, put48 } from "../../bytes.ts";
import { ETHERNET_BYTES } from "../../ethernet.ts";
import type { PeerName } from "../../types.ts";
import { libc, must } from "../linux/libc.ts";
import { attachFilter, JUMP_IF_EQUAL, LOAD_HALF, TAKE } from "../linux/packet-filter.ts";

/** Local experimental Ethernet type (IEEE 802): heartbeats in the tunnel, so that no host takes them for traffic. */
export const TYPE_HEARTBEAT = 0x88b5;
/** Where a heartbeat has the sender's name: its Ethernet address lost the group bit. */
export const HEARTBEAT_NAME_AT: number = ETHERNET_BYTES + 10;
const AF_PACKET = 17;
const ETH_P_ALL = 3;
const SOL_PACKET = 263;
const PACKET_IGNORE_OUTGOING = 23;
const SOCK_RAW_FLAGS = 3 | 0o4000 | 0o2000000;

/** Puts heartbeats into the kernel's VXLAN device, takes them out. */
export interface VxlanSocket {
  readonly fd: number;
  /** Sends an internal frame towards a peer: the device's forwarding entry for the peer's tunnel address leads there. */
  send(peer: PeerName, frame: Uint8Array): void;
  /** Takes what is there. The frame handed over has its Ethernet header zeroed, as internal frames have. */
  receive(onFrame: (peer: PeerName, b: Uint8Array, at: number, length: number) => void): void;
  close(): void;
}

/** The Ethernet address of a peer inside the tunnel: its name, made a local unicast address. */
export function tunnelMac(peer: PeerName): number {
  const first = Math.floor(peer / 0x010000000000);
  return ((first & 0xfe) | 0x02) * 0x010000000000 + (peer % 0x010000000000);
}

/** Opens a packet socket on the VXLAN device for heartbeats alone. @throws DatapathError DATAPATH_SYSCALL */
export function openVxlanPort(device: string, name: PeerName): VxlanSocket {
  const c = libc();
  // Protocol 0 at first: nothing is queued before the socket has its filter, its device.
  const fd = must(c.socket(AF_PACKET, SOCK_RAW_FLAGS, 0), "socket AF_PACKET");
  const address = Buffer.alloc(20);
  address.writeUInt16LE(AF_PACKET, 0);
  // A bridge takes frames of its ports before handlers of one type see them; only handlers of all types come first.
  address.writeUInt16BE(ETH_P_ALL, 2);
  attachFilter(fd, [
    [LOAD_HALF, 0, 0, 12],
    [JUMP_IF_EQUAL, 0, 1, TYPE_HEARTBEAT],
    [TAKE, 0, 0, 0xffff],
    [TAKE, 0, 0, 0],
  ]);
  // Without it the kernel would clone every frame it sends, only for the filter to refuse it. Since Linux 4.20; may fail.
  c.setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, Buffer.from(Int32Array.of(1).buffer), 4);
  address.writeInt32LE(c.ifIndex(device), 4);
  if (c.bind(fd, address, 20) < 0) {
    c.close(fd);
    must(-1, `bind AF_PACKET ${device}`);
  }
  const memory = Buffer.alloc(65_600);
  const own = tunnelMac(name);
  return {
    fd,
    send(peer, frame) {
      memory.set(frame);
      put48(memory, 0, tunnelMac(peer));
      put48(memory, 6, own);
      put16(memory, 12, TYPE_HEARTBEAT);
      put48(memory, HEARTBEAT_NAME_AT, name);
      c.write(fd, memory.subarray(0, frame.length), frame.length);
    },
    receive(onFrame) {
      for (let i = 0; i < 64; i++) {
        const n = c.read(fd, memory, memory.length);
        if (n < ETHERNET_BYTES + 16) return;
        // Older kernels show our own packets, too.
        if (get48(memory, 6) === own || get16(memory, 12) !== TYPE_HEARTBEAT) continue;
        onFrame(get48(memory, HEARTBEAT_NAME_AT), memory, 0, n);
      }
    },
    close: () => void c.close(fd),
  };
}
