import { type CidrInput, subtractRanges } from "@weaved/ip";
import { toBlock } from "./address.ts";
import { aggregate } from "./aggregate.ts";
import type { OwnedRange, PeerName } from "./ports.ts";
import { type AddressRange, type Block, blockText, mergeRanges, rangeToBlocks } from "./ranges.ts";

/** An IPv6 prefix and the peer it leads to. */
export interface OwnedPrefix {
  readonly destination: string;
  readonly peer: PeerName;
}

/** What to plan from. */
export interface PlanInput {
  /** Who owns which addresses; sorted, disjoint. */
  readonly ranges: readonly OwnedRange[];
  /** CIDRs of the container network. Ranges outside get no route; free space inside may be covered by aggregation. */
  readonly within: readonly CidrInput[];
  /** IPv4 routes that may exist at once. @defaultValue no limit */
  readonly budget?: number;
  /**
   * `owner`: exactly each peer's addresses, its touching ranges merged, as the original does.
   * `neighbours`: the fewest routes under longest-prefix match, so a route may cover free space and neighbours that have
   * a more specific route of their own. Needs senders to ask {@link nativeRanges} before they send natively.
   * @defaultValue "neighbours" when `owner` exceeds the budget, else "owner"; not by what is installed, so that all hosts agree
   */
  readonly aggregate?: "owner" | "neighbours";
  /** Bytes (or packets) to each peer in some recent period; every host should use the same figures. @defaultValue size alone decides */
  readonly traffic?: ReadonlyMap<PeerName, number>;
  /** Routes in the table now: destination -> peer. They keep their place against equals and slightly better ones. */
  readonly installed?: ReadonlyMap<string, PeerName>;
  /** A new route must score this many times an installed one to take its place. @defaultValue 1.5 */
  readonly stickiness?: number;
  /** IPv6 prefixes; they have a quota of their own in the same table. */
  readonly prefixes?: readonly OwnedPrefix[];
  /** @defaultValue no limit */
  readonly prefixBudget?: number;
}

/** A route that should exist in every managed table. */
export interface PlannedRoute {
  readonly destination: string;
  readonly peer: PeerName;
  /** Owned addresses for which it is the longest match; 0 for IPv6. */
  readonly addresses: number;
  /** Share of traffic plus a tenth of the share of addresses: what the budget is spent by. */
  readonly score: number;
}

/** The routes to have, and what is left to the overlay. */
export interface RoutePlan {
  readonly routes: readonly PlannedRoute[];
  /** Ranges that no chosen route serves. */
  readonly overlay: readonly OwnedRange[];
  /** IPv6 prefixes that no chosen route serves. */
  readonly overlayPrefixes: readonly OwnedPrefix[];
  readonly aggregate: "owner" | "neighbours";
  readonly counts: {
    readonly ranges: number;
    /** Routes for exactly each peer's merged ranges. */
    readonly exact: number;
    /** Routes in the chosen aggregation, before the budget. */
    readonly wanted: number;
    readonly chosen: number;
  };
}

interface Candidate {
  readonly block: Block;
  readonly peer: PeerName;
  readonly serves: readonly AddressRange[];
}

/** Weight of a share of addresses against an equal share of traffic: enough to order idle peers, not to outvote busy ones. */
const SIZE_WEIGHT = 0.1;

/**
 * Which ranges get VPC routes. Pure and the same on every host for the same input: hosts agree without talking.
 *
 * Routes serve disjoint addresses, so the best `budget` of them are simply those with the highest scores. A range whose
 * route is left out goes through the overlay, even where a neighbour's covering route matches it.
 * @throws VpcRoutesError `ADDRESS_INVALID` for a malformed CIDR
 */
export function planRoutes(input: PlanInput): RoutePlan {
  const budget = Math.max(0, input.budget ?? Number.POSITIVE_INFINITY);
  const within = input.within.map(toBlock).filter((cidr) => cidr.family === 4);
  const roots = within.map((cidr): Block => ({ start: cidr.base.toNumber(), length: cidr.length }));
  const exact = exactCandidates(input.ranges, roots);
  const mode = input.aggregate ?? (exact.length > budget ? "neighbours" : "owner");
  const candidates = mode === "owner" ? exact : aggregateAll(input, roots);
  const scored = score(candidates, input);
  const chosen = scored.length <= budget ? scored : best(scored, Math.floor(budget));
  const six = choosePrefixes(input);
  return {
    routes: [...chosen.sort(byAddress).map((one) => one.route), ...six.routes],
    overlay: subtractRanges(input.ranges, mergeRanges(chosen.flatMap((one) => one.serves))),
    overlayPrefixes: six.overlay,
    aggregate: mode,
    counts: { ranges: input.ranges.length, exact: exact.length, wanted: candidates.length, chosen: chosen.length },
  };
}

