import { chmodSync, existsSync, mkdirSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { connect } from "node:net";
import { dirname } from "node:path";
import { getRequestListener } from "@hono/node-server";
import type { Hono } from "hono";
import { WeavedError } from "../values/error.ts";
import { printable } from "../values/printable.ts";
import { foreignSite } from "./same-site.ts";

/** A listener that runs until closed. */
export interface Listening {
  /** Where it listens: a path or host:port. */
  readonly address: string;
  close(): Promise<void>;
}

/**
 * Serves an app on `host:port` or on a Unix socket (an absolute path, mode 0600).
 *
 * A socket file left by a crashed daemon is replaced; one that a running daemon answers on is not.
 *
 * @throws WeavedError when the address cannot be used
 */
export async function listen(app: Hono, address: string): Promise<Listening> {
  const answer = getRequestListener(app.fetch);
  const server = createServer((request, response) => {
    const reason = foreignSite(request.headers, address);
    if (reason !== undefined) {
      response.writeHead(403, { "content-type": "text/plain; charset=utf-8" }).end(`${printable(reason)}\n`);
      return;
    }
    // On a socket there is no host; some clients, Docker's among them, put its path there.
    if (address.startsWith("/")) request.headers.host = "localhost";
    void answer(request, response);
  });
  if (address.startsWith("/")) await listenOnPath(server, address);
  else await listenOnPort(server, address);
  return {
    address,
    async close() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
      if (address.startsWith("/")) rmSync(address, { force: true });
    },
  };
}

async function listenOnPath(server: Server, path: string): Promise<void> {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  if (existsSync(path)) {
    if (await answers(path)) throw new WeavedError("LISTEN_FAILED", `${path} is in use by a running daemon`);
    rmSync(path);
  }
  // Nobody can connect between bind and chmod: the mask makes it private from the start.
  const mask = process.umask(0o177);
  try {
    await started(server, () => server.listen(path), path);
    chmodSync(path, 0o600);
  } finally {
    process.umask(mask);
  }
}

async function listenOnPort(server: Server, address: string): Promise<void> {
  const split = address.lastIndexOf(":");
  const host = address.slice(0, split).replace(/^\[|\]$/g, "");
  const port = Number(address.slice(split + 1));
  if (split === -1 || !Number.isInteger(port) || port < 0 || port > 65535) {
    throw new WeavedError("LISTEN_FAILED", `cannot listen on "${address}": expected host:port or an absolute path`);
  }
  await started(server, () => server.listen(port, host || "0.0.0.0"), address);
}

function started(server: Server, begin: () => void, address: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (cause) =>
      reject(new WeavedError("LISTEN_FAILED", `cannot listen on ${address}: ${cause.message}`)),
    );
    server.once("listening", resolve);
    begin();
  });
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const end = (result: boolean) => {
      socket.destroy();
      resolve(result);
    };
    socket.once("connect", () => end(true));
    socket.once("error", () => end(false));
  });
}
