import type { PeerName, Random } from "../ports.ts";
import type { Paths } from "../routing/paths.ts";
import { type Graph, placeOf } from "../topology/record.ts";

/** Neighbours of each peer that tell it in any case, not only when drawn: one may have another view, or be gone. */
const TELLERS = 2;

/**
 * The neighbours that count on us to be told. Draws alone leave out, now and then, a peer whose few neighbours have many
 * others: it would hear with the next periodic gossip, half a minute later. Who tells it for sure follows from its record
 * alone, and differs from peer to peer, so that the work is spread.
 */
export function dependents(graph: Graph & { readonly self: PeerName }): PeerName[] {
  const found: PeerName[] = [];
  for (const { to } of graph.get(graph.self)!.links) {
    const theirs = graph.get(to)?.links ?? [];
    const place = placeOf(theirs, graph.self);
    // Of one that has not told us of any link, we may be the only neighbour.
    if (theirs.length === 0 || (place >= 0 && (place + to) % theirs.length < TELLERS)) found.push(to);
  }
  return found;
}

/**
 * A few neighbours to gossip to, drawn without replacement, each as likely as it has peers behind it.
 * How many: `floor(min(2 * log2(N), neighbours))` for N peers, ourselves included, so that news reaches everybody with
 * near certainty although most neighbours are left out.
 *
 * @param paths - next hops to all peers over all links
 * @param except - the neighbour that the news came from
 */
export function drawNeighbours(paths: Paths, random: Random, except?: PeerName): PeerName[] {
  const weights = new Map<PeerName, number>();
  let total = 0;
  for (const hop of paths.values()) {
    if (hop === 0 || hop === except) continue;
    weights.set(hop, (weights.get(hop) ?? 0) + 1);
    total++;
  }
  const wanted = Math.floor(Math.min(2 * Math.log2(paths.size), weights.size));
  if (wanted >= weights.size) return [...weights.keys()];
  const drawn: PeerName[] = [];
  while (drawn.length < wanted) {
    let ticket = random() * total;
    for (const [name, weight] of weights) {
      ticket -= weight;
      if (ticket >= 0) continue;
      drawn.push(name);
      weights.delete(name);
      total -= weight;
      break;
    }
    // Rounding can leave the last ticket unclaimed; draw again.
  }
  return drawn;
}
