/** What `resolv.conf(5)` says about where to ask. `search` and `ndots` concern the client, not this server. */
import { Ip } from "@weaved/ip";

/** A server to ask. */
export interface Upstream {
  /** IPv4 or IPv6 text, the latter perhaps with `%zone`. */
  readonly address: string;
  /** @defaultValue 53 */
  readonly port?: number;
}

/** Servers asked at most; the C library stops at three, container hosts rarely list more. */
const MAX_SERVERS = 8;

/** Whether a text is an address of an upstream: IPv4, or IPv6 perhaps with `%zone`. */
export function isUpstreamAddress(text: string): boolean {
  const [address = "", zone, ...rest] = text.split("%");
  const ip = Ip.tryParse(address);
  return ip !== undefined && rest.length === 0 && (zone === undefined || (ip.family === 6 && zone !== ""));
}

/** The `nameserver` lines in order, repetitions left out. Of several words on a line the first counts, as in glibc. */
export function parseResolvConf(text: string): Upstream[] {
  const addresses = new Set<string>();
  for (const line of text.split("\n")) {
    const address = /^\s*nameserver\s+([^\s#;]+)/.exec(line)?.[1];
    if (address !== undefined && isUpstreamAddress(address)) addresses.add(address);
  }
  return [...addresses].slice(0, MAX_SERVERS).map((address) => ({ address }));
}
