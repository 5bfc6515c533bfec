import type { OwnedRange, PeerName } from "./ports.ts";
import { type AddressRange, type Block, blockSize } from "./ranges.ts";

/** A route to a peer, and the owned addresses for which it is the longest match. */
export interface Covering {
  readonly block: Block;
  readonly peer: PeerName;
  readonly serves: AddressRange[];
}

/** One block of the trie. `peers` are those that would make the fewest routes below; empty: nobody owns an address here. */
interface Node {
  readonly block: Block;
  readonly peers: readonly PeerName[];
  readonly segments: readonly OwnedRange[];
  readonly halves?: readonly [Node, Node];
}

const FREE: readonly PeerName[] = [];

/**
 * The fewest routes under longest-prefix match that send every owned address to its owner (Draves, King, Venkatachary,
 * Zill: "Constructing Optimal IP Routing Tables", 1999), where unowned addresses inside the block may go anywhere.
 *
 * ```
 *  /16 owned by A, except one /20 of B:      exact: 4 blocks of A, 1 of B      here: A=/16, B=/20
 *  A A A A | A A A B | A A A A ...
 * ```
 * @param prefer - the peer a block's route leads to now, so that a free choice changes nothing
 */
export function aggregate(
  root: Block,
  ranges: readonly OwnedRange[],
  prefer: (block: Block) => PeerName | undefined,
): Covering[] {
  const inside = clip(ranges, root);
  const routes: Covering[] = [];
  if (inside.length > 0) assign(build(root, inside), undefined, prefer, routes);
  return routes;
}

function build(block: Block, segments: readonly OwnedRange[]): Node {
  const first = segments[0];
  if (first === undefined) return { block, peers: FREE, segments };
  // One owner and free space: one route does, however the ranges are cut.
  if (segments.every((segment) => segment.peer === first.peer)) return { block, peers: [first.peer], segments };
  const half = blockSize(block.length) / 2;
  const low: Block = { start: block.start, length: block.length + 1 };
  const high: Block = { start: block.start + half, length: block.length + 1 };
  const halves: [Node, Node] = [build(low, clip(segments, low)), build(high, clip(segments, high))];
  return { block, peers: meet(halves[0].peers, halves[1].peers), segments, halves };
}

function assign(
  node: Node,
  above: Covering | undefined,
  prefer: (block: Block) => PeerName | undefined,
  routes: Covering[],
): void {
  if (node.peers === FREE) return;
  let via = above;
  if (via === undefined || !node.peers.includes(via.peer)) {
    const wish = prefer(node.block);
    const peer = wish !== undefined && node.peers.includes(wish) ? wish : (node.peers[0] as PeerName);
    via = { block: node.block, peer, serves: [] };
    routes.push(via);
  }
  if (node.halves === undefined) via.serves.push(...node.segments);
  else for (const half of node.halves) assign(half, via, prefer, routes);
}

/** Peers good for both halves, or else for either. Both inputs sorted; free space agrees with everything. */
function meet(a: readonly PeerName[], b: readonly PeerName[]): readonly PeerName[] {
  if (a === FREE) return b;
  if (b === FREE) return a;
  const inB = new Set(b);
  const both = a.filter((peer) => inB.has(peer));
  if (both.length > 0) return both;
  return [...a, ...b].sort((x, y) => x - y);
}

/** The parts of sorted ranges that lie in a block. */
function clip(ranges: readonly OwnedRange[], block: Block): OwnedRange[] {
  const end = block.start + blockSize(block.length);
  const parts: OwnedRange[] = [];
  for (const range of ranges) {
    if (range.end <= block.start) continue;
    if (range.start >= end) break;
    const whole = range.start >= block.start && range.end <= end;
    parts.push(
      whole ? range : { start: Math.max(range.start, block.start), end: Math.min(range.end, end), peer: range.peer },
    );
  }
  return parts;
}
