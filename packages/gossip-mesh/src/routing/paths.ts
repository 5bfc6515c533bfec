/**
 * The search that all routes follow from: breadth-first, each level in ascending order of names, so that peers with the
 * same topology find the same ways.
 *
 * The original runs each search to its end over maps of maps. This one stops when everybody is reached, which in a full
 * mesh is after the first peer: O(n) instead of O(n^2).
 */
import type { PeerName } from "../ports.ts";
import { findLink, type Graph, type PeerRecord } from "../topology/record.ts";

/** Which links count: all that are reported, or those that both ends report as established. */
export type LinkRule = "all" | "established";

/** Next hop per reached peer; the start itself maps to 0. */
export type Paths = Map<PeerName, PeerName>;

/**
 * Searches from `start`.
 *
 * @param stop - ends the search when its turn comes to be looked at; by then its level-mates of lower name have had theirs
 */
export function searchPaths(graph: Graph, start: PeerName, rule: LinkRule, stop?: PeerName): Paths {
  const paths: Paths = new Map([[start, 0]]);
  let level: PeerName[] = [start];
  while (level.length > 0) {
    const next: PeerName[] = [];
    for (const name of level) {
      if (name === stop) return paths;
      const peer = graph.get(name);
      if (peer) visit(graph, peer, rule, paths, next);
      // Nothing is left to find, so the rest of the search could not change a thing.
      if (paths.size === graph.size) return paths;
    }
    level = next.sort((a, b) => a - b);
  }
  return paths;
}

function visit(graph: Graph, peer: PeerRecord, rule: LinkRule, paths: Paths, found: PeerName[]): void {
  const hop = paths.get(peer.name)!;
  for (const link of peer.links) {
    if (paths.has(link.to) || !counts(graph, peer, link.to, link.established, rule)) continue;
    paths.set(link.to, hop === 0 ? link.to : hop);
    found.push(link.to);
  }
}

/**
 * Whether gossip of a peer reaches us by way of others: over our established links, then over any that is reported. In a
 * dense mesh a few looks tell.
 */
export function hearsFrom(graph: Graph, self: PeerName, peer: PeerName): boolean {
  const live = (graph.get(self)?.links ?? []).filter((link) => link.established && link.to !== peer);
  const tellsOf = (name: PeerName): boolean => findLink(graph.get(name)?.links ?? [], peer) !== undefined;
  if (live.some(({ to }) => tellsOf(to))) return true;
  const reached = new Set(live.map(({ to }) => to));
  // A Set grows while it is iterated, so it is its own queue.
  for (const name of reached) {
    if (tellsOf(name)) return true;
    for (const link of graph.get(name)?.links ?? []) if (link.to !== self) reached.add(link.to);
  }
  return false;
}

function counts(graph: Graph, from: PeerRecord, to: PeerName, established: boolean, rule: LinkRule): boolean {
  if (rule === "all") return graph.get(to) !== undefined;
  if (!established) return false;
  const remote = graph.get(to);
  return remote !== undefined && findLink(remote.links, from.name)?.established === true;
}

/** The neighbours of a peer under a rule. */
export function neighbours(graph: Graph, name: PeerName, rule: LinkRule): PeerName[] {
  const peer = graph.get(name);
  if (!peer) return [];
  return peer.links.filter((link) => counts(graph, peer, link.to, link.established, rule)).map((link) => link.to);
}

/** To whom `self` passes on what originated at `source`: the neighbours that the source's search reaches after us. */
export function broadcastHops(graph: Graph, self: PeerName, source: PeerName, rule: LinkRule): PeerName[] {
  if (!graph.get(source)) return [];
  const paths = searchPaths(graph, source, rule, self);
  if (!paths.has(self)) return [];
  return neighbours(graph, self, rule).filter((name) => !paths.has(name));
}
