import { MeshError } from "../errors.ts";
import type { Clock, PeerName } from "../ports.ts";
import { TokenBucket } from "../token-bucket.ts";

/**
 * News that one neighbour may bring: peers not heard of before, and links of changed records. A neighbour through which we
 * join the largest mesh brings a burst of that size; in a storm each change of a peer with 200 links counts 200.
 */
const PEERS = { burst: 8_192, perSecond: 1_024 };
const LINKS = { burst: 600_000, perSecond: 60_000 };
/** Neighbours whose budgets are remembered. Ending a connection does not give its peer a new budget. */
const MAX_NEIGHBOURS = 1_024;

interface Budget {
  readonly peers: TokenBucket;
  readonly links: TokenBucket;
}

/** Limits the work that the news of each neighbour makes. */
export class NewsBudgets {
  readonly #clock: Clock;
  /** Least recently used first. Bounded by: MAX_NEIGHBOURS. */
  readonly #budgets = new Map<PeerName, Budget>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Charges a neighbour for news. @throws MeshError MESH_FLOOD when it has brought too much */
  charge(neighbour: PeerName, news: { readonly peers: number; readonly links: number }): void {
    const known = this.#budgets.get(neighbour);
    const budget = known ?? {
      peers: new TokenBucket(this.#clock, PEERS),
      links: new TokenBucket(this.#clock, LINKS),
    };
    this.#budgets.delete(neighbour);
    this.#budgets.set(neighbour, budget);
    if (this.#budgets.size > MAX_NEIGHBOURS) this.#budgets.delete(this.#budgets.keys().next().value!);
    if (!budget.peers.take(news.peers)) throw flood(`more than ${PEERS.perSecond} new peers a second`);
    if (!budget.links.take(news.links)) throw flood(`more than ${LINKS.perSecond} changed links a second`);
  }
}

function flood(what: string): MeshError {
  return new MeshError("MESH_FLOOD", `the remote announces ${what}; the connection is ended to keep the others served`);
}
