import { boundsOf, toBlock } from "./address.ts";
import type { OwnedPrefix } from "./plan.ts";
import type { OwnedRange, PeerName, Route } from "./ports.ts";
import { effectiveRoutes } from "./routes.ts";

interface Span {
  readonly start: number;
  readonly end: number;
  readonly route: Route;
}

/**
 * The parts of `ranges` that a packet through this table really reaches: the longest match is an active route to the
 * owner's own interface. Everything else needs the overlay, whatever the plan hoped for.
 * @param owners - which peer an interface belongs to
 */
export function nativeRanges(
  routes: readonly Route[],
  owners: ReadonlyMap<string, PeerName>,
  ranges: readonly OwnedRange[],
): OwnedRange[] {
  const spans = flatten(effectiveRoutes(routes));
  const found: OwnedRange[] = [];
  let at = 0;
  for (const { start, end, peer } of ranges) {
    while (at < spans.length && (spans[at] as Span).end <= start) at++;
    for (let i = at; i < spans.length && (spans[i] as Span).start < end; i++) {
      const span = spans[i] as Span;
      const { eni, state } = span.route;
      if (state !== "active" || eni === undefined || owners.get(eni) !== peer) continue;
      append(found, { start: Math.max(start, span.start), end: Math.min(end, span.end), peer });
    }
  }
  return found;
}

/**
 * What is left of ranges that were seen to be native, now that ownership may have changed: the parts that the same peer
 * still owns. Nothing is added, so a caller may rely on it while the API does not answer.
 */
export function stillNative(seen: readonly OwnedRange[], ranges: readonly OwnedRange[]): OwnedRange[] {
  const found: OwnedRange[] = [];
  for (const { start, end, peer } of ranges)
    for (const one of seen) {
      const from = Math.max(start, one.start);
      const to = Math.min(end, one.end);
      if (one.peer === peer && from < to) append(found, { start: from, end: to, peer });
    }
  return found;
}

/**
 * The same for IPv6 prefixes: those whose longest match is an active route to the owner. More specific routes inside a
 * prefix are not looked at, for members make none.
 */
export function nativePrefixes(
  routes: readonly Route[],
  owners: ReadonlyMap<string, PeerName>,
  prefixes: readonly OwnedPrefix[],
): OwnedPrefix[] {
  const sixes = effectiveRoutes(routes).filter((route) => route.destination.includes(":"));
  const blocks = sixes.map((route) => ({ route, cidr: toBlock(route.destination) }));
  blocks.sort((a, b) => b.cidr.length - a.cidr.length);
  return prefixes.filter(({ destination, peer }) => {
    const wanted = toBlock(destination);
    const match = blocks.find(({ cidr }) => cidr.contains(wanted))?.route;
    return match?.state === "active" && match.eni !== undefined && owners.get(match.eni) === peer;
  });
}

/** IPv4 routes as disjoint spans in address order, each with its longest match. CIDRs nest or are apart, so a stack does. */
function flatten(routes: readonly Route[]): Span[] {
  const blocks = routes.flatMap((route) => {
    if (route.destination.startsWith("pl-") || route.destination.includes(":")) return [];
    return [{ ...boundsOf(toBlock(route.destination)), route }];
  });
  blocks.sort((a, b) => a.start - b.start || b.end - a.end);
  const spans: Span[] = [];
  const open: Span[] = [];
  let at = 0;
  const advance = (to: number) => {
    const top = open[open.length - 1];
    if (top !== undefined && to > at) spans.push({ start: at, end: to, route: top.route });
    at = to;
  };
  const closeUntil = (address: number) => {
    for (let top = open[open.length - 1]; top !== undefined && top.end <= address; top = open[open.length - 1]) {
      advance(top.end);
      open.pop();
    }
  };
  for (const block of blocks) {
    closeUntil(block.start);
    advance(block.start);
    open.push(block);
  }
  closeUntil(Number.POSITIVE_INFINITY);
  return spans;
}

function append(list: OwnedRange[], range: OwnedRange): void {
  const last = list[list.length - 1];
  if (last !== undefined && last.peer === range.peer && last.end === range.start) {
    list[list.length - 1] = { ...last, end: range.end };
  } else list.push(range);
}
