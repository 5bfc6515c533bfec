import { request } from "node:http";

/** Where the daemon is asked: a Unix socket, or a TCP address. */
export type Endpoint = { readonly socketPath: string } | { readonly host: string; readonly port: number };

/** What the daemon answered. */
export interface Answer {
  readonly status: number;
  readonly body: string;
}

/** A command that failed: the message is for the person, the exit code for the script. */
export class CommandError extends Error {
  override readonly name = "CommandError";
  readonly exitCode: number;
  constructor(message: string, exitCode = 1, options?: ErrorOptions) {
    super(message, options);
    this.exitCode = exitCode;
  }
}

/** Talks to a daemon. */
export interface Client {
  readonly endpoint: Endpoint;
  /** Sends a request; resolves with any answer. */
  send(method: string, path: string, options?: RequestOptions): Promise<Answer>;
  /** As `send`, but rejects with {@link CommandError} unless the answer is 2xx: exit code 4 for 404, else 1. */
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
    throw new CommandError(`cannot use the address "${address}": expected host:port or an absolute path`);
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
      throw new CommandError(
        body.trim() || `the daemon answered ${status} to ${method} ${path}`,
        status === 404 ? 4 : 1,
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

function unreachable(endpoint: Endpoint, cause: NodeJS.ErrnoException): CommandError {
  const where = "socketPath" in endpoint ? endpoint.socketPath : `${endpoint.host}:${endpoint.port}`;
  if (cause.code === "EACCES") {
    return new CommandError(`not allowed to use ${where}: the control socket is for root. Try again with sudo.`, 1, {
      cause,
    });
  }
  return new CommandError(
    `weaved does not answer at ${where} (${cause.code ?? cause.message}). Start it with "weave launch", or name it with WEAVE_HTTP_ADDR.`,
    1,
    { cause },
  );
}
