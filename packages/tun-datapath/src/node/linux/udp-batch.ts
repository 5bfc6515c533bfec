import { formatIpv4, parseIpv4 } from "../../bytes.ts";
import { DatapathError } from "../../errors.ts";
import { libc } from "./libc.ts";
import { Messages } from "./messages.ts";
import { PollSet } from "./poll.ts";
import { putSockaddr, sockaddrAddress, sockaddrPort } from "./sockaddr.ts";
import { openUdpSocket } from "./socket.ts";

/** How a batched UDP socket is opened. */
export interface UdpBatchOptions {
  /** Dotted decimal. */
  readonly address: string;
  /** 0 lets the kernel choose. */
  readonly port: number;
  /** Datagrams per system call. @defaultValue 64 */
  readonly slots?: number;
  /** Bytes of one slot: longer datagrams are dropped. @defaultValue 2048 */
  readonly slotSize?: number;
}

/** Called per datagram: its bytes are borrowed until the next `receive`. Addresses are unsigned 32-bit integers. */
export type OnDatagram = (buffer: Buffer, offset: number, length: number, address: number, port: number) => void;

/** A UDP socket that takes and gives many datagrams per system call. IPv4; never blocks unless `wait` is called. */
export interface UdpBatch {
  readonly fd: number;
  readonly address: string;
  readonly port: number;
  /** Takes what is there, up to `slots` datagrams; how many. */
  receive(onDatagram: OnDatagram): number;
  /** Where the next datagram to be sent may be written: `slotSize` bytes from `offset` of `sendBuffer`. -1: flush first. */
  nextSlot(): number;
  readonly sendBuffer: Buffer;
  /** Queues the datagram written at the slot. */
  queue(length: number, address: number, port: number): void;
  /** Sends what was queued; how many the kernel took (the rest is dropped, as UDP may). */
  flush(): number;
  /** Blocks the thread until something can be received or the time is over; whether something can. */
  wait(timeoutMs: number): boolean;
  /** Idempotent. */
  close(): void;
}

/** Opens a batched UDP socket. @throws DatapathError DATAPATH_BAD_INPUT, DATAPATH_SYSCALL, DATAPATH_NO_FFI */
export function openUdpBatch({ address, port, slots = 64, slotSize = 2048 }: UdpBatchOptions): UdpBatch {
  const where = parseIpv4(address);
  if (where === undefined) throw new DatapathError("DATAPATH_BAD_INPUT", `"${address}" is not an IPv4 address`);
  const c = libc();
  const socket = openUdpSocket({ address: where, port });
  const rx = makeSide(slots, slotSize);
  const tx = makeSide(slots, slotSize);
  const poll = new PollSet([socket.fd]);
  let queued = 0;
  let open = true;
  return {
    fd: socket.fd,
    address: formatIpv4(socket.address),
    port: socket.port,
    sendBuffer: tx.memory,
    receive(onDatagram) {
      for (let i = 0; i < slots; i++) rx.messages.prepareReceive(i);
      const n = c.recvmmsg(socket.fd, rx.messages.headers, slots, 0, null);
      for (let i = 0; i < n; i++) {
        if (rx.messages.truncated(i)) continue;
        const { names } = rx.messages;
        onDatagram(
          rx.memory,
          i * slotSize,
          rx.messages.received(i),
          sockaddrAddress(names, i * 16),
          sockaddrPort(names, i * 16),
        );
      }
      return Math.max(n, 0);
    },
    nextSlot: () => (queued < slots ? queued * slotSize : -1),
    queue(length, to, toPort) {
      tx.messages.setPiece(queued, 0, tx.base + queued * slotSize, length);
      putSockaddr(tx.messages.names, queued * 16, to, toPort);
      queued++;
    },
    flush() {
      const n = queued === 0 ? 0 : c.sendmmsg(socket.fd, tx.messages.headers, queued, 0);
      queued = 0;
      return Math.max(n, 0);
    },
    wait: (timeoutMs) => poll.wait(timeoutMs) > 0,
    close() {
      if (open) c.close(socket.fd);
      open = false;
    },
  };
}

function makeSide(slots: number, slotSize: number): { memory: Buffer; base: number; messages: Messages } {
  const memory = Buffer.alloc(slots * slotSize);
  const base = Number(libc().address(memory));
  const messages = new Messages({ count: slots, iovecs: 1 });
  for (let i = 0; i < slots; i++) messages.setPiece(i, 0, base + i * slotSize, slotSize);
  return { memory, base, messages };
}
