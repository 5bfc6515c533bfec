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
  const names = new Map<string, PeerName>();
  const ranges: OwnedRange[] = [];
  const prefixes: OwnedPrefix[] = [];
  for (const entry of readList(text)) {
    const peer = numberOf(String(entry.peer), names);
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
    if (!Array.isArray(list) || list.some((one) => one?.peer === undefined)) throw new Error("need [{peer, ...}]");
    return list;
  } catch (cause) {
    const message = `not a list of who owns what: ${(cause as Error).message}`;
    throw new VpcRoutesError("RANGE_INVALID", message, { cause });
  }
}

function numberOf(name: string, names: Map<string, PeerName>): PeerName {
  const known = names.get(name);
  if (known !== undefined) return known;
  const hex = /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i.test(name) ? Number.parseInt(name.replaceAll(":", ""), 16) : undefined;
  const number = hex ?? (/^\d+$/.test(name) ? Number(name) : names.size + 1);
  names.set(name, number);
  return number;
}
