import type { PeerName, Random } from "../ports.ts";
import type { Paths } from "../routing/paths.ts";

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
