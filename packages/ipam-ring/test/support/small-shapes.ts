import type { Entry } from "../../src/ring/entry.ts";
import type { GossipState } from "../../src/wire/allocation-wire.ts";
import { type Message, UNIVERSE } from "./small-host.ts";

/** A message without versions, and its entries. */
export function describe(content: Message): { shape: string; entries: readonly Entry[] } {
  if (content.kind === "consent") {
    const { ring, members, gone, ...rest } = content.message;
    return shapeOf(ring?.entries, [rest, [...members].sort(), [...gone].sort()]);
  }
  if (content.kind === "state") return describeState("state", content.state);
  const { message } = content;
  if (message.type === "ringUpdate") return describeState("ringUpdate", message.state);
  return { shape: JSON.stringify(message), entries: [] };
}

function describeState(kind: string, { ring, nicknames }: GossipState): { shape: string; entries: readonly Entry[] } {
  return shapeOf(ring?.entries, [kind, ring?.peer, [...nicknames.keys()].sort()]);
}

function shapeOf(entries: readonly Entry[] = [], rest: unknown): { shape: string; entries: readonly Entry[] } {
  const shape = JSON.stringify([entries.map(({ token, peer, free }) => [token, peer, free]), rest]);
  return { shape, entries };
}

/**
 * Replaces the versions of a token, over all copies of the ring, by their ranks: a container that starts and ends leaves the world as
 * it was, but for higher versions. Peers only compare versions. Only an owner raises one, and when its own copy is the newest, as
 * long as nobody disputes it, it stays the newest. So the rank of a version decides what it can do. Where owners of the newest
 * versions differ, or the owner has an old copy, numbers stay as they are.
 */
export function ranks(
  parts: readonly { entries: readonly Entry[] }[],
  own: ReadonlyMap<number, readonly Entry[]>,
): (entry: Entry) => number {
  const versions: number[][] = Array.from({ length: 8 }, () => []);
  const newest: (Entry | undefined)[] = [];
  const disputed: boolean[] = [];
  for (const { entries } of parts) {
    for (const entry of entries) {
      const at = entry.token - UNIVERSE.start;
      const list = versions[at]!;
      if (!list.includes(entry.version)) list.push(entry.version);
      const top = newest[at];
      if (!top || entry.version > top.version) {
        newest[at] = entry;
        disputed[at] = false;
      } else if (entry.version === top.version && entry.peer !== top.peer) disputed[at] = true;
    }
  }
  newest.forEach((top, at) => {
    if (!top) return;
    const ring = own.get(top.peer);
    const mine = ring?.find(({ token }) => token === top.token);
    if (ring && (mine?.version !== top.version || mine.peer !== top.peer)) disputed[at] = true;
    if (!disputed[at]) versions[at]!.sort((a, b) => a - b);
  });
  return ({ token, version }) => {
    const at = token - UNIVERSE.start;
    return disputed[at] ? version : versions[at]!.indexOf(version);
  };
}
