/** Reading what `nft -j list table` says. */

/** Frames and packets dropped since the rules were put in place, by reason. */
export type Drops = Readonly<Record<string, number>>;

interface Listing {
  readonly nftables?: readonly {
    readonly rule?: { readonly comment?: string; readonly expr: readonly { readonly counter?: { packets: number } }[] };
    readonly chain?: { readonly name: string };
  }[];
}

/** What does not tell rules apart: handles, counts, and nft's own version. */
const ignored = new Set(["handle", "metainfo", "packets", "bytes"]);

/** Whether two listings mean the same rules. */
export function sameListing(a: string, b: string): boolean {
  return normalListing(a) === normalListing(b);
}

function normalListing(listing: string): string {
  return JSON.stringify(read(listing), (key, value: unknown) => (ignored.has(key) ? undefined : value));
}

/** Sums the counters of the drop rules by their comments. */
export function readDrops(listing: string): Drops {
  const drops: Record<string, number> = {};
  for (const { rule } of read(listing).nftables ?? []) {
    const packets = rule?.expr.find((part) => part.counter)?.counter?.packets;
    if (rule?.comment !== undefined && packets !== undefined)
      drops[rule.comment] = (drops[rule.comment] ?? 0) + packets;
  }
  return drops;
}

/** The program that a table names as its owner, see `ownerChain`; undefined where it names none. */
export function readOwner(listing: string): string | undefined {
  const names = (read(listing).nftables ?? []).map((item) => item.chain?.name);
  return names.find((name) => name?.startsWith("owner-"))?.slice("owner-".length);
}

function read(listing: string): Listing {
  return JSON.parse(listing || "{}") as Listing;
}
