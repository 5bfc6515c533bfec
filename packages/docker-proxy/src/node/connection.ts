import type { Duplex } from "node:stream";
import { type Intercept, type Interception, Refusal } from "../intercept/interception.ts";
import { type Framing, readBody, relayBody, requestFraming, responseFraming, write } from "./http/body.ts";
import { type Head, headBytes, header, readHead, requestLine, statusOf, withHeaders } from "./http/head.ts";
import { type ByteReader, createReader, StreamError } from "./http/reader.ts";

/**
 * One client's connection. The bytes are Docker's and the client's; only messages that an interceptor asked for are taken
 * apart. `node:http` would not do: Docker answers `attach` with 200 and then talks raw in both directions, with half-closes
 * that mean the end of standard input, and `node:http` loses bytes there.
 *
 * ```text
 *   head --> framed body --> Docker --> head --> framed body --> next head ...
 *                                        `--> 101, or a 200 without length: raw both ways until both have ended
 * ```
 */

/** Largest JSON body taken apart, in bytes. Requests to create containers are some kB; Docker itself takes 4 MiB of some. */
const maxJsonBytes = 16 << 20;

/** Requests whose connection may become raw in both directions: standard input, and sessions of the builder. */
const talksRaw = /^(?:\/v[0-9.]+)?\/(?:containers\/[^/]+\/attach(?:\/ws)?|exec\/[^/]+\/start|session|grpc)$/;

/** What serving needs. */
export interface ConnectionOptions {
  readonly client: Duplex;
  /** A new connection to Docker. Rejects when there is none. */
  connect(): Promise<Duplex>;
  readonly intercept: Intercept;
}

interface Upstream {
  readonly socket: Duplex;
  readonly reader: ByteReader;
  /** A request is on its way: the client's end must not overtake it. */
  sending: boolean;
}

/** Serves a client until it or Docker ends. Resolves when both connections are closed; never rejects. */
export async function serveConnection({ client, connect, intercept }: ConnectionOptions): Promise<void> {
  const reader = createReader(client);
  let upstream: Upstream | undefined;
  const drop = () => upstream?.socket.destroy();
  client.once("close", drop);
  try {
    for (let head = await readHead(reader); head; head = await readHead(reader)) {
      if (!upstream || upstream.reader.ended || upstream.socket.destroyed) upstream = await open(connect, reader);
      const exchange = new Exchange(client, reader, upstream, head);
      if (!(await exchange.run(intercept))) break;
    }
    client.end();
  } catch (error) {
    if (error instanceof Refusal) await answer(client, error.status, error.message, true).catch(() => {});
    client.end();
    // Either side has gone, or speaks no HTTP: there is nobody to tell.
    if (!(error instanceof Refusal)) client.destroy();
  } finally {
    drop();
    client.off("close", drop);
  }
}

/** Docker sees the client's end when it comes, also while it works: it stops `logs -f` and `wait` then. */
async function open(connect: () => Promise<Duplex>, client: ByteReader): Promise<Upstream> {
  const socket = await connect().catch((cause: Error) => {
    throw new Refusal(502, `weave: Docker does not answer (${(cause as NodeJS.ErrnoException).code ?? cause.message})`);
  });
  const reader = createReader(socket);
  const upstream: Upstream = { socket, reader, sending: true };
  // Later, because a request may just have been read whole, and is not on its way yet.
  void client.end.then(() => setImmediate(() => !upstream.sending && socket.end()));
  return upstream;
}

/** A request and its answer. */
class Exchange {
  readonly #client: Duplex;
  readonly #from: ByteReader;
  readonly #upstream: Upstream;
  readonly #head: Head;
  #sent = false;

  constructor(client: Duplex, from: ByteReader, upstream: Upstream, head: Head) {
    this.#client = client;
    this.#from = from;
    this.#upstream = upstream;
    upstream.sending = true;
    // Old clients put the path of the socket there, which Docker's server refuses.
    const named = header(head, "host").includes("/") ? withHeaders(head, { host: "docker" }) : head;
    this.#head = withoutUpgrade(named);
  }

