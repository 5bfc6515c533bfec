/** Streams over TCP. Thin: whatever decides anything is in the core. */
import { lookup } from "node:dns/promises";
import { connect, createServer, type Server, type Socket } from "node:net";
import { MeshError } from "../errors.ts";
import type { Address, Stream, StreamEvents, Transport } from "../ports.ts";

/** How long an attempt may take before it counts as failed. */
const DIAL_TIMEOUT_MS = 20_000;

/** Where to listen, and from where to dial. */
export interface TcpOptions {
  /** @defaultValue "0.0.0.0" */
  readonly host?: string;
  /** 0 takes any free port. */
  readonly port: number;
}

/** A transport that listens until closed. */
export interface TcpTransport extends Transport {
  /** Where it listens. */
  readonly local: Address;
  close(): Promise<void>;
}

/** Opens the listening socket. Rejects with MESH_TRANSPORT if that is not possible. */
export async function openTcp({ host = "0.0.0.0", port }: TcpOptions): Promise<TcpTransport> {
  let accept: (stream: Stream) => void = (stream) => stream.close();
  const server = createServer({ noDelay: true }, (socket) => accept(tcpStream(socket)));
  await listen(server, host, port);
  const { address, port: bound } = server.address() as { address: string; port: number };
  return {
    local: { address, port: bound },
    onStream(fn) {
      accept = fn;
    },
    dial: (to, done) => dial(to, host === "0.0.0.0" ? undefined : host, done),
    resolve: async (name) => (await lookup(name, { family: 4 })).address,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (cause) =>
      reject(new MeshError("MESH_TRANSPORT", `cannot listen on ${host}:${port}: ${cause.message}`, { cause })),
    );
    server.listen({ host, port, backlog: 511 }, () => {
      // From here on accepting may fail for want of file descriptors; the next attempt may succeed.
      server.removeAllListeners("error").on("error", () => {});
      resolve();
    });
  });
}

function dial(to: string, localAddress: string | undefined, done: (result: Stream | Error) => void): () => void {
  const at = to.lastIndexOf(":");
  const target = { host: to.slice(0, at), port: Number(to.slice(at + 1)) };
  const socket = connect({ ...target, noDelay: true, timeout: DIAL_TIMEOUT_MS, ...(localAddress && { localAddress }) });
  const fail = (error: Error): void => {
    socket.removeAllListeners().on("error", () => {});
    socket.destroy();
    done(error);
  };
  socket.once("error", fail);
  socket.once("timeout", () => fail(new MeshError("MESH_TIMEOUT", `no answer within ${DIAL_TIMEOUT_MS / 1000} s`)));
  socket.once("connect", () => {
    socket.removeAllListeners().setTimeout(0);
    done(tcpStream(socket));
  });
  return () => {
    socket.removeAllListeners().on("error", () => {});
    socket.destroy();
  };
}

function tcpStream(socket: Socket): Stream {
  const address = (text: string | undefined): string => (text ?? "").replace(/^::ffff:/, "");
  let events: StreamEvents | undefined;
  let closed = false;
  let reason: Error | undefined;
  const finish = (): void => {
    if (closed) return;
    closed = true;
    events?.closed(reason);
  };
  socket.on("error", (error) => {
    reason = error;
  });
  socket.on("close", finish);
  return {
    local: { address: address(socket.localAddress), port: socket.localPort ?? 0 },
    remote: { address: address(socket.remoteAddress), port: socket.remotePort ?? 0 },
    open(given) {
      events = given;
      socket.on("data", (bytes) => given.data(bytes));
      socket.on("drain", () => given.drained());
      socket.on("end", () => socket.destroy());
    },
    write(bytes) {
      if (socket.destroyed) return true;
      // Messages of one turn leave in one system call.
      if (socket.writableCorked === 0) {
        socket.cork();
        setImmediate(() => socket.uncork());
      }
      return socket.write(bytes);
    },
    close() {
      if (socket.destroyed) return;
      // As SO_LINGER 0: what is queued is dropped, the remote learns of it at once.
      socket.resetAndDestroy();
    },
  };
}
