/**
 * UDP through `recvmmsg` and `sendmmsg`: up to a batch of queries for two system calls.
 *
 * The batched socket itself belongs to `@weaved/tun-datapath/linux`, the one package that calls the kernel directly; this is
 * the part of it that we need. Node's event loop watches its descriptor: we lend it to a `dgram` socket, which hands us the
 * first datagram of a burst; the others are taken in batches until none is left.
 */
import { createSocket } from "node:dgram";
import { isIPv4 } from "node:net";
import { DnsError } from "../errors.ts";
import { listenUdp, sendTo, serveOneByOne, type UdpHandlers, type UdpListener } from "./udp.ts";

/** Called per datagram; its bytes are borrowed until the next `receive`. The address is an unsigned 32-bit integer. */
export type OnDatagram = (buffer: Uint8Array, offset: number, length: number, address: number, port: number) => void;

/** A bound, non-blocking IPv4 socket with fixed slots for datagrams. */
export interface UdpBatch {
  /** The descriptor. Node adopts it, then closes it. */
  readonly fd: number;
  /** Takes what is there, without waiting, up to `slots` datagrams; how many. */
  receive(onDatagram: OnDatagram): number;
  /** Where in `sendBuffer` the next datagram may be written; -1: flush first. */
  nextSlot(): number;
  readonly sendBuffer: Uint8Array;
  /** Queues the datagram written at the slot. */
  queue(length: number, address: number, port: number): void;
  /** Sends what was queued; what the kernel does not take at once is lost, as UDP may be. */
  flush(): number;
}

/** Opens one. Throws when the address cannot be bound. */
export type OpenUdpBatch = (options: {
  readonly address: string;
  readonly port: number;
  readonly slots: number;
  readonly slotSize: number;
}) => UdpBatch;

/** Enough for a burst, small enough that its slots stay in the processor's cache. */
const slots = 64;
const slotSize = 2048;
/** Batches taken before other events of the process get their turn: at most half a millisecond. */
const roundsPerTurn = 8;

/** As {@link listenUdp}, with batches; IPv6 addresses get single datagrams. */
export function listenUdpBatch(open: OpenUdpBatch): typeof listenUdp {
  return async (address, port, handlers) => {
    if (!isIPv4(address)) return listenUdp(address, port, handlers);
    const batch = openAt(open, address, port);
    const socket = createSocket("udp4");
    await new Promise<void>((resolve) => socket.bind({ fd: batch.fd, exclusive: true }, resolve));
    socket.setRecvBufferSize(8 << 20);
    const listener: UdpListener = {
      port: socket.address().port,
      send: (bytes, peer) => sendTo(socket, bytes, peer),
      close: () => new Promise((resolve) => socket.close(() => resolve())),
    };
    const onDatagram = serveInto(batch, handlers, listener);
    let closed = false;
    let scheduled = false;
    socket.once("close", () => {
      closed = true;
    });
    const drain = (): void => {
      scheduled = false;
      for (let round = 0; round < roundsPerTurn; round++) {
        if (closed) return;
        const count = batch.receive(onDatagram);
        batch.flush();
        if (count < slots) return;
      }
      // More is waiting, but so may be others.
      if (!scheduled) setImmediate(drain);
      scheduled = true;
    };
    serveOneByOne(socket, handlers, listener, drain);
    return listener;
  };
}

function openAt(open: OpenUdpBatch, address: string, port: number): UdpBatch {
  try {
    return open({ address, port, slots, slotSize });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new DnsError("DNS_LISTEN_FAILED", `udp ${address} port ${port}: ${reason}`, { cause });
  }
}

function serveInto(batch: UdpBatch, handlers: UdpHandlers, listener: UdpListener): OnDatagram {
  const { sendBuffer } = batch;
  return (buffer, offset, bytes, address, port) => {
    const end = offset + bytes;
    if (!handlers.admit(address)) return handlers.refuse(buffer.subarray(offset, end), { address, port }, listener);
    let slot = batch.nextSlot();
    if (slot < 0) {
      batch.flush();
      slot = batch.nextSlot();
    }
    const length = handlers.fast(buffer, offset, end, address, sendBuffer, slot, slot + slotSize);
    if (length > 0) batch.queue(length, address, port);
    else handlers.slow(buffer.subarray(offset, end), { address, port }, listener);
  };
}
