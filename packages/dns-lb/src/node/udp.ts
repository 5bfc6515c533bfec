/** UDP sockets of a server: one datagram at a time through Node, or many at once through a batched socket. */
import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { isIPv6 } from "node:net";
import { formatIpv4, parseIpv4 } from "../address.ts";
import { DnsError } from "../errors.ts";
import type { ClientAddress } from "../stats.ts";

/** Where a reply goes. */
export interface UdpPeer {
  readonly address: ClientAddress;
  readonly port: number;
}

/** A bound socket. */
export interface UdpListener {
  readonly port: number;
  send(bytes: Uint8Array, peer: UdpPeer): void;
  close(): Promise<void>;
}

/** What a socket hands its datagrams to, in this order, until one has dealt with it. */
export interface UdpHandlers {
  /** Whether the source may ask now; otherwise {@link UdpHandlers.refuse} gets the datagram. */
  admit(client: ClientAddress): boolean;
  refuse(message: Uint8Array, peer: UdpPeer, listener: UdpListener): void;
  /** Answers at once into `out`: the reply's length, or 0, then {@link UdpHandlers.slow} gets the datagram. */
  fast(message: Uint8Array, start: number, end: number, client: ClientAddress, out: Uint8Array, at: number): number;
  /** `message` is borrowed until this returns. */
  slow(message: Uint8Array, peer: UdpPeer, listener: UdpListener): void;
}

/** Replies larger than this never come from the fast path. */
const fastReplyBytes = 4096;
/** Room for what arrives while we are busy elsewhere: a second of a flood, so that honest queries are not pushed out. */
const receiveBufferBytes = 8 << 20;

/** Binds a socket of Node. @throws DnsError `DNS_LISTEN_FAILED` */
export async function listenUdp(address: string, port: number, handlers: UdpHandlers): Promise<UdpListener> {
  const socket = createSocket({ type: isIPv6(address) ? "udp6" : "udp4", recvBufferSize: receiveBufferBytes });
  await bind(socket, address, port);
  const send = (bytes: Uint8Array, peer: UdpPeer): void => {
    const to = typeof peer.address === "number" ? formatIpv4(peer.address) : peer.address;
    // The client is gone, or the network is: nobody is left to be told.
    socket.send(bytes, peer.port, to, () => {});
  };
  const listener: UdpListener = {
    port: socket.address().port,
    send,
    close: () => new Promise((resolve) => socket.close(() => resolve())),
  };
  socket.on("message", (message: Buffer, from: RemoteInfo) => {
    const client = parseIpv4(from.address) ?? from.address;
    if (!handlers.admit(client)) return handlers.refuse(message, { address: client, port: from.port }, listener);
    // Node keeps what is sent until it has gone, so each reply has memory of its own.
    const out = Buffer.allocUnsafe(fastReplyBytes);
    const length = handlers.fast(message, 0, message.length, client, out, 0);
    if (length > 0) socket.send(out, 0, length, from.port, from.address, () => {});
    else handlers.slow(message, { address: client, port: from.port }, listener);
  });
  socket.on("error", () => {});
  return listener;
}

function bind(socket: Socket, address: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once("error", (cause) =>
      reject(new DnsError("DNS_LISTEN_FAILED", `udp ${address} port ${port}: ${cause.message}`, { cause })),
    );
    socket.bind({ address, port, exclusive: true }, () => {
      socket.removeAllListeners("error");
      resolve();
    });
  });
}
