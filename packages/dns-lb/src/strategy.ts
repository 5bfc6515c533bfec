/** In which order, and how many of, the addresses of a name are answered. */
import type { PeerName, Random } from "./ports.ts";

/** An address that could be answered. */
export interface Candidate {
  /** Unsigned 32-bit IPv4. */
  readonly address: number;
  /** The peer that runs the container. */
  readonly origin: PeerName;
  readonly containerId: string;
  /** Share of the traffic; 1 unless a WEIGHT record says otherwise. */
  readonly weight: number;
  /** False while its peer announces the container as unhealthy. */
  readonly healthy: boolean;
}

/** What a strategy may look at besides the candidates. */
export interface Turn {
  readonly random: Random;
  /** How often this name was asked before; wraps at 2^30. */
  readonly count: number;
  /** The peer that answers. */
  readonly self: PeerName;
}

/** One way of balancing load. Runs for every answer, so it neither keeps what it is given nor waits. */
export interface Strategy {
  /** For status texts: `shuffle`, `local-first(shuffle)`. */
  readonly name: string;
  /**
   * Arranges `order`, on entry some permutation of the indexes of `candidates` (the last one of this name).
   * @returns how many of the leading ones to answer, at least one
   */
  arrange(candidates: readonly Candidate[], order: number[], turn: Turn): number;
}

/** Every order is equally likely, as in Weave Net 2.8. */
export function shuffle(): Strategy {
  return {
    name: "shuffle",
    arrange(_candidates, order, { random }) {
      for (let i = order.length - 1; i > 0; i--) {
        const j = Math.floor(random() * (i + 1));
        const swapped = order[i]!;
        order[i] = order[j]!;
        order[j] = swapped;
      }
      return order.length;
    },
  };
}

/** Every address leads in turn. */
export function roundRobin(): Strategy {
  return {
    name: "round-robin",
    arrange(_candidates, order, { count }) {
      const n = order.length;
      for (let i = 0; i < n; i++) order[i] = (count + i) % n;
      return n;
    },
  };
}

/**
 * Only containers on the answering host while there is one; otherwise all of them, in the order of `inner`.
 *
 * Remote addresses are left out, not just put last, because clients re-sort what they get (RFC 6724).
 */
export function localFirst(inner: Strategy = shuffle()): Strategy {
  return {
    name: `local-first(${inner.name})`,
    arrange(candidates, order, turn) {
      const count = inner.arrange(candidates, order, turn);
      const rank = (index: number): number => (candidates[index]!.origin === turn.self ? 0 : 1);
      const local = order.filter((index) => rank(index) === 0).length;
      if (local === 0) return count;
      order.sort((a, b) => rank(a) - rank(b));
      return local;
    },
  };
}

/**
 * An address leads in proportion to its weight, and so on for the following places; weight 0 comes last.
 *
 * Exponential keys (Efraimidis and Spirakis, 2006): the smallest of -ln(u)/w wins with probability w / sum of w.
 */
export function weighted(): Strategy {
  return {
    name: "weighted",
    arrange(candidates, order, { random }) {
      const keys = candidates.map(({ weight }) =>
        weight > 0 ? -Math.log(1 - random()) / weight : Number.POSITIVE_INFINITY,
      );
      order.sort((a, b) => (keys[a] === keys[b] ? 0 : keys[a]! - keys[b]!));
      return order.length;
    },
  };
}

/**
 * Leaves out containers that are unhealthy or whose peer cannot be reached, while there is a usable one; `inner` arranges the
 * rest. When none is usable, all are answered: the information may be wrong, and an empty answer helps no client.
 */
export function usableOnly(inner: Strategy, isReachable: (peer: PeerName) => boolean): Strategy {
  const isUsable = ({ healthy, origin }: Candidate): boolean => healthy && isReachable(origin);
  return {
    name: inner.name,
    arrange(candidates, order, turn) {
      // A loop, because this runs for every answer and nearly always finds nothing.
      let usable = 0;
      for (const candidate of candidates) if (isUsable(candidate)) usable++;
      if (usable === 0 || usable === candidates.length) return inner.arrange(candidates, order, turn);
      return arrangeUsable(inner, { candidates, order, turn }, isUsable);
    },
  };
}

function arrangeUsable(
  inner: Strategy,
  { candidates, order, turn }: { candidates: readonly Candidate[]; order: number[]; turn: Turn },
  isUsable: (candidate: Candidate) => boolean,
): number {
  const kept = order.filter((index) => isUsable(candidates[index]!));
  const rest = order.filter((index) => !isUsable(candidates[index]!));
  // In the order of the candidates, so that strategies that count on it (round robin) see a stable list.
  const indexes = [...kept].sort((a, b) => a - b);
  const placeOf = new Map(indexes.map((index, place) => [index, place]));
  const places = kept.map((index) => placeOf.get(index)!);
  const count = inner.arrange(
    indexes.map((index) => candidates[index]!),
    places,
    turn,
  );
  const arranged = [...places.map((place) => indexes[place]!), ...rest];
  for (const [i, index] of arranged.entries()) order[i] = index;
  return count;
}
