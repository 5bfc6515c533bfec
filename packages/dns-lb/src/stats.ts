/** How many queries arrived and how they ended, in total and by name. */

/** The source of a query: an IPv4 address as an integer, or IPv6 text. */
export type ClientAddress = number | string;

/** Totals since the start. */
export interface QueryTotals {
  /** Everything that arrived. */
  queries: number;
  /** Answered with at least one record of ours. */
  answered: number;
  /** The name exists, the type does not. */
  noData: number;
  nxDomain: number;
  /** Handed to an upstream, whatever became of it. */
  forwarded: number;
  /** Of those: answered with SERVFAIL, because no upstream replied. */
  upstreamFailed: number;
  refused: number;
  malformed: number;
  truncated: number;
  /** Not answered because the source asks too often. */
  limited: number;
  /** Refused because the source is not a client. */
  strangers: number;
  /** Dropped because no reply can reach the source: its port is 0. */
  unanswerable: number;
  /** Answered from a pre-encoded form. */
  fast: number;
}

/** Counters of one name. */
export interface NameStats {
  /** Wraps at 2^30. */
  asked: number;
  answered: number;
  /** Queries by client. Bounded by: 32 clients; the rest is in `otherClients`. */
  readonly clients: Map<ClientAddress, number>;
  otherClients: number;
}

/** Names with counters of their own; when more are asked for, the one known longest is dropped. */
const MAX_NAMES = 10_000;
/** Clients counted one by one, for each name. */
const MAX_CLIENTS_PER_NAME = 32;

/** Counters of a server. */
export interface QueryStats {
  readonly totals: QueryTotals;
  /** The counters of an existing name (lower case), made when absent. */
  of(name: string): NameStats;
  /** Bounded by: 10,000 names. */
  readonly names: ReadonlyMap<string, NameStats>;
}

/** Counters at zero. */
export function createStats(): QueryStats {
  const names = new Map<string, NameStats>();
  return {
    totals: {
      queries: 0,
      answered: 0,
      noData: 0,
      nxDomain: 0,
      forwarded: 0,
      upstreamFailed: 0,
      refused: 0,
      malformed: 0,
      truncated: 0,
      limited: 0,
      strangers: 0,
      unanswerable: 0,
      fast: 0,
    },
    names,
    of(name) {
      const known = names.get(name);
      if (known !== undefined) return known;
      if (names.size >= MAX_NAMES) names.delete(names.keys().next().value!);
      const fresh: NameStats = { asked: 0, answered: 0, clients: new Map(), otherClients: 0 };
      names.set(name, fresh);
      return fresh;
    },
  };
}

/** Counts one query for a name. */
export function countAsked(stats: NameStats, client: ClientAddress, answered: boolean): void {
  stats.asked = (stats.asked + 1) & 0x3fffffff;
  if (answered) stats.answered++;
  const before = stats.clients.get(client);
  if (before !== undefined) stats.clients.set(client, before + 1);
  else if (stats.clients.size < MAX_CLIENTS_PER_NAME) stats.clients.set(client, 1);
  else stats.otherClients++;
}
