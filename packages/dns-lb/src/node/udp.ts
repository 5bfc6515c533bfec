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
  fast(
    message: Uint8Array,
    start: number,
    end: number,
    client: ClientAddress,
    out: Uint8Array,
    at: number,
    outEnd: number,
  ): number;
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
  const listener: UdpListener = {
    port: socket.address().port,
    send: (bytes, peer) => sendTo(socket, bytes, peer),
    close: () => new Promise((resolve) => socket.close(() => resolve())),
  };
  serveOneByOne(socket, handlers, listener);
  return listener;
}

/** Sends a reply. An error means that the client or the network is gone: nobody is left to be told. */
export function sendTo(socket: Socket, bytes: Uint8Array, peer: UdpPeer): void {
  const to = typeof peer.address === "number" ? formatIpv4(peer.address) : peer.address;
  socket.send(bytes, peer.port, to, () => {});
}

/** Hands each datagram of a socket to `handlers`; `after` runs behind each, to take others that wait. */
export function serveOneByOne(
  socket: Socket,
  handlers: UdpHandlers,
  listener: UdpListener,
  after: () => void = () => {},
): void {
  socket.on("message", (message: Buffer, from: RemoteInfo) => {
    const address = parseIpv4(from.address) ?? from.address;
    const peer = { address, port: from.port };
    if (!handlers.admit(address)) handlers.refuse(message, peer, listener);
    else {
      // Node keeps what is sent until it has gone, so each reply has memory of its own.
      const out = Buffer.allocUnsafe(fastReplyBytes);
      const length = handlers.fast(message, 0, message.length, address, out, 0, out.length);
      if (length > 0) socket.send(out, 0, length, from.port, from.address, () => {});
      else handlers.slow(message, peer, listener);
    }
    after();
  });
  socket.on("error", () => {});
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
