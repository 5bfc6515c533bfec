/** UDP sockets of a server: one datagram at a time through Node, or many at once through a batched socket. */
import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { isIPv6 } from "node:net";
import { formatIpv4, parseIpv4 } from "../address.ts";
import { DnsError } from "../errors.ts";
import type { QuerySlot } from "../fast-query.ts";
import type { ClientAddress } from "../stats.ts";

/** Where a reply goes. */
export interface UdpPeer {
  readonly address: ClientAddress;
  readonly port: number;
}

/** A bound socket. */
export interface UdpListener {
  readonly port: number;
  /** Never throws. A reply that cannot be sent is lost, as UDP may lose it. */
  send(bytes: Uint8Array, peer: UdpPeer): void;
  close(): Promise<void>;
}

/** What a socket hands its datagrams to, in this order, until one has dealt with it. */
export interface UdpHandlers {
  /** Whether the source is answered now; otherwise {@link UdpHandlers.turnAway} gets the datagram. */
  admit(client: ClientAddress, port: number): boolean;
  turnAway(message: Uint8Array, peer: UdpPeer, listener: UdpListener): void;
  /** Answers at once into the slot: the reply's length, or 0, then {@link UdpHandlers.slow} gets the datagram. */
  fast(slot: QuerySlot): number;
  /** `message` is borrowed until this returns. */
  slow(message: Uint8Array, peer: UdpPeer, listener: UdpListener): void;
}

/** Replies larger than this never come from the fast path. */
const FAST_REPLY_BYTES = 4096;
/** Room for what arrives while we are busy elsewhere: a second of a flood, so that honest queries are not pushed out. */
export const RECEIVE_BUFFER_BYTES: number = 8 << 20;

/** Binds a socket of Node. @throws DnsError `DNS_LISTEN_FAILED` */
export async function listenUdp(address: string, port: number, handlers: UdpHandlers): Promise<UdpListener> {
  const family = isIPv6(address) ? ({ type: "udp6", ipv6Only: true } as const) : ({ type: "udp4" } as const);
  const socket = createSocket({ ...family, recvBufferSize: RECEIVE_BUFFER_BYTES });
  await bind(socket, address, port);
  const listener = listenerOf(socket);
  serveOneByOne(socket, handlers, listener);
  return listener;
}

/** A bound socket as a listener. */
export function listenerOf(socket: Socket): UdpListener {
  return {
    port: socket.address().port,
    send: (bytes, { address, port }) => {
      const text = typeof address === "number" ? formatIpv4(address) : address;
      sendQuietly(socket, bytes, { address: text, port });
    },
    close: () => new Promise((resolve) => socket.close(() => resolve())),
  };
}

/** Sends a datagram. An error means that the client, the network, or the socket is gone: there is no one left to report it to. */
function sendQuietly(socket: Socket, bytes: Uint8Array, { address, port }: { address: string; port: number }): void {
  try {
    socket.send(bytes, port, address, () => {});
  } catch {
    // Node throws for a port or an address that it will not even try, and for a closed socket.
  }
}

/** Hands each datagram of a socket to `handlers`; `after` runs behind each, to take others that wait. */
export function serveOneByOne(
  socket: Socket,
  handlers: UdpHandlers,
  listener: UdpListener,
  after: () => void = () => {},
): void {
  const slot: QuerySlot = { message: NO_BYTES, start: 0, end: 0, client: 0, out: NO_BYTES, outStart: 0, outEnd: 0 };
  socket.on("message", (message: Buffer, from: RemoteInfo) => {
    const address = parseIpv4(from.address) ?? from.address;
    if (!handlers.admit(address, from.port)) handlers.turnAway(message, { address, port: from.port }, listener);
    else {
      // Node keeps what is sent until it has gone, so each reply has memory of its own.
      const out = Buffer.allocUnsafe(FAST_REPLY_BYTES);
      slot.message = message;
      slot.end = message.length;
      slot.client = address;
      slot.out = out;
      slot.outEnd = out.length;
      const length = handlers.fast(slot);
      if (length > 0) sendQuietly(socket, out.subarray(0, length), from);
      else handlers.slow(message, { address, port: from.port }, listener);
    }
    after();
  });
  // A socket of UDP reports errors of single datagrams; none of them ends its service.
  socket.on("error", () => {});
}

const NO_BYTES = new Uint8Array(0);

/** Binds a socket to an address or to a descriptor. @throws DnsError `DNS_LISTEN_FAILED` */
export function bind(socket: Socket, address: string, port: number, fd?: number): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once("error", (cause) => {
      socket.close();
      reject(new DnsError("DNS_LISTEN_FAILED", `udp ${address} port ${port}: ${cause.message}`, { cause }));
    });
    const where = fd === undefined ? { address, port, exclusive: true } : { fd, exclusive: true };
    socket.bind(where, () => {
      socket.removeAllListeners("error");
      resolve();
    });
  });
}
