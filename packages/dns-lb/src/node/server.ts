/** The DNS server of one host: sockets around the responder, the fast path, the limiter, and the forwarder. */
import { randomInt } from "node:crypto";
import { formatIpv4 } from "../address.ts";
import { createFastAnswers, type FastAnswers } from "../fast-answers.ts";
import { createForwarder, type Forwarder } from "../forwarder.ts";
import { parseQuery, rcode } from "../message.ts";
import type { Names } from "../names.ts";
import { type Clock, type Logger, type Metrics, noMetrics, type Random, silentLogger } from "../ports.ts";
import { createRateLimiter, type RateLimitOptions } from "../rate-limit.ts";
import type { Upstream } from "../resolv-conf.ts";
import { type Client, createResponder, type Dialect, type Responder } from "../responder.ts";
import { createStats, type NameStats, type QueryStats, type QueryTotals } from "../stats.ts";
import { type Strategy, shuffle } from "../strategy.ts";
import type { View } from "../zone.ts";
import { listenUdpBatch, type OpenUdpBatch } from "./batch.ts";
import { systemClock } from "./clock.ts";
import { exchange } from "./exchange.ts";
import { type ListenAddress, watchResolverFile } from "./resolver-file.ts";
import { listenTcp, type TcpListener } from "./tcp.ts";
import { listenUdp, type UdpHandlers, type UdpListener } from "./udp.ts";

/** What {@link startDnsServer} needs. */
export interface DnsServerOptions {
  readonly names: Names;
  /** One or several addresses to listen on, UDP and TCP. @defaultValue `0.0.0.0` */
  readonly address?: string | readonly string[];
  /** 0 takes a free one. @defaultValue 53 */
  readonly port?: number;
  /** Where other names go: a resolver file to follow, or fixed servers. @defaultValue `{ file: "/etc/resolv.conf" }` */
  readonly upstreams?: { readonly file: string } | { readonly servers: readonly Upstream[] };
  /** Seconds. @defaultValue 1 */
  readonly ttl?: number;
  /** @defaultValue `shuffle()` */
  readonly strategy?: Strategy;
  /** @defaultValue `standard` */
  readonly dialect?: Dialect;
  /** @defaultValue 1232; 65535 in dialect `original` */
  readonly maxUdpBytes?: number;
  /** @defaultValue everyone sees everything */
  readonly view?: View;
  /** false: none. @defaultValue 100 queries a second for each source that is no private address */
  readonly rateLimit?: RateLimitOptions | false;
  /** How long one upstream may take. @defaultValue 5000 */
  readonly fallbackTimeoutMs?: number;
  /** After how long the next upstream is asked as well. @defaultValue 300 */
  readonly hedgeMs?: number;
  /** Batched sockets, `openUdpBatch` of `@weaved/tun-datapath/linux`. @defaultValue one datagram at a time */
  readonly udpBatch?: OpenUdpBatch;
  /** @defaultValue `Math.random` */
  readonly random?: Random;
  /** @defaultValue the system's */
  readonly clock?: Clock;
  /** @defaultValue silent */
  readonly logger?: Logger;
  /** @defaultValue none */
  readonly metrics?: Metrics;
}

/** One line of the query log. */
export interface QueryLogLine {
  /** Text form. */
  readonly client: string;
  readonly transport: "udp" | "tcp";
  readonly name: string;
  readonly type: number;
  readonly rcode: number;
  readonly bytes: number;
  /** True when an upstream answered. */
  readonly forwarded: boolean;
  readonly ms: number;
}

/** A running server. */
export interface DnsServer extends AsyncDisposable {
  /** Where it listens, real ports filled in. */
  readonly addresses: readonly ListenAddress[];
  /** `ip:port` of the first, as `GET /dns-address-port` shows it. */
  readonly address: string;
  readonly domain: string;
  readonly ttl: number;
  /** The upstreams of the moment, for status texts. */
  upstreams(): Promise<readonly string[]>;
  stats(): { readonly totals: Readonly<QueryTotals>; readonly names: ReadonlyMap<string, Readonly<NameStats>> };
  /** Calls `fn` for every query from now on; undefined switches the log off. While on, the fast path rests. */
  queryLog(fn: ((line: QueryLogLine) => void) | undefined): void;
  /** Idempotent; resolves when sockets and timers are gone. */
  close(): Promise<void>;
}

/** How often totals go to the metrics port. */
const metricsMs = 5000;

/** Starts to serve. @throws DnsError `DNS_LISTEN_FAILED`, with nothing left open */
export async function startDnsServer(options: DnsServerOptions): Promise<DnsServer> {
  const { names, port = 53, clock = systemClock, logger = silentLogger, metrics = noMetrics, ttl = 1 } = options;
  const stats = createStats();
  const listens: ListenAddress[] = [];
  const servers = upstreamSource(options, listens, clock, logger);
  const { random = Math.random, strategy = shuffle(), dialect = "standard", view } = options;
  const maxUdpBytes = options.maxUdpBytes ?? (dialect === "original" ? 65_535 : 1232);
  const shared = { names, random, strategy, ttl, dialect, maxUdpBytes, stats };
  const responder = createResponder(view === undefined ? shared : { ...shared, view });
  const forwarder = createForwarder({
    exchange,
    servers,
    clock,
    logger,
    randomId: () => randomInt(0x10000),
    timeoutMs: options.fallbackTimeoutMs ?? 5000,
    hedgeMs: options.hedgeMs ?? 300,
  });
  const fast = createFastAnswers({ ...shared, view });
  const service = createService({ options, responder, forwarder, fast, stats, clock });

  const open: (UdpListener | TcpListener)[] = [];
  try {
    for (const address of [options.address ?? "0.0.0.0"].flat()) {
      const tcp = await listenTcp(address, port, service.overTcp);
      open.push(tcp);
      const listen = options.udpBatch === undefined ? listenUdp : listenUdpBatch(options.udpBatch);
      open.push(await listen(address, tcp.port, service));
      listens.push({ address, port: tcp.port });
    }
  } catch (error) {
    await Promise.all(open.map((listener) => listener.close()));
    throw error;
  }
  const stopMetrics = reportTotals(stats.totals, metrics, clock);
  const first = listens[0]!;
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => {
    stopMetrics();
    closing ??= Promise.all(open.map((listener) => listener.close())).then(() => {});
    return closing;
  };
  return {
    addresses: listens,
    address: first.address.includes(":") ? `[${first.address}]:${first.port}` : `${first.address}:${first.port}`,
    domain: names.domain,
    ttl,
    upstreams: async () => (await servers()).map(({ address }) => address),
    stats: () => ({ totals: { ...stats.totals }, names: stats.names }),
    queryLog: service.setLog,
    close,
    [Symbol.asyncDispose]: close,
  };
}

