/** The DNS server of one host: sockets around the responder, the fast path, the client policy, and the forwarder. */
import { randomInt } from "node:crypto";
import type { CidrInput } from "@weaved/ip";
import { type ClientPolicy, PRIVATE_NETWORKS } from "../clients.ts";
import { createFastAnswers } from "../fast-answers.ts";
import { createForwarder } from "../forwarder.ts";
import type { Names } from "../names.ts";
import {
  type Clock,
  type Logger,
  type Metrics,
  noMetrics,
  type PeerName,
  type Random,
  silentLogger,
} from "../ports.ts";
import type { RateLimitOptions } from "../rate-limit.ts";
import type { Upstream } from "../resolv-conf.ts";
import { createResponder, type Dialect, defaultMaxUdpBytes } from "../responder.ts";
import { createStats, type NameStats, type QueryStats, type QueryTotals } from "../stats.ts";
import { type Strategy, shuffle, usableOnly } from "../strategy.ts";
import type { View } from "../zone.ts";
import { listenUdpBatch, type OpenUdpBatch } from "./batch.ts";
import { systemClock } from "./clock.ts";
import { exchange } from "./exchange.ts";
import { type ListenAddress, type Listeners, type ListenOn, openListeners } from "./listeners.ts";
import { checkOptions } from "./options.ts";
import { watchResolverFile, withoutOwn } from "./resolver-file.ts";
import { type QueryLogLine, QueryService } from "./service.ts";
import { listenTcp } from "./tcp.ts";
import { listenUdp } from "./udp.ts";