  /** Whether the connection can take another request. */
  async run(intercept: Intercept): Promise<boolean> {
    const { method, path, query, version } = requestLine(this.#head);
    const framing = requestFraming(this.#head);
    const interception = intercept({ method, path, query });
    const mayTalkRaw = talksRaw.test(path);
    const close = version === "HTTP/1.0" || header(this.#head, "connection") === "close";
    try {
      const sending = this.#send(framing, interception, mayTalkRaw);
      // A client may be answered before it has sent all; what breaks the sending breaks the answer as well.
      if (interception?.request) await sending;
      else sending.catch(() => {});
      return (await this.#answer(method, interception, { mayTalkRaw, close })) && (await succeeded(sending));
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      // Part of Docker's answer may be unread.
      if (this.#sent) this.#upstream.socket.destroy();
      await answer(this.#client, error.status, error.message, close);
      return !close;
    }
  }

  async #send(framing: Framing, interception: Interception | undefined, mayTalkRaw: boolean): Promise<void> {
    const { socket } = this.#upstream;
    if (interception?.request) await this.#sendRewritten(framing, interception);
    else {
      await write(socket, headBytes(this.#head));
      await relayBody(this.#from, framing, socket);
    }
    this.#sent = true;
    this.#upstream.sending = false;
    if (!mayTalkRaw && this.#from.exhausted) socket.end();
  }

  async #sendRewritten(framing: Framing, interception: Interception): Promise<void> {
    if (header(this.#head, "expect") === "100-continue")
      await write(this.#client, Buffer.from("HTTP/1.1 100 Continue\r\n\r\n"));
    const body = await readBody(this.#from, framing, maxJsonBytes);
    const rewritten = (await interception.request?.(body)) ?? body;
    const changes = {
      expect: undefined,
      "transfer-encoding": undefined,
      "content-length": framing.is === "none" && rewritten.length === 0 ? undefined : `${rewritten.length}`,
    };
    await write(this.#upstream.socket, headBytes(withHeaders(this.#head, changes)));
    await write(this.#upstream.socket, rewritten);
  }

  async #answer(
    method: string,
    interception: Interception | undefined,
    { mayTalkRaw, close }: { mayTalkRaw: boolean; close: boolean },
  ): Promise<boolean> {
    const { socket, reader } = this.#upstream;
    const head = await this.#finalHead();
    const status = statusOf(head);
    const framing = responseFraming(head, method);
    await interception?.beforeAnswer?.(status);
    if (interception?.answer && framing.is !== "none") {
      await this.#answerRewritten(head, framing, interception);
      return !close && framing.is !== "open";
    }
    // Once the client was let talk raw, its next request could not be told from its input.
    const last = close || mayTalkRaw || framing.is === "open";
    await write(
      this.#client,
      headBytes(last && framing.is !== "open" ? withHeaders(head, { connection: "close" }) : head),
    );
    if (framing.is === "open") {
      // Only now: bytes sent before an answer that refuses would be requests that nobody looked into.
      if (status === 101 || mayTalkRaw) void pipe(this.#client, this.#from, socket);
      await pipe(socket, reader, this.#client);
      return false;
    }
    await relayBody(reader, framing, this.#client);
    return !last && header(head, "connection") !== "close";
  }

  /** Passes interim answers on. */
  async #finalHead(): Promise<Head> {
    for (;;) {
      const head = await readHead(this.#upstream.reader);
      if (!head) throw new StreamError("Docker closed the connection without an answer");
      const status = statusOf(head);
      if (status >= 200 || status === 101) return head;
      await write(this.#client, headBytes(head));
    }
  }

  async #answerRewritten(head: Head, framing: Framing, interception: Interception): Promise<void> {
    const body = await readBody(this.#upstream.reader, framing, maxJsonBytes);
    const rewritten = (await interception.answer?.(statusOf(head), body)) ?? body;
    const changes = { "transfer-encoding": undefined, "content-length": `${rewritten.length}` };
    await write(this.#client, Buffer.concat([headBytes(withHeaders(head, changes)), rewritten]));
  }
}

/** Only requests that may become raw keep the offer of another protocol: what follows an upgrade could not be looked into. */
function withoutUpgrade(head: Head): Head {
  if (header(head, "upgrade") === "" || talksRaw.test(requestLine(head).path)) return head;
  return withHeaders(head, { upgrade: undefined, connection: undefined });
}

/** Moves bytes until the sender ends, then ends the receiver's input; the other direction goes on. */
function pipe(from: Duplex, reader: ByteReader, to: Duplex): Promise<void> {
  const { ended } = reader;
  const ahead = reader.release();
  if (ahead.length > 0) to.write(ahead);
  if (ended) {
    to.end();
    return Promise.resolve();
  }
  return new Promise((resolve) => {
    from.once("end", resolve).once("close", resolve);
    to.once("close", resolve);
    from.pipe(to);
  });
}

/** An answer may come before the request is whole; its rest must pass before the next one. */
function succeeded(sending: Promise<void>): Promise<boolean> {
  return sending.then(
    () => true,
    () => false,
  );
}

/** Docker's own form of an error. */
function answer(client: Duplex, status: number, message: string, close: boolean): Promise<void> {
  const body = Buffer.from(`${JSON.stringify({ message })}\n`);
  const headers: [string, string][] = [
    ["Content-Type", "application/json"],
    ["Content-Length", `${body.length}`],
    ["Connection", close ? "close" : "keep-alive"],
  ];
  const head = headBytes({ first: `HTTP/1.1 ${status} ${status === 502 ? "Bad Gateway" : "Refused"}`, headers });
  return write(client, Buffer.concat([head, body]));
}
