/** What happens to a message once it is off the socket. */
import { randomInt } from "node:crypto";
import { formatIpv4 } from "../address.ts";
import { type ClientPolicy, createClientCheck, createRefusalLimiter } from "../clients.ts";
import { presentationOf } from "../domain.ts";
import type { FastAnswers } from "../fast-answers.ts";
import type { Forwarder } from "../forwarder.ts";
import { HEADER_BYTES, parseQuery, type Query, RCODE } from "../message.ts";
import type { Clock, Logger } from "../ports.ts";
import { createRateLimiter, type RateLimiter, type RateLimitOptions } from "../rate-limit.ts";
import type { Client, Responder, Verdict } from "../responder.ts";
import type { ClientAddress } from "../stats.ts";
import type { TcpHandlers } from "./tcp.ts";
import type { UdpHandlers, UdpListener, UdpPeer } from "./udp.ts";

/** One line of the query log. */
export interface QueryLogLine {
  /** Text form. */
  readonly client: string;
  readonly transport: "udp" | "tcp";
  /** As zone files write it: bytes other than printable ASCII are `\DDD`. */
  readonly name: string;
  readonly type: number;
  readonly rcode: number;
  readonly bytes: number;
  /** True when an upstream answered. */
  readonly forwarded: boolean;
  readonly ms: number;
}

/** What {@link QueryService} needs. */
export interface ServiceOptions {
  readonly responder: Responder;
  readonly forwarder: Forwarder;
  readonly fast: FastAnswers;
  readonly clients: ClientPolicy;
  readonly rateLimit: RateLimitOptions | false;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** How often failures of code that is not ours (a view, a strategy) are logged. */
const FAILURE_LOG_MS = 60_000;

/** A message on its way to an answer. */
interface Arrival {
  readonly message: Uint8Array;
  readonly client: Client;
  readonly sinceMs: number;
}

/** Answers messages of both transports. */
export class QueryService implements UdpHandlers, TcpHandlers {
  readonly #options: ServiceOptions;
  readonly #check: ReturnType<typeof createClientCheck>;
  readonly #limiter: RateLimiter | undefined;
  readonly #refusals = createRefusalLimiter(randomSeed());
  readonly #now: () => number;
  #log: ((line: QueryLogLine) => void) | undefined;
  #limited = 0;
  #hintedAtMs = 0;
  #failureLoggedMs = Number.NEGATIVE_INFINITY;

  /** @throws DnsError `DNS_BAD_ADDRESS` */
  constructor(options: ServiceOptions) {
    this.#options = options;
    this.#now = () => options.clock.now();
    this.#check = createClientCheck(options.clients);
    const { rateLimit, clients } = options;
    // Clients that were named are trusted; only a server for everyone has to defend itself.
    const isNeeded = rateLimit !== false && (clients === "any" || rateLimit.trusted !== undefined);
    this.#limiter = isNeeded ? createRateLimiter(rateLimit, randomSeed()) : undefined;
  }

  /** Calls `fn` for every query from now on; undefined ends that. */
  setLog(fn: ((line: QueryLogLine) => void) | undefined): void {
    this.#log = fn;
  }

