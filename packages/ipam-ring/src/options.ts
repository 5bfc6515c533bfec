import type { RingOrigin } from "./consensus/origin.ts";
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

/** Parses the options. @throws RingError INVALID */
export function parseOptions(options: AllocatorOptions): ParsedOptions {
  const universe = subnetRange(parseCidr(options.universe));
  // Tokens, ends included, are 32-bit numbers on the wire.
  if (universe.end >= 2 ** 32)
    throw new RingError("INVALID", `the range ${options.universe} ends above 255.255.255.255`);
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
