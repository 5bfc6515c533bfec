/**
 * Names for containers, replicated by gossip, answered over DNS with the load spread.
 *
 * This entry is the pure part: the replicated names, the strategies, and the responder that turns a query's bytes into a reply's.
 * `@weaved/dns-lb/node` has the server with its sockets, and names with the clocks of the host.
 *
 * @example
 * ```ts
 * const names = createNames({ clock, wallClock, domain: "weave.local" });
 * names.add("web.weave.local", "c1", "10.32.0.1");
 * names.lookup("WEB.weave.local"); // [Ip 10.32.0.1]
 * ```
 * @packageDocumentation
 */
export type { NameEntry } from "./entry.ts";
export { DnsError, type DnsErrorCode } from "./errors.ts";
export { createNames, type Names, type NamesOptions } from "./names.ts";
export { NAMES_CHANNEL, type NameRecord, parseServiceLabel, RECORDS_CHANNEL } from "./records.ts";
export { createResponder, type Responder, type ResponderOptions } from "./responder.ts";
export { type KeepNamesOptions, keepNames } from "./snapshot.ts";
export { type Candidate, localFirst, roundRobin, type Strategy, shuffle, weighted } from "./strategy.ts";
export { ownSubnet, type View } from "./zone.ts";
