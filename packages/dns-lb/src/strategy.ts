/** In which order, and how many of, the addresses of a name are answered. */
import type { PeerName, Random } from "./ports.ts";

/** An address that could be answered. */
export interface Candidate {
  readonly address: number;
  readonly origin: PeerName;
  readonly containerId: string;
  /** Share of the traffic; 1 unless a WEIGHT record says otherwise. */
  readonly weight: number;
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

/** The original's way: every order is equally likely. */
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

/** Sorts `order` so that candidates of a smaller class come first; ties keep their place. */
function sortByClass(order: number[], classOf: (index: number) => number): void {
  order.sort((a, b) => classOf(a) - classOf(b));
}

/** Whether an address is worth answering, asked for every answer; knows nothing about it: true. */
export type Health = (candidate: Candidate) => boolean;

/**
 * Containers on the asker's own host only, while there is one that is up; otherwise everything, in the order of `inner`.
 *
 * Remote addresses are left out, not just put last, because clients re-sort what they get (RFC 6724).
 */
export function localFirst(inner: Strategy = shuffle(), isUp: Health = () => true): Strategy {
  return {
    name: `local-first(${inner.name})`,
    arrange(candidates, order, turn) {
      const count = inner.arrange(candidates, order, turn);
      const isLocal = (index: number): boolean => candidates[index]!.origin === turn.self && isUp(candidates[index]!);
      const local = order.filter(isLocal).length;
      if (local === 0) return count;
      sortByClass(order, (index) => (isLocal(index) ? 0 : 1));
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

/** As `inner`, but what is known to be bad comes after everything else. It stays in the answer: the news may be wrong. */
export function knownBadLast(isGood: Health, inner: Strategy = shuffle()): Strategy {
  return {
    name: `known-bad-last(${inner.name})`,
    arrange(candidates, order, turn) {
      const count = inner.arrange(candidates, order, turn);
      sortByClass(order, (index) => (isGood(candidates[index]!) ? 0 : 1));
      return count;
    },
  };
}
