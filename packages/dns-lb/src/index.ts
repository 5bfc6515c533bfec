/**
 * Names for containers, replicated by gossip, answered over DNS with the load spread.
 *
 * This entry is the pure part: the replicated names and the responder that turns a query's bytes into a reply's.
 * `@weaved/dns-lb/node` puts sockets around it.
 *
 * @example
 * ```ts
 * const names = createNames({ self: 1, clock, wallClock, isKnownPeer: () => true });
 * names.add("web.weave.local", "c1", parseIpv4("10.32.0.1")!);
 * names.lookup("WEB.weave.local."); // [169869313]
 * ```
 * @packageDocumentation
 */
export { formatIpv4, parseIpv4, parseSubnet, type Subnet } from "./address.ts";
export type { NameEntry } from "./entry.ts";
export { DnsError, type DnsErrorCode } from "./errors.ts";
export { createNames, type NameEntryJson, type NameFilter, type Names, type NamesOptions } from "./names.ts";
export type {
  Clock,
  GossipData,
  GossipHandler,
  GossipSender,
  Logger,
  Metrics,
  PeerName,
  Random,
  Store,
  WallClock,
} from "./ports.ts";
export type { RateLimitOptions } from "./rate-limit.ts";
export { type NameRecord, namesChannel, parseServiceLabel, recordsChannel, type ServiceRecord } from "./records.ts";
export type { Upstream } from "./resolv-conf.ts";
export {
  type Client,
  createResponder,
  type Dialect,
  type Responder,
  type ResponderOptions,
  type Verdict,
} from "./responder.ts";
export { type KeepNamesOptions, keepNames, type NamesSnapshot } from "./snapshot.ts";
export type { ClientAddress, NameStats, QueryStats, QueryTotals } from "./stats.ts";
export {
  type Candidate,
  type Health,
  knownBadLast,
  localFirst,
  roundRobin,
  type Strategy,
  shuffle,
  type Turn,
  weighted,
} from "./strategy.ts";
export { ownSubnet, type View } from "./zone.ts";
