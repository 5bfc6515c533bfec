/** Checks of what a caller asks of the server, before anything is opened. */
import { isIP } from "node:net";
import { DnsError } from "../errors.ts";
import { isUpstreamAddress, type Upstream } from "../resolv-conf.ts";
import type { ListenOn } from "./listeners.ts";

/** The options that have a range. */
export interface RangedOptions {
  readonly address?: ListenOn | undefined;
  readonly port?: number | undefined;
  readonly ttl?: number | undefined;
  readonly maxUdpBytes?: number | undefined;
  readonly fallbackTimeoutMs?: number | undefined;
  readonly hedgeMs?: number | undefined;
  readonly upstreams?: { readonly file: string } | { readonly servers: readonly Upstream[] } | undefined;
}

const MAX_PORT = 65_535;
/** RFC 2181 section 8. */
const MAX_TTL = 2 ** 31 - 1;
/** Longest time that a timer of Node takes. */
const MAX_MS = 2 ** 31 - 1;

/** @throws DnsError `DNS_BAD_OPTION` */
export function checkOptions(options: RangedOptions): void {
  checkInteger("port", options.port, 0, MAX_PORT);
  checkInteger("ttl", options.ttl, 0, MAX_TTL);
  checkInteger("maxUdpBytes", options.maxUdpBytes, 512, 65_535);
  checkInteger("fallbackTimeoutMs", options.fallbackTimeoutMs, 1, MAX_MS);
  checkInteger("hedgeMs", options.hedgeMs, 0, MAX_MS);
  const { address = [], upstreams } = options;
  if (typeof address !== "function") for (const each of [address].flat()) checkListenAddress(each);
  if (upstreams === undefined || "file" in upstreams) return;
  for (const { address: server, port } of upstreams.servers) {
    if (!isUpstreamAddress(server)) throw bad("an upstream", server, "an IPv4 or IPv6 address");
    checkInteger("an upstream's port", port, 1, MAX_PORT);
  }
}

function checkListenAddress(address: string): void {
  if (isIP(address) === 0) throw bad("address", address, "an IPv4 or IPv6 address");
}

function checkInteger(name: string, value: number | undefined, min: number, max: number): void {
  if (value === undefined || (Number.isInteger(value) && value >= min && value <= max)) return;
  throw bad(name, value, `an integer from ${min} to ${max}`);
}

const bad = (name: string, value: unknown, expected: string): DnsError =>
  new DnsError("DNS_BAD_OPTION", `${name}: ${JSON.stringify(value)} is not valid; expected ${expected}`);
