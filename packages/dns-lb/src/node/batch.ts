/**
 * UDP through `recvmmsg` and `sendmmsg`: up to a batch of queries for two system calls.
 *
 * The batched socket itself belongs to `@weaved/tun-datapath/linux`, the one package that calls the kernel directly; this is
 * the part of it that we need. Node's event loop watches its descriptor: we lend it to a `dgram` socket, which hands us the
 * first datagram of a burst; the others are taken in batches until none is left.
 */
import { createSocket } from "node:dgram";
import { DnsError } from "../errors.ts";
import type { UdpHandlers, UdpListener, UdpPeer } from "./udp.ts";
import { sendTo, serveOneByOne } from "./udp.ts";

/** A bound, non-blocking IPv4 socket with fixed slots for datagrams. */
export interface UdpBatch {
  /** The descriptor. It is adopted by Node, which closes it. */
  readonly fd: number;
  /** Datagrams at once. */
  readonly slots: number;
  /** Room for each; longer datagrams are cut. */
  readonly slotBytes: number;
  /** Received datagrams; slot `i` starts at `i * slotBytes`. Valid until the next `receive`. */
  readonly received: Uint8Array;
  /** Datagrams to send, laid out the same way. */
  readonly outgoing: Uint8Array;
  /** Takes what is there without waiting. Returns how many slots are filled. */
  receive(): number;
  /** Bytes in a received slot. */
  lengthOf(slot: number): number;
  /** Sender of a received slot, as an unsigned 32-bit integer. */
  addressOf(slot: number): number;
  portOf(slot: number): number;
  /** Directs the first `length` bytes of outgoing slot `slot` to the sender of received slot `from`. */
  reply(slot: number, from: number, length: number): void;
  /** Sends outgoing slots 0 to `count` - 1; what the kernel does not take at once is lost, as UDP may be. */
  send(count: number): void;
}

/** Opens one. Throws when the address cannot be bound. */
export type OpenUdpBatch = (options: {
  readonly address: string;
  readonly port: number;
  readonly slots: number;
  readonly slotBytes: number;
  readonly receiveBufferBytes: number;
}) => UdpBatch;

/** Enough for a burst, small enough that its slots stay in the processor's cache. */
const slots = 64;
const slotBytes = 2048;
/** Batches taken before other events of the process get their turn: at most half a millisecond. */
const roundsPerTurn = 8;
const receiveBufferBytes = 8 << 20;

/** As `listenUdp`, with batches; IPv6 addresses fall back to single datagrams. */
export function listenUdpBatch(open: OpenUdpBatch) {
  return async (address: string, port: number, handlers: UdpHandlers): Promise<UdpListener> => {
    let batch: UdpBatch;
    try {
      batch = open({ address, port, slots, slotBytes, receiveBufferBytes });
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new DnsError("DNS_LISTEN_FAILED", `udp ${address} port ${port}: ${reason}`, { cause });
    }
    const socket = createSocket("udp4");
    await new Promise<void>((resolve) => socket.bind({ fd: batch.fd, exclusive: true }, resolve));
    const listener: UdpListener = {
      port: socket.address().port,
      send: (bytes, peer) => sendTo(socket, bytes, peer),
      close: () => new Promise((resolve) => socket.close(() => resolve())),
    };
    let closed = false;
    let scheduled = false;
    socket.once("close", () => {
      closed = true;
    });
    const drain = (): void => {
      scheduled = false;
      for (let round = 0; round < roundsPerTurn && !closed; round++) {
        const count = batch.receive();
        if (count > 0) serveBatch(batch, count, handlers, listener);
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

function serveBatch(batch: UdpBatch, count: number, handlers: UdpHandlers, listener: UdpListener): void {
  const { received, outgoing } = batch;
  let filled = 0;
  for (let slot = 0; slot < count; slot++) {
    const client = batch.addressOf(slot);
    const start = slot * slotBytes;
    const end = start + batch.lengthOf(slot);
    if (!handlers.admit(client)) {
      handlers.refuse(received.subarray(start, end), peerOf(batch, slot), listener);
      continue;
    }
    const length = handlers.fast(received, start, end, client, outgoing, filled * slotBytes, (filled + 1) * slotBytes);
    if (length > 0) batch.reply(filled++, slot, length);
    else handlers.slow(received.subarray(start, end), peerOf(batch, slot), listener);
  }
  if (filled > 0) batch.send(filled);
}

const peerOf = (batch: UdpBatch, slot: number): UdpPeer => ({
  address: batch.addressOf(slot),
  port: batch.portOf(slot),
});
