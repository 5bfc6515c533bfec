/**
 * The DNS server of a host: UDP and TCP sockets, upstream name servers, the resolver file.
 * @packageDocumentation
 */
export type { OpenUdpBatch, UdpBatch } from "./batch.ts";
export { systemClock, systemWallClock } from "./clock.ts";
export { hostAddresses } from "./host-addresses.ts";
export { createHostNames as createNames } from "./names.ts";
export { type DnsServer, type DnsServerOptions, startDnsServer } from "./server.ts";
export type { QueryLogLine } from "./service.ts";