/** What {@link startDnsServer} needs. */
export interface DnsServerOptions {
  readonly names: Names;
  /**
   * Addresses to listen on, UDP and TCP. `0.0.0.0` and `::` stand for all addresses of the host, whenever they come and go; so
   * may a function. @defaultValue `["0.0.0.0", "::"]`
   */
  readonly address?: ListenOn;
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
  /** @defaultValue 1232; 65535 in dialect `legacy` */
  readonly maxUdpBytes?: number;
  /** @defaultValue everyone sees everything */
  readonly view?: View;
  /** Whose queries are answered; others are refused. @defaultValue private, link-local, and loopback networks */
  readonly clients?: ClientPolicy;
  /** Subnets whose unused addresses have no name anywhere: reverse look-ups of them are not forwarded. @defaultValue none */
  readonly ownSubnets?: readonly CidrInput[];
  /** Whether the containers of a peer can be reached; others are left out while there is one. @defaultValue always */
  readonly isReachable?: (peer: PeerName) => boolean;
  /** Limits for `clients: "any"`; false: none. @defaultValue 100 queries a second for each source outside private networks */
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

/** A running server. */
export interface DnsServer extends AsyncDisposable {
  /** Where it listens now, real ports filled in. */
  readonly addresses: readonly ListenAddress[];
  /** `ip:port` of the first of {@link DnsServer.addresses}; empty while there is none. */
  readonly address: string;
  readonly domain: string;
  readonly ttl: number;
  /** The upstreams of the moment, for status texts. */
  upstreams(): Promise<readonly string[]>;
  stats(): { readonly totals: Readonly<QueryTotals>; readonly names: ReadonlyMap<string, Readonly<NameStats>> };
  /** Calls `fn` for every query from now on; undefined switches the log off. While on, the fast path is not used. */
  queryLog(fn: ((line: QueryLogLine) => void) | undefined): void;
  /** Looks at the host's addresses now rather than within a second. */
  followAddresses(): Promise<void>;
  /** Idempotent; resolves when sockets and timers are gone. */
  close(): Promise<void>;
}

/** How often totals go to the metrics port. */
const METRICS_MS = 5000;

/**
 * Starts to serve.
 * @throws DnsError `DNS_BAD_OPTION`, `DNS_BAD_ADDRESS`, `DNS_LISTEN_FAILED`, with nothing left open
 */
export async function startDnsServer(options: DnsServerOptions): Promise<DnsServer> {
  checkOptions(options);
  const { names, clock = systemClock, logger = silentLogger, metrics = noMetrics, ttl = 1 } = options;
  const stats = createStats();
  let listeners: Listeners | undefined;
  const servers = upstreamSource(options, () => listeners?.bound ?? [], clock, logger);
  const service = createService(options, { stats, servers, clock, logger });
  const listen = options.udpBatch === undefined ? listenUdp : listenUdpBatch(options.udpBatch);
  listeners = await openListeners({
    on: options.address ?? ["0.0.0.0", "::"],
    port: options.port ?? 53,
    open: (address, port) => openBoth(address, port, service, listen),
    clock,
    logger,
  });
  const stopMetrics = reportTotals(stats.totals, metrics, clock);
  let closing: Promise<void> | undefined;
  const open = listeners;
  const close = (): Promise<void> => {
    stopMetrics();
    closing ??= open.close();
    return closing;
  };
  return {
    get addresses() {
      return open.bound;
    },
    get address() {
      return textOf(open.bound[0]);
    },
    domain: names.domain,
    ttl,
    upstreams: async () => (await servers()).map(({ address }) => address),
    stats: () => ({ totals: { ...stats.totals }, names: stats.names }),
    queryLog: (fn) => service.setLog(fn),
    followAddresses: () => open.follow(),
    close,
    [Symbol.asyncDispose]: close,
  };
}

const textOf = (bound: ListenAddress | undefined): string => {
  if (bound === undefined) return "";
  return bound.address.includes(":") ? `[${bound.address}]:${bound.port}` : `${bound.address}:${bound.port}`;
};

async function openBoth(
  address: string,
  port: number,
  service: QueryService,
  listen: typeof listenUdp,
): Promise<ListenAddress & { close(): Promise<void> }> {
  const tcp = await listenTcp(address, port, service);
  try {
    const udp = await listen(address, tcp.port, service);
    return { address, port: tcp.port, close: async () => void (await Promise.all([tcp.close(), udp.close()])) };
  } catch (error) {
    await tcp.close();
    throw error;
  }
}

interface ServiceContext {
  readonly stats: QueryStats;
  readonly servers: () => Promise<readonly Upstream[]>;
  readonly clock: Clock;
  readonly logger: Logger;
}

function createService(options: DnsServerOptions, { stats, servers, clock, logger }: ServiceContext): QueryService {
  const { names, random = Math.random, dialect = "standard", view, ttl = 1, isReachable = () => true } = options;
  const strategy = usableOnly(options.strategy ?? shuffle(), isReachable);
  const maxUdpBytes = options.maxUdpBytes ?? defaultMaxUdpBytes(dialect);
  const shared = { names, random, strategy, ttl, dialect, maxUdpBytes, stats, view };
  return new QueryService({
    responder: createResponder({ ...shared, ownSubnets: options.ownSubnets }),
    fast: createFastAnswers(shared),
    forwarder: createForwarder({
      exchange,
      servers,
      clock,
      logger,
      randomId: () => randomInt(0x10000),
      timeoutMs: options.fallbackTimeoutMs ?? 5000,
      hedgeMs: options.hedgeMs ?? 300,
    }),
    clients: options.clients ?? PRIVATE_NETWORKS,
    rateLimit: options.rateLimit ?? {},
    clock,
    logger,
  });
}

function upstreamSource(
  { upstreams = { file: "/etc/resolv.conf" } }: DnsServerOptions,
  own: () => readonly ListenAddress[],
  clock: Clock,
  logger: Logger,
): () => Promise<readonly Upstream[]> {
  if ("file" in upstreams) return watchResolverFile(upstreams.file, own, () => clock.now(), logger);
  return async () => withoutOwn(upstreams.servers, own());
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
    cancel = clock.after(METRICS_MS, report);
  };
  if (metrics !== noMetrics) report();
  return () => cancel();
}