function upstreamSource(
  options: DnsServerOptions,
  own: readonly ListenAddress[],
  clock: Clock,
  logger: Logger,
): () => Promise<readonly Upstream[]> {
  const { upstreams = { file: "/etc/resolv.conf" } } = options;
  if ("file" in upstreams)
    return watchResolverFile(
      upstreams.file,
      () => own,
      () => clock.now(),
      logger,
    );
  return () => Promise.resolve(upstreams.servers);
}

interface ServiceParts {
  readonly options: DnsServerOptions;
  readonly responder: Responder;
  readonly forwarder: Forwarder;
  readonly fast: FastAnswers;
  readonly stats: QueryStats;
  readonly clock: Clock;
}

interface Service extends UdpHandlers {
  overTcp(message: Uint8Array, client: Client["address"]): Promise<Uint8Array | undefined>;
  setLog(fn: ((line: QueryLogLine) => void) | undefined): void;
}

/** What happens to a message once it is off the socket. */
function createService({ options, responder, forwarder, fast, stats, clock }: ServiceParts): Service {
  const { totals } = stats;
  const limits = options.rateLimit ?? {};
  const limiter = limits === false ? undefined : createRateLimiter(limits, randomInt(2 ** 32 - 1));
  let log: ((line: QueryLogLine) => void) | undefined;

  const note = (message: Uint8Array, client: Client, reply: Uint8Array, forwarded: boolean, since: number): void => {
    const parsed = log === undefined ? undefined : parseQuery(message);
    if (parsed?.kind !== "query") return;
    const { name = "", type = 0 } = parsed.query.questions[0] ?? {};
    const text = typeof client.address === "number" ? formatIpv4(client.address) : client.address;
    log?.({
      client: text,
      transport: client.transport,
      name,
      type,
      rcode: reply[3]! & 15,
      bytes: reply.length,
      forwarded,
      ms: clock.now() - since,
    });
  };
  /** The reply at once, a promise of one, or nothing. */
  const handle = (message: Uint8Array, client: Client): Uint8Array | undefined | Promise<Uint8Array | undefined> => {
    const since = clock.now();
    const verdict = responder.respond(message, client);
    if (verdict.do === "drop") return undefined;
    if (verdict.do === "reply") {
      note(message, client, verdict.bytes, false, since);
      return verdict.bytes;
    }
    const { query } = verdict;
    if (forwarder.recognise(query.questions[0]?.name ?? ".")) return responder.fail(query, client, rcode.refused);
    const copy = new Uint8Array(message);
    return forwarder.forward(copy, client.transport).then((forwarded) => {
      if (forwarded === undefined) totals.upstreamFailed++;
      const reply =
        forwarded ??
        responder.fail({ ...query, questionBytes: copy.subarray(12, 12 + query.questionBytes.length) }, client);
      note(copy, client, reply, true, since);
      return reply;
    });
  };
  const now = (): number => clock.now();
  let refused = 0;
  let hintedAt = 0;
  return {
    admit: (client) => limiter === undefined || limiter.admits(client, now),
    refuse(message, peer, listener) {
      totals.limited++;
      // Of two that are refused one may hear a mere TC, no larger than the query: worthless to an amplifier, a hint to an
      // honest client to come over TCP. A thousand hints a second are enough.
      if (++refused % 2 !== 0 || clock.now() - hintedAt < 1) return;
      hintedAt = clock.now();
      const parsed = parseQuery(message);
      if (parsed.kind === "query") listener.send(responder.truncated(parsed.query), peer);
    },
    fast: (message, start, end, client, out, at, outEnd) =>
      log === undefined ? fast.answer(message, start, end, client, out, at, outEnd) : 0,
    slow(message, peer, listener) {
      const reply = handle(message, { address: peer.address, transport: "udp" });
      if (reply instanceof Uint8Array) listener.send(reply, peer);
      else void reply?.then((bytes) => bytes && listener.send(bytes, peer)).catch(() => {});
    },
    overTcp: async (message, address) => handle(message, { address, transport: "tcp" }),
    setLog(fn) {
      log = fn;
    },
  };
}

function reportTotals(totals: QueryTotals, metrics: Metrics, clock: Clock): () => void {
  const reported: Record<string, number> = {};
  let cancel = (): void => {};
  const report = (): void => {
    for (const [name, value] of Object.entries(totals)) {
      const more = value - (reported[name] ?? 0);
      if (more > 0) metrics.count("dns_queries", more, { outcome: name });
      reported[name] = value;
    }
    cancel = clock.after(metricsMs, report);
  };
  if (metrics !== noMetrics) report();
  return () => cancel();
}
