/**
 * The DNS server of a host: UDP and TCP sockets, upstream name servers, the resolver file.
 * @packageDocumentation
 */
export type { OpenUdpBatch, UdpBatch } from "./batch.ts";
export { systemClock, systemWallClock } from "./clock.ts";
export type { ListenAddress } from "./resolver-file.ts";
export { type DnsServer, type DnsServerOptions, type QueryLogLine, startDnsServer } from "./server.ts";
