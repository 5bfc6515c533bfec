/** TCP connections of a server (RFC 7766): several questions on one, answered in the order in which answers are ready. */
import { createServer, type Socket } from "node:net";
import { parseIpv4 } from "../address.ts";
import { DnsError } from "../errors.ts";
import type { ClientAddress } from "../stats.ts";
import { frameReader, withLength } from "./framing.ts";

/** Connections at once; the oldest idle ones are not waited for, new ones are refused. */
const mostConnections = 512;
/** Questions under way on one connection. */
const mostPending = 64;
/** Silence after which a connection is closed. */
const idleMs = 10_000;

/** A bound TCP server. */
export interface TcpListener {
  readonly port: number;
  close(): Promise<void>;
}

/** Binds and serves. `answer` gives the reply, or undefined for messages that deserve none. @throws DnsError `DNS_LISTEN_FAILED` */
export function listenTcp(
  address: string,
  port: number,
  answer: (message: Uint8Array, client: ClientAddress) => Promise<Uint8Array | undefined>,
): Promise<TcpListener> {
  /** Bounded by: `mostConnections`. */
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.once("close", () => open.delete(socket));
    serve(socket, answer);
  });
  server.maxConnections = mostConnections;
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve());
      for (const socket of open) socket.destroy();
    });
  return new Promise((resolve, reject) => {
    server.once("error", (cause: Error) =>
      reject(new DnsError("DNS_LISTEN_FAILED", `tcp ${address} port ${port}: ${cause.message}`, { cause })),
    );
    server.listen({ host: address, port, exclusive: true }, () => {
      server.removeAllListeners("error");
      server.on("error", () => {});
      const bound = server.address();
      resolve({ port: typeof bound === "object" && bound !== null ? bound.port : port, close });
    });
  });
}

function serve(
  socket: Socket,
  answer: (message: Uint8Array, client: ClientAddress) => Promise<Uint8Array | undefined>,
): void {
  const remote = (socket.remoteAddress ?? "").replace(/^::ffff:/, "");
  const client = parseIpv4(remote) ?? remote;
  let pending = 0;
  const handle = async (message: Uint8Array): Promise<void> => {
    if (++pending >= mostPending) socket.pause();
    try {
      const reply = await answer(message, client);
      if (reply === undefined) socket.destroy();
      else if (socket.writable) socket.write(withLength(reply));
    } finally {
      if (--pending < mostPending) socket.resume();
    }
  };
  socket.setNoDelay(true);
  socket.setTimeout(idleMs, () => socket.destroy());
  socket.on("error", () => socket.destroy());
  const read = frameReader((message) => void handle(message).catch(() => socket.destroy()));
  socket.on("data", read);
}
