import { request } from "node:http";
import { WeavedError } from "../values/error.ts";

/** Where the daemon is asked: a Unix socket, or a TCP address. */
export type Endpoint = { readonly socketPath: string } | { readonly host: string; readonly port: number };

/** What the daemon answered. */
export interface Answer {
  readonly status: number;
  readonly body: string;
}

/** Talks to a daemon. */
export interface Client {
  readonly endpoint: Endpoint;
  /** Sends a request; resolves with any answer. */
  send(method: string, path: string, options?: RequestOptions): Promise<Answer>;
  /** As `send`, but rejects with {@link WeavedError} DAEMON_UNREACHABLE, DAEMON_REFUSED, or NOT_FOUND unless the answer is 2xx: exit code 4 for 404, else 1. */
  call(method: string, path: string, options?: RequestOptions): Promise<string>;
}

/** What goes with a request. */
export interface RequestOptions {
  /** Becomes the query of GET and DELETE and the body of others. */
  readonly form?: Parameters;
  readonly accept?: string;
  readonly json?: unknown;
}

/** Parameters in order; a key may repeat. */
export type Parameters = readonly (readonly [string, string])[];

/** Default place of the control socket. */
export const defaultControlSocket = "/var/run/weave/control.sock";

/** The endpoint an address means: an absolute path, or host:port. */
export function parseEndpoint(address: string): Endpoint {
  if (address.startsWith("/")) return { socketPath: address };
  if (address.startsWith("unix://")) return { socketPath: address.slice(7) };
  const split = address.lastIndexOf(":");
  const port = Number(address.slice(split + 1));
  if (split <= 0 || !Number.isInteger(port))
    throw new WeavedError(
      "ARGUMENT_INVALID",
      `cannot use the address "${address}": expected host:port or an absolute path`,
    );
  return { host: address.slice(0, split), port };
}

/** Makes a client for a daemon. */
export function createClient(endpoint: Endpoint): Client {
  const send: Client["send"] = (method, path, options = {}) => exchange(endpoint, method, path, options);
  return {
    endpoint,
    send,
    async call(method, path, options) {
      const { status, body } = await send(method, path, options);
      if (status >= 200 && status < 300) return body;
      throw new WeavedError(
        status === 404 ? "NOT_FOUND" : "DAEMON_REFUSED",
        body.trim() || `the daemon answered ${status} to ${method} ${path}; see weave logs`,
        { exitCode: status === 404 ? 4 : 1 },
      );
    },
  };
}

function exchange(endpoint: Endpoint, method: string, path: string, options: RequestOptions): Promise<Answer> {
  const { form = [], accept, json } = options;
  const encoded = new URLSearchParams(form.map(([key, value]): [string, string] => [key, value])).toString();
  const inQuery = method === "GET" || method === "DELETE";
  const body = json !== undefined ? JSON.stringify(json) : inQuery ? "" : encoded;
  const headers: Record<string, string> = { ...(accept && { accept }) };
  if (body !== "")
    headers["content-type"] = json !== undefined ? "application/json" : "application/x-www-form-urlencoded";
  const target = inQuery && encoded !== "" ? `${path}?${encoded}` : path;
  return new Promise((resolve, reject) => {
    const sent = request({ ...endpoint, method, path: target, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() }));
      response.on("error", reject);
    });
    sent.on("error", (cause: NodeJS.ErrnoException) => reject(unreachable(endpoint, cause)));
    sent.end(body);
  });
}

function unreachable(endpoint: Endpoint, cause: NodeJS.ErrnoException): WeavedError {
  const where = "socketPath" in endpoint ? endpoint.socketPath : `${endpoint.host}:${endpoint.port}`;
  const message =
    cause.code === "EACCES"
      ? `permission denied for ${where}, because the control socket is for root; try again with sudo`
      : `weaved does not answer at ${where} (${cause.code ?? cause.message}); start it with "weave launch", or set WEAVE_HTTP_ADDR to its address`;
  return new WeavedError("DAEMON_UNREACHABLE", message, { cause });
}
