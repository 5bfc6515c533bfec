import type { PeerName } from "../ports.ts";

/** One end's view of a connection. Immutable. */
export interface Link {
  readonly to: PeerName;
  /** `ip:port` of the remote end as the owner sees it; dialled if `outbound`, else mostly an ephemeral port. */
  readonly address: string;
  readonly outbound: boolean;
  /** The overlay carries frames. Until then gossip flows, frames do not. */
  readonly established: boolean;
}

/** Everything about one peer. A change makes a new record; `links` is in ascending order of `to`. */
export interface PeerRecord {
  readonly name: PeerName;
  readonly nickname: string;
  /** Distinguishes incarnations; 0 marks a placeholder that somebody mentioned but nobody has described. */
  readonly uid: bigint;
  readonly version: bigint;
  /** 12 bits; meaningful only with `hasShortId`. */
  readonly shortId: number;
  readonly hasShortId: boolean;
  readonly links: readonly Link[];
}

/** What a search for routes needs to know. */
export interface Graph {
  get(name: PeerName): PeerRecord | undefined;
  readonly size: number;
}

/** Index of the first link whose `to` is not below `name`. */
function lowerBound(links: readonly Link[], name: PeerName): number {
  let low = 0;
  let high = links.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (links[middle]!.to < name) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Index of the link to a peer; -1 if there is none. */
export function placeOf(links: readonly Link[], to: PeerName): number {
  const at = lowerBound(links, to);
  return links[at]?.to === to ? at : -1;
}

/** The link to a peer, if there is one. */
export function findLink(links: readonly Link[], to: PeerName): Link | undefined {
  const found = links[lowerBound(links, to)];
  return found?.to === to ? found : undefined;
}

/** The links with one added, or replaced. */
export function withLink(links: readonly Link[], link: Link): Link[] {
  const at = lowerBound(links, link.to);
  const next = links.slice();
  next.splice(at, links[at]?.to === link.to ? 1 : 0, link);
  return next;
}

/** The links without one. */
export function withoutLink(links: readonly Link[], to: PeerName): Link[] {
  return links.filter((link) => link.to !== to);
}

/** Links in ascending order, the last one winning where a hostile list names a peer twice. */
export function sortLinks(links: readonly Link[]): readonly Link[] {
  let sorted = true;
  for (let i = 1; i < links.length && sorted; i++) sorted = links[i - 1]!.to < links[i]!.to;
  if (sorted) return links;
  const unique = new Map(links.map((link) => [link.to, link]));
  return [...unique.values()].sort((a, b) => a.to - b.to);
}

/** Whether two links say the same. */
export function sameLink(a: Link, b: Link): boolean {
  return a.to === b.to && a.established === b.established && a.outbound === b.outbound && a.address === b.address;
}
