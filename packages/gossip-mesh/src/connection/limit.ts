/**
 * Which connections to have when not all may be had. The rule that keeps a mesh in one piece: a link is given up only if
 * its two ends reach each other without it, and a peer that needs us to be reached at all is never turned away for good.
 */
import type { PeerName } from "../ports.ts";
import { findLink, type Graph } from "../topology/record.ts";

/** Smallest limit under which a mesh can stay connected and still grow: below it there are only chains. */
export const MIN_LIMIT = 3;
/** Connections beyond the limit that may exist for a while, so that a stranded peer learns of others through us. */
const GRACE = 4;

/** What to do with a connection that would be one too many. */
export type Admission =
  | { readonly do: "accept" }
  /** Make room by ending the link to this peer. */
  | { readonly do: "shed"; readonly link: PeerName }
  /** Accept beyond the limit; room is made later. */
  | { readonly do: "grace" }
  | { readonly do: "refuse"; readonly reason: string };

/** Discovered peers are dialled up to here only: the rest is room for those that dial us. */
export function discoveryLimit(limit: number): number {
  return limit === 0 ? Number.POSITIVE_INFINITY : limit - Math.max(1, Math.floor(limit / 8));
}

/** Whether `self` reaches `to` over links that either end reports, without their own. */
export function reachableOtherwise(graph: Graph, self: PeerName, to: PeerName): boolean {
  const reached = new Set([self]);
  for (const name of reached) {
    for (const link of graph.get(name)?.links ?? []) {
      if ((name === self && link.to === to) || reached.has(link.to)) continue;
      // Half-open links count for nothing: the other end may have ended it already.
      const back = findLink(graph.get(link.to)?.links ?? [], name);
      if (!back) continue;
      if (link.to === to) return true;
      reached.add(link.to);
    }
  }
  return false;
}

/** The link that is missed least: its ends reach each other without it, and the other end has the most links. */
export function redundantLink(graph: Graph, self: PeerName, keep: ReadonlySet<PeerName>): PeerName | undefined {
  const degree = (name: PeerName): number => graph.get(name)?.links.length ?? 0;
  const candidates = (graph.get(self)?.links ?? [])
    .map(({ to }) => to)
    .filter((to) => !keep.has(to))
    .sort((a, b) => degree(b) - degree(a) || a - b);
  return candidates.find((to) => reachableOtherwise(graph, self, to));
}

/** Decides about a connection with `remote`, when there are `count` already. */
export function admit(
  graph: Graph,
  self: PeerName,
  wish: { readonly remote: PeerName; readonly count: number; readonly limit: number },
): Admission {
  const { remote, count, limit } = wish;
  if (limit === 0 || count < limit) return { do: "accept" };
  if (reachableOtherwise(graph, self, remote)) {
    return { do: "refuse", reason: `all ${limit} connections are in use, and the peer is reachable through others` };
  }
  const link = count === limit ? redundantLink(graph, self, new Set([remote])) : undefined;
  if (link !== undefined) return { do: "shed", link };
  if (count < limit + GRACE) return { do: "grace" };
  return {
    do: "refuse",
    reason: `all ${limit} connections are in use, none can be spared, ${GRACE} more wait for room`,
  };
}
