import type { RingOrigin } from "./consensus/origin.ts";
import type { StartupPeers } from "./core/startup.ts";
import { RingError } from "./errors.ts";
import type { Clock, Logger, Metrics, PeerName, Random, Store } from "./ports.ts";
import type { ReclaimPolicy } from "./reclaim/auto-reclaim.ts";
import { type Cidr, parseCidr, parseIpv4, type Range, subnetRange } from "./space/address.ts";

/** Options of an allocator. */
export interface AllocatorOptions {
  /** Our name in the mesh. */
  readonly name: PeerName;
  /** Drawn anew at every start: a voter that may have forgotten its promises is another voter. */
  readonly uid: bigint;
  /** The host name that status texts show. */
  readonly nickname: string;
  /** All addresses, the same on every peer: `10.32.0.0/12`. */
  readonly universe: string;
  /** Where to allocate when no subnet is given. @defaultValue the universe */
  readonly defaultSubnet?: string;
  readonly init: RingOrigin;
  readonly clock: Clock;
  readonly random: Random;
  readonly store: Store;
  /** Whether the mesh has the peer in its topology. */
  readonly isKnownPeer: (peer: PeerName) => boolean;
  /**
   * The peers to hear from before anything is allocated, so that a host that lost its state does not create a ring of its own beside
   * a running one. @defaultValue none: allocate at once
   */
  readonly startupPeers?: () => StartupPeers;
  /** Unix seconds; Weave Net sends them, and no version of it checks them any more. @defaultValue the clock's seconds */
  readonly unixSeconds?: () => number;
  /**
   * How space is granted: `aligned` leaves few CIDR blocks, hence few VPC routes, on both sides, and grants unasked what completes a
   * neighbour's block; `legacy` does as Weave Net. Peers with different policies understand each other. @defaultValue "aligned"
   */
  readonly grants?: "aligned" | "legacy";
  /**
   * Whether Weave Net peers may be in the network. They cannot consent to a reclaim: one that is reachable and silent for 5 s is
   * not waited for. Without them, silence is never taken for consent. @defaultValue true
   */
  readonly mixed?: boolean;
  /** Ranges that no address is chosen from; a claim may still name one. @defaultValue none */
  readonly exclude?: readonly string[];
  /** Addresses that workloads get wherever they run, the same map on every peer: workload or ident -> address. @defaultValue none */
  readonly reservations?: Readonly<Record<string, string>>;
  /** @defaultValue never: by hand only */
  readonly reclaim?: ReclaimPolicy;
  readonly logger?: Logger;
  readonly metrics?: Metrics;
}

/** The options, parsed. */
export interface ParsedOptions {
  readonly universe: Range;
  readonly defaultSubnet: Cidr;
  readonly avoid: Range[];
  readonly reservations: Map<string, number>;
}

/** Ranges that no host may use for its containers, with what they are for (RFC 6890). */
const unusable: readonly (readonly [cidr: string, use: string])[] = [
  ["0.0.0.0/8", "this network"],
  ["127.0.0.0/8", "loopback"],
  ["169.254.0.0/16", "link-local addresses"],
  ["224.0.0.0/4", "multicast"],
  ["240.0.0.0/4", "reserved"],
];

/** @throws RingError INVALID */
function checkUsable(text: string, { start, end }: Range): void {
  for (const [cidr, use] of unusable) {
    const other = subnetRange(parseCidr(cidr));
    if (start < other.end && end > other.start)
      throw new RingError(
        "INVALID",
        `the range ${text} overlaps ${cidr}, which is for ${use}; choose a private range, such as 10.32.0.0/12`,
      );
  }
}

/** @throws RingError INVALID */
function checkIdentity({ name, uid, init }: AllocatorOptions): void {
  if (!Number.isInteger(name) || name <= 0 || name >= 2 ** 48)
    throw new RingError(
      "INVALID",
      `${JSON.stringify(name)} is not a valid peer name; give an integer from 1 to 2^48 - 1`,
    );
  if (typeof uid !== "bigint" || uid < 0n || uid >= 2n ** 64n)
    throw new RingError(
      "INVALID",
      `${String(uid)} is not a valid uid; give a bigint of 64 bits, drawn anew at every start`,
    );
  checkOrigin(init);
}

/** @throws RingError INVALID */
function checkOrigin(init: RingOrigin): void {
  const isName = (peer: unknown): boolean =>
    Number.isInteger(peer) && (peer as number) > 0 && (peer as number) < 2 ** 48;
  const kind: unknown = init?.kind;
  if (kind === "observer") return;
  if (kind === "seed" && init.kind === "seed") {
    if (Array.isArray(init.peers) && init.peers.length > 0 && init.peers.every(isName)) return;
    throw new RingError("INVALID", "init.peers is not a valid list of peer names; give at least one");
  }
  if (kind === "consensus" && init.kind === "consensus") {
    const isCount = init.peers === undefined || (Number.isInteger(init.peers) && init.peers > 0);
    if (isCount && typeof init.guess === "function") return;
    throw new RingError(
      "INVALID",
      "init is not valid; consensus takes a number of peers above 0, or none, and a guess function",
    );
  }
  throw new RingError(
    "INVALID",
    `${JSON.stringify(kind)} is not a valid kind of init; use "consensus", "seed", or "observer"`,
  );
}

/** Parses the options. @throws RingError INVALID */
export function parseOptions(options: AllocatorOptions): ParsedOptions {
  checkIdentity(options);
  const universe = subnetRange(parseCidr(options.universe));
  checkUsable(options.universe, universe);
  const defaultSubnet = parseCidr(options.defaultSubnet ?? options.universe);
  const { start, end } = subnetRange(defaultSubnet);
  if (start >= universe.end || end <= universe.start) {
    throw new RingError("INVALID", `default subnet ${options.defaultSubnet} does not overlap ${options.universe}`);
  }
  const avoid = (options.exclude ?? []).map((text) => blockOf(parseCidr(text)));
  const reservations = new Map(
    Object.entries(options.reservations ?? {}).map(([ident, text]) => {
      const address = parseIpv4(text);
      if (address === undefined || address < universe.start || address >= universe.end) {
        throw new RingError("INVALID", `reservation of ${text} for ${ident}: not an address of ${options.universe}`);
      }
      return [ident, address] as const;
    }),
  );
  return { universe, defaultSubnet, avoid, reservations };
}

/** Any block, single addresses too: excluding one gateway is the common case. */
function blockOf(cidr: Cidr): Range {
  const size = 2 ** (32 - cidr.prefixLength);
  const address = parseIpv4(cidr.address)!;
  const start = address - (address % size);
  return { start, end: start + size };
}
