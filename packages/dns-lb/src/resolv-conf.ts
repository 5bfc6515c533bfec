/** What `resolv.conf(5)` says about where to ask. `search` and `ndots` are the asker's business, not ours. */

/** A server to ask. */
export interface Upstream {
  /** IPv4 or IPv6 text, the latter perhaps with `%zone`. */
  readonly address: string;
  /** @defaultValue 53 */
  readonly port?: number;
}

/** Servers asked at most; the C library stops at three, container hosts rarely list more. */
const most = 8;

/** The `nameserver` lines in order, repetitions left out. Bounded by: 8. */
export function parseResolvConf(text: string): Upstream[] {
  const addresses = new Set<string>();
  for (const line of text.split("\n")) {
    const match = /^\s*nameserver\s+([0-9a-fA-F.:]+(?:%\S+)?)\s*(?:[#;].*)?$/.exec(line);
    if (match?.[1] !== undefined) addresses.add(match[1]);
  }
  return [...addresses].slice(0, most).map((address) => ({ address }));
}
