/**
 * The graph of a topology as numbers, for searches from many starts. Does what paths.ts does, which is the plain form: peers
 * are numbered in order of name, so that order of numbers is order of names, and each link is checked once instead of once
 * for each search. A mesh of 1,000 peers with 200 links each has 200,000 links and 1,000 searches.
 */
import type { PeerName } from "../ports.ts";
import type { Graph } from "../topology/record.ts";
import { type LinkRule, neighbours, type Paths } from "./paths.ts";

const UNREACHED = -1;

/** A graph that can be listed. */
export interface ListedGraph extends Graph {
  names(): Iterable<PeerName>;
}

/** The links of one topology at one moment that count under one rule. */
export class Adjacency {
  readonly #names: readonly PeerName[];
  readonly #numbers: ReadonlyMap<PeerName, number>;
  readonly #links: readonly Int32Array[];
  /** Next hop of each peer in the latest search. */
  readonly #hops: Int32Array;
  /** Peers in the order in which the latest search found them. */
  readonly #queue: Int32Array;

  constructor(graph: ListedGraph, rule: LinkRule) {
    this.#names = [...graph.names()].sort((a, b) => a - b);
    this.#numbers = new Map(this.#names.map((name, number) => [name, number]));
    this.#links = this.#names.map((name) =>
      Int32Array.from(neighbours(graph, name, rule), (to) => this.#numbers.get(to)!),
    );
    this.#hops = new Int32Array(this.#names.length);
    this.#queue = new Int32Array(this.#names.length);
  }

  /** Next hops from a peer to all that it reaches; see `searchPaths`. */
  paths(start: PeerName): Paths {
    const first = this.#numbers.get(start);
    const paths: Paths = new Map([[start, 0]]);
    if (first === undefined) return paths;
    const found = this.#search(first, UNREACHED);
    for (let i = 1; i < found; i++) {
      const peer = this.#queue[i]!;
      paths.set(this.#names[peer]!, this.#names[this.#hops[peer]!]!);
    }
    return paths;
  }

  /** The neighbours of `self` that a broadcast of `source` is passed on to; see `broadcastHops`. */
  broadcastHops(self: PeerName, source: PeerName): PeerName[] {
    const [own, first] = [this.#numbers.get(self), this.#numbers.get(source)];
    if (own === undefined || first === undefined) return [];
    this.#search(first, own);
    if (own !== first && this.#hops[own] === UNREACHED) return [];
    const missing = this.#links[own]!.filter((peer) => peer !== first && this.#hops[peer] === UNREACHED);
    return Array.from(missing, (peer) => this.#names[peer]!);
  }

  /** Searches breadth-first, each level in order, until the turn of `stop`. Returns how many peers it found. */
  #search(start: number, stop: number): number {
    const [hops, queue] = [this.#hops, this.#queue];
    hops.fill(UNREACHED);
    hops[start] = start;
    queue[0] = start;
    let found = 1;
    for (let level = 0; level < found; ) {
      const end = found;
      for (let i = level; i < end; i++) {
        const peer = queue[i]!;
        if (peer === stop) return found;
        for (const to of this.#links[peer]!) {
          if (hops[to] !== UNREACHED) continue;
          hops[to] = peer === start ? to : hops[peer]!;
          queue[found++] = to;
        }
        if (found === queue.length) return found;
      }
      queue.subarray(end, found).sort();
      level = end;
    }
    return found;
  }
}
