import { get32, get48 } from "../../bytes.ts";
import type { PeerName } from "../../types.ts";
import { libc, must } from "../linux/libc.ts";
import {
  attachFilter,
  JUMP_IF_EQUAL,
  JUMP_IF_SET,
  LOAD_BYTE,
  LOAD_HALF,
  LOAD_HALF_AT,
  SKIP_IPV4_HEADER,
  TAKE,
} from "../linux/packet-filter.ts";
import { HEARTBEAT_NAME_AT, TYPE_HEARTBEAT } from "./vxlan-socket.ts";

const AF_PACKET = 17;
const ETH_P_IP = 0x0800;
/** Packets from their IP header on, non-blocking, close-on-exec. */
const SOCK_DGRAM_FLAGS = 2 | 0o4000 | 0o2000000;
const PROTOCOL_UDP = 17;
/** UDP header, VXLAN header, Ethernet header of the frame inside. */
const INNER_AT: number = 8 + 8;
const INNER_TYPE_AT: number = INNER_AT + 12;
const SEEN_BYTES = 128;

/** A heartbeat in the tunnel, as it is on the underlay. */
export type OnTunnelHeartbeat = (peer: PeerName, source: number, b: Uint8Array, frame: number, length: number) => void;

/**
 * Hears heartbeats of the tunnel as they come from the underlay, before the source filter: only there is the address of their sender
 * to be seen. It may differ from the address of the link, on a host with two network cards for instance, and the filter must admit it.
 */
export interface TunnelSources {
  readonly fd: number;
  receive(onHeartbeat: OnTunnelHeartbeat): void;
  close(): void;
}

/** Opens the socket. @throws DatapathError DATAPATH_SYSCALL */
export function openTunnelSources(port: number): TunnelSources {
  const c = libc();
  const fd = must(c.socket(AF_PACKET, SOCK_DGRAM_FLAGS, 0), "socket AF_PACKET");
  try {
    attachFilter(fd, [
      [LOAD_BYTE, 0, 0, 9],
      [JUMP_IF_EQUAL, 0, 8, PROTOCOL_UDP],
      [LOAD_HALF, 0, 0, 6],
      // A later fragment has no ports.
      [JUMP_IF_SET, 6, 0, 0x1fff],
      [SKIP_IPV4_HEADER, 0, 0, 0],
      [LOAD_HALF_AT, 0, 0, 2],
      [JUMP_IF_EQUAL, 0, 3, port],
      [LOAD_HALF_AT, 0, 0, INNER_TYPE_AT],
      [JUMP_IF_EQUAL, 0, 1, TYPE_HEARTBEAT],
      [TAKE, 0, 0, SEEN_BYTES],
      [TAKE, 0, 0, 0],
    ]);
    // Bound to no device: whichever network card the heartbeats come by. Nothing was queued before, for want of a protocol.
    const address = Buffer.alloc(20);
    address.writeUInt16LE(AF_PACKET, 0);
    address.writeUInt16BE(ETH_P_IP, 2);
    must(c.bind(fd, address, 20), "bind AF_PACKET");
  } catch (error) {
    c.close(fd);
    throw error;
  }
  const memory = Buffer.alloc(SEEN_BYTES);
  return {
    fd,
    receive(onHeartbeat) {
      for (let i = 0; i < 64; i++) {
        const n = c.read(fd, memory, SEEN_BYTES);
        if (n < 0) return;
        const frame = ((memory[0] as number) & 15) * 4 + INNER_AT;
        if (frame + HEARTBEAT_NAME_AT + 6 > n) continue;
        onHeartbeat(get48(memory, frame + HEARTBEAT_NAME_AT), get32(memory, 12), memory, frame, n - frame);
      }
    },
    close: () => void c.close(fd),
  };
}