  admit(client: ClientAddress, port: number): boolean {
    if (port === 0 || !this.#check.isClient(client, this.#now)) return false;
    return this.#limiter === undefined || this.#limiter.admits(client, this.#now);
  }

  turnAway(message: Uint8Array, peer: UdpPeer, listener: UdpListener): void {
    const { totals } = this.#options.responder.stats;
    if (peer.port === 0) totals.unanswerable++;
    else if (this.#check.isClient(peer.address, this.#now)) this.#hint(message, peer, listener);
    else {
      totals.strangers++;
      const query = this.#refusals.admits(peer.address, this.#now()) ? queryOf(message) : undefined;
      if (query !== undefined) listener.send(this.#refusal(query, { address: peer.address, transport: "udp" }), peer);
    }
  }

  fast(slot: Parameters<FastAnswers["answer"]>[0]): number {
    if (this.#log !== undefined) return 0;
    try {
      return this.#options.fast.answer(slot);
    } catch (error) {
      this.#logFailure(error);
      return 0;
    }
  }

  slow(message: Uint8Array, peer: UdpPeer, listener: UdpListener): void {
    const reply = this.#handle(message, { address: peer.address, transport: "udp" });
    if (reply instanceof Uint8Array) listener.send(reply, peer);
    else void reply?.then((bytes) => listener.send(bytes, peer));
  }

  admitConnection(client: ClientAddress): "client" | "stranger" | "reject" {
    if (this.#check.isClient(client, this.#now)) return "client";
    this.#options.responder.stats.totals.strangers++;
    return this.#refusals.admits(client, this.#now()) ? "stranger" : "reject";
  }

  async overTcp(message: Uint8Array, address: ClientAddress): Promise<Uint8Array | undefined> {
    const client: Client = { address, transport: "tcp" };
    if (this.#check.isClient(address, this.#now)) return this.#handle(message, client);
    const query = queryOf(message);
    return query && this.#refusal(query, client);
  }

  #refusal(query: Query, client: Client): Uint8Array {
    return this.#options.responder.fail(query, client, RCODE.refused);
  }

  /**
   * Every other limited query may hear a mere TC, no larger than itself: worthless to an amplifier, a hint to an honest client to
   * come over TCP. A thousand hints a second are enough.
   */
  #hint(message: Uint8Array, peer: UdpPeer, listener: UdpListener): void {
    const { responder } = this.#options;
    responder.stats.totals.limited++;
    const nowMs = this.#now();
    if (++this.#limited % 2 !== 0 || nowMs - this.#hintedAtMs < 1) return;
    this.#hintedAtMs = nowMs;
    const query = queryOf(message);
    if (query !== undefined) listener.send(responder.truncated(query), peer);
  }

  /** The reply at once, a promise of one, or nothing. */
  #handle(message: Uint8Array, client: Client): Uint8Array | undefined | Promise<Uint8Array> {
    const { forwarder } = this.#options;
    const arrival = { message, client, sinceMs: this.#now() };
    const verdict = this.#respond(message, client);
    if (verdict.do === "drop") return undefined;
    if (verdict.do === "reply") {
      this.#note(arrival, verdict.bytes, false);
      return verdict.bytes;
    }
    const { query } = verdict;
    if (forwarder.recognise(query.questions[0]?.name ?? ".")) return this.#refusal(query, client);
    // The message is borrowed, and this takes longer.
    const copy = new Uint8Array(message);
    const questionBytes = copy.subarray(HEADER_BYTES, HEADER_BYTES + query.questionBytes.length);
    return this.#forward({ ...arrival, message: copy }, { ...query, questionBytes });
  }

  /** A view or a strategy that throws costs its query a SERVFAIL, never the process. */
  #respond(message: Uint8Array, client: Client): Verdict {
    const { responder } = this.#options;
    try {
      return responder.respond(message, client);
    } catch (error) {
      this.#logFailure(error);
      const query = queryOf(message);
      if (query === undefined) return { do: "drop" };
      return { do: "reply", bytes: responder.fail(query, client), query, rcode: RCODE.servFail };
    }
  }

  #logFailure(error: unknown): void {
    if (this.#now() - this.#failureLoggedMs < FAILURE_LOG_MS) return;
    this.#failureLoggedMs = this.#now();
    this.#options.logger.error("a query could not be answered: a view or a strategy failed", { error });
  }

  async #forward(arrival: Arrival, query: Query): Promise<Uint8Array> {
    const { responder, forwarder } = this.#options;
    const { client } = arrival;
    const forwarded = await forwarder.forward(arrival.message, client.transport);
    if (forwarded === undefined) responder.stats.totals.upstreamFailed++;
    let reply = forwarded ?? responder.fail(query, client);
    // An upstream that ignores the client's limit must not make an amplifier of this server.
    if (reply.length > responder.limitOf(query, client)) reply = responder.truncated(query);
    this.#note(arrival, reply, true);
    return reply;
  }

  #note({ message, client, sinceMs }: Arrival, reply: Uint8Array, forwarded: boolean): void {
    const query = this.#log && queryOf(message);
    if (query === undefined) return;
    const { name = ".", type = 0 } = query.questions[0] ?? {};
    const { address, transport } = client;
    this.#log?.({
      client: typeof address === "number" ? formatIpv4(address) : address,
      transport,
      name: presentationOf(name),
      type,
      rcode: reply[3]! & 15,
      bytes: reply.length,
      forwarded,
      ms: this.#now() - sinceMs,
    });
  }
}

function queryOf(message: Uint8Array): Query | undefined {
  const parsed = parseQuery(message);
  return parsed.kind === "query" ? parsed.query : undefined;
}

const randomSeed = (): number => randomInt(2 ** 32 - 1);