function exactCandidates(ranges: readonly OwnedRange[], roots: readonly Block[]): Candidate[] {
  const byPeer = new Map<PeerName, AddressRange[]>();
  for (const range of ranges) {
    const list = byPeer.get(range.peer) ?? [];
    for (const root of roots) {
      const start = Math.max(range.start, root.start);
      const end = Math.min(range.end, root.start + 2 ** (32 - root.length));
      if (start < end) list.push({ start, end });
    }
    byPeer.set(range.peer, list);
  }
  const found: Candidate[] = [];
  for (const [peer, list] of byPeer) {
    for (const range of mergeRanges(list)) {
      for (const block of rangeToBlocks(range)) {
        found.push({ block, peer, serves: [{ start: block.start, end: block.start + 2 ** (32 - block.length) }] });
      }
    }
  }
  return found;
}

function aggregateAll(input: PlanInput, roots: readonly Block[]): Candidate[] {
  const prefer = (block: Block) => input.installed?.get(blockText(block));
  return roots.flatMap((root) => aggregate(root, input.ranges, prefer));
}

/** Flat, for sorting tens of thousands. */
interface Scored {
  readonly start: number;
  readonly length: number;
  readonly serves: readonly AddressRange[];
  readonly route: PlannedRoute;
  /** The score, raised for a route that is there already. */
  readonly rank: number;
}

function score(candidates: readonly Candidate[], input: PlanInput): Scored[] {
  const sizes = new Map<PeerName, number>();
  for (const { start, end, peer } of input.ranges) sizes.set(peer, (sizes.get(peer) ?? 0) + end - start);
  const sum = (values: Iterable<number>) => [...values].reduce((a, b) => a + b, 0);
  const allAddresses = sum(sizes.values()) || 1;
  const allTraffic = sum(input.traffic?.values() ?? []) || 1;
  const stickiness = input.stickiness ?? 1.5;
  return candidates.map((candidate) => {
    const addresses = candidate.serves.reduce((n, { start, end }) => n + end - start, 0);
    const ofPeer = addresses / (sizes.get(candidate.peer) || 1);
    const traffic = ((input.traffic?.get(candidate.peer) ?? 0) * ofPeer) / allTraffic;
    const value = traffic + (SIZE_WEIGHT * addresses) / allAddresses;
    const destination = blockText(candidate.block);
    const there = input.installed?.get(destination) === candidate.peer;
    const route: PlannedRoute = { destination, peer: candidate.peer, addresses, score: value };
    const { block, serves } = candidate;
    return { start: block.start, length: block.length, serves, route, rank: there ? value * stickiness : value };
  });
}

function best(scored: readonly Scored[], count: number): Scored[] {
  return [...scored].sort((a, b) => b.rank - a.rank || a.start - b.start).slice(0, count);
}

/** Families do not compete: a table has one quota for each. */
function choosePrefixes(input: PlanInput): { routes: PlannedRoute[]; overlay: OwnedPrefix[] } {
  const blocks = input.within.map(toBlock);
  const prefixes = input.prefixes ?? [];
  const inside = prefixes.filter(({ destination }) => blocks.some((block) => block.contains(toBlock(destination))));
  const weight = ({ destination, peer }: OwnedPrefix) =>
    (1 + (input.traffic?.get(peer) ?? 0)) *
    (input.installed?.get(destination) === peer ? (input.stickiness ?? 1.5) : 1);
  const order = [...inside].sort((a, b) => weight(b) - weight(a) || (a.destination < b.destination ? -1 : 1));
  const chosen = new Set(order.slice(0, input.prefixBudget ?? order.length));
  return {
    routes: [...chosen].map(({ destination, peer }) => ({ destination, peer, addresses: 0, score: 0 })),
    overlay: prefixes.filter((prefix) => !chosen.has(prefix)),
  };
}

function byAddress(a: Scored, b: Scored): number {
  return a.start - b.start || a.length - b.length;
}
