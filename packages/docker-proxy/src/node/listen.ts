import { chmodSync, chownSync, existsSync, lstatSync, mkdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { dirname } from "node:path";
import { createServer as createTlsServer } from "node:tls";
import { DockerError } from "../errors.ts";

/** Certificates of the proxy; undefined: TCP listeners speak plain HTTP. */
export interface TlsFiles {
  readonly cert: string;
  readonly key: string;
  /** Clients must show a certificate that one of these signed; undefined: anybody may connect. */
  readonly ca?: string;
}

/** A listener that runs until closed. */
export interface ProxyListener {
  /** `unix:///path` or `tcp://host:port`. */
  readonly address: string;
  close(): Promise<void>;
}

/** What listening needs. */
export interface ListenOptions {
  readonly tls: TlsFiles | undefined;
  /** Docker's socket, whose owner and mode a socket of ours gets: who may use the one may use the other. */
  readonly modelSocket: string | undefined;
  onClient(socket: Socket): Promise<void>;
}

/**
 * Listens on `unix:///path`, `/path`, `tcp://host:port`, or `host:port`.
 *
 * @throws DockerError when the address cannot be used
 */
export async function listenForDocker(text: string, options: ListenOptions): Promise<ProxyListener> {
  const path = text.startsWith("unix://") ? text.slice("unix://".length) : text.startsWith("/") ? text : undefined;
  /** Bounded by: connected clients. */
  const clients = new Set<Socket>();
  const onClient = (socket: Socket) => {
    clients.add(socket);
    socket.once("close", () => clients.delete(socket));
    void options.onClient(socket);
  };
  const server =
    path === undefined ? makeTcpServer(options, onClient) : createServer({ allowHalfOpen: true }, onClient);
  const address = path === undefined ? await listenOnPort(server, text) : await listenOnPath(server, path, options);
  return {
    address,
    async close() {
      for (const socket of clients) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
      if (path !== undefined) rmSync(path, { force: true });
    },
  };
}

function makeTcpServer({ tls }: ListenOptions, onClient: (socket: Socket) => void): Server {
  if (!tls) return createServer({ allowHalfOpen: true }, onClient);
  const { cert, key, ca } = tls;
  const server = createTlsServer(
    {
      cert: readFileSync(cert),
      key: readFileSync(key),
      minVersion: "TLSv1.2",
      allowHalfOpen: true,
      ...(ca !== undefined && { ca: readFileSync(ca), requestCert: true, rejectUnauthorized: true }),
    } as Parameters<typeof createTlsServer>[0],
    onClient,
  );
  // A client without the right certificate is its own business.
  server.on("tlsClientError", () => {});
  return server;
}

async function listenOnPath(server: Server, path: string, { modelSocket }: ListenOptions): Promise<string> {
  if (path === modelSocket)
    throw new DockerError("LISTEN_FAILED", `the proxy cannot listen on ${path}: that is Docker's own socket`);
  mkdirSync(dirname(path), { recursive: true });
  if (existsSync(path) && !lstatSync(path).isSocket())
    throw new DockerError("LISTEN_FAILED", `${path} is in the way of the proxy's socket`);
  rmSync(path, { force: true });
  const mask = process.umask(0o177);
  try {
    await started(server, () => server.listen(path), path);
  } finally {
    process.umask(mask);
  }
  if (modelSocket !== undefined && existsSync(modelSocket)) {
    const { uid, gid, mode } = statSync(modelSocket);
    chownSync(path, uid, gid);
    chmodSync(path, mode & 0o777);
  }
  return `unix://${path}`;
}

async function listenOnPort(server: Server, text: string): Promise<string> {
  const [, host, port] = /^(?:tcp:\/\/)?(.*):(\d{1,5})\/?$/.exec(text) ?? [];
  if (host === undefined || Number(port) > 65535)
    throw new DockerError(
      "ADDRESS_INVALID",
      `the proxy cannot listen on "${text}": expected unix:///path or tcp://host:port`,
    );
  await started(server, () => server.listen(Number(port), host.replace(/^\[|\]$/g, "") || "0.0.0.0"), text);
  const bound = server.address();
  return `tcp://${host || "0.0.0.0"}:${typeof bound === "object" && bound ? bound.port : port}`;
}

function started(server: Server, begin: () => void, what: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (cause) =>
      reject(new DockerError("LISTEN_FAILED", `the proxy cannot listen on ${what}: ${cause.message}`)),
    );
    server.once("listening", resolve);
    begin();
  });
}
