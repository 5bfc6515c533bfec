/**
 * UDP through `recvmmsg` and `sendmmsg`: up to a batch of queries for two system calls.
 *
 * The batched socket itself belongs to `@weaved/tun-datapath/node`, the one package that calls the kernel directly; this file
 * declares the part of it that is needed. Node's event loop watches its descriptor: a `dgram` socket borrows it and hands over
 * the first datagram of a burst; the others are taken in batches until none is left.
 */
import { createSocket } from "node:dgram";
import { isIPv4 } from "node:net";
import { DnsError } from "../errors.ts";
import type { QuerySlot } from "../fast-query.ts";
import {
  bind,
  listenerOf,
  listenUdp,
  RECEIVE_BUFFER_BYTES,
  serveOneByOne,
  type UdpHandlers,
  type UdpListener,
} from "./udp.ts";

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
  /** Sends what was queued; what the kernel does not take at once is lost, as UDP may lose it. */
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
const SLOTS = 64;
const SLOT_BYTES = 2048;
/** Batches taken before other events of the process get their turn: half a millisecond of usual queries. */
const ROUNDS_PER_TURN = 8;
/** No further batch is taken after this time: queries for names with thousands of addresses cost more. */
const TURN_MS = 10;

/** As {@link listenUdp}, with batches; IPv6 addresses get single datagrams. */
export function listenUdpBatch(open: OpenUdpBatch): typeof listenUdp {
  return async (address, port, handlers) => {
    if (!isIPv4(address)) return listenUdp(address, port, handlers);
    const batch = openAt(open, address, port);
    const socket = createSocket("udp4");
    await bind(socket, address, port, batch.fd);
    socket.setRecvBufferSize(RECEIVE_BUFFER_BYTES);
    const listener = listenerOf(socket);
    const onDatagram = serveInto(batch, handlers, listener);
    let closed = false;
    let scheduled = false;
    socket.once("close", () => {
      closed = true;
    });
    const drain = (): void => {
      scheduled = false;
      const startedAt = performance.now();
      for (let round = 0; round < ROUNDS_PER_TURN && performance.now() - startedAt < TURN_MS; round++) {
        if (closed) return;
        const count = batch.receive(onDatagram);
        batch.flush();
        if (count < SLOTS) return;
      }
      // More is waiting, and other events may be waiting too.
      if (!scheduled) setImmediate(drain);
      scheduled = true;
    };
    serveOneByOne(socket, handlers, listener, drain);
    return listener;
  };
}

function openAt(open: OpenUdpBatch, address: string, port: number): UdpBatch {
  try {
    return open({ address, port, slots: SLOTS, slotSize: SLOT_BYTES });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new DnsError("DNS_LISTEN_FAILED", `udp ${address} port ${port}: ${reason}`, { cause });
  }
}

function serveInto(batch: UdpBatch, handlers: UdpHandlers, listener: UdpListener): OnDatagram {
  const { sendBuffer } = batch;
  const slot: QuerySlot = {
    message: sendBuffer,
    start: 0,
    end: 0,
    client: 0,
    out: sendBuffer,
    outStart: 0,
    outEnd: 0,
  };
  return (buffer, offset, bytes, address, port) => {
    const end = offset + bytes;
    if (!handlers.admit(address, port)) {
      handlers.turnAway(buffer.subarray(offset, end), { address, port }, listener);
      return;
    }
    let outStart = batch.nextSlot();
    if (outStart < 0) {
      batch.flush();
      outStart = batch.nextSlot();
    }
    slot.message = buffer;
    slot.start = offset;
    slot.end = end;
    slot.client = address;
    slot.outStart = outStart;
    slot.outEnd = outStart + SLOT_BYTES;
    const length = handlers.fast(slot);
    if (length > 0) batch.queue(length, address, port);
    else handlers.slow(buffer.subarray(offset, end), { address, port }, listener);
  };
}
