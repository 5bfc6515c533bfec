import { boundsOf, toBlock, toNumber } from "./address.ts";
import { VpcRoutesError } from "./errors.ts";
import type { OwnedPrefix } from "./plan.ts";
import type { OwnedRange, PeerName } from "./ports.ts";

/** Who owns what, as read from a file. */
interface SavedOwnership {
  readonly update: { readonly ranges: readonly OwnedRange[]; readonly prefixes: readonly OwnedPrefix[] };
  /** Numbers of the peers named in the file. */
  readonly names: ReadonlyMap<string, PeerName>;
}

/**
 * Reads a JSON list of `{ peer, cidr }` or `{ peer, start, end }`, the end exclusive, addresses dotted. Peers are
 * `7a:9f:eb:b6:0c:6e`, numbers, or any other names, which get numbers.
 * @throws VpcRoutesError `RANGE_INVALID`, `ADDRESS_INVALID`
 */
export function parseOwnership(text: string): SavedOwnership {
  const entries = readList(text);
  const names = numberPeers(entries.map((entry) => String(entry.peer)));
  const ranges: OwnedRange[] = [];
  const prefixes: OwnedPrefix[] = [];
  for (const entry of entries) {
    const peer = names.get(String(entry.peer)) as PeerName;
    const cidr = entry.cidr === undefined ? undefined : toBlock(entry.cidr);
    if (cidr?.family === 6) prefixes.push({ destination: cidr.toString(), peer });
    else if (cidr !== undefined) {
      ranges.push({ ...boundsOf(cidr), peer });
    } else ranges.push({ start: toNumber(entry.start ?? ""), end: toNumber(entry.end ?? ""), peer });
  }
  return { update: { ranges: ranges.sort((a, b) => a.start - b.start), prefixes }, names };
}

interface Entry {
  readonly peer: string | number;
  readonly cidr?: string;
  readonly start?: string;
  readonly end?: string;
}

function readList(text: string): Entry[] {
  try {
    const list = JSON.parse(text) as Entry[];
    if (!Array.isArray(list)) throw new Error("expected a list of {peer, cidr} or {peer, start, end}");
    for (const [at, entry] of list.entries()) checkEntry(entry, at);
    return list;
  } catch (cause) {
    const message = `not a list of who owns what: ${(cause as Error).message}`;
    throw new VpcRoutesError("RANGE_INVALID", message, { cause });
  }
}

function checkEntry(entry: Partial<Entry> | null, at: number): void {
  const { peer, cidr, start, end } = entry ?? {};
  if (typeof peer !== "string" && typeof peer !== "number") throw new Error(`entry ${at + 1} lacks its peer`);
  const isText = (value: unknown) => typeof value === "string";
  if (!isText(cidr) && !(isText(start) && isText(end)))
    throw new Error(`entry ${at + 1} needs a cidr, or a start and an end, as texts`);
}

/** Peer names have 48 bits. */
const MAX_PEER = 2 ** 48 - 1;

/** The number that a text names by itself: a peer name, or a decimal number. */
function ownNumber(name: string): PeerName | undefined {
  if (/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i.test(name)) return Number.parseInt(name.replaceAll(":", ""), 16);
  return /^\d+$/.test(name) && Number(name) <= MAX_PEER ? Number(name) : undefined;
}

/** Numbers for every peer of a file. Other names get the first numbers that no peer of the file has by itself. */
function numberPeers(peers: readonly string[]): Map<string, PeerName> {
  const taken = new Set(peers.map(ownNumber));
  const names = new Map<string, PeerName>();
  let next = 1;
  for (const peer of peers) {
    if (names.has(peer)) continue;
    while (taken.has(next)) next++;
    names.set(peer, ownNumber(peer) ?? next++);
  }
  return names;
}
