import type { AllocatorCore } from "./core/core.ts";
import { formatPeer } from "./peer-name.ts";
import type { PeerName } from "./ports.ts";
import type { WaitReason } from "./requests/waiting.ts";
import { allRanges } from "./ring/ring.ts";
import { formatCidr, formatIpv4, formatRange, sizeOf } from "./space/address.ts";

/** The part `IPAM` of Weave Net's report, field by field (protocol notes, 18.3). Lists are `null` when empty, as Go writes them. */
export interface IpamReport {
  readonly Paxos: { readonly Elector: boolean; readonly KnownNodes: number; readonly Quorum: number } | null;
  readonly Range: string;
  readonly RangeNumIPs: number;
  readonly ActiveIPs: number;
  readonly DefaultSubnet: string;
  readonly Entries: readonly EntryReport[] | null;
  readonly PendingClaims:
    | readonly { readonly Ident: string; readonly CIDR: { readonly Addr: string; readonly PrefixLen: number } }[]
    | null;
  readonly PendingAllocates: readonly string[] | null;
}

/** One range of the ring. */
export interface EntryReport {
  readonly Token: string;
  readonly Size: number;
  readonly Peer: string;
  readonly Nickname: string;
  readonly IsKnownPeer: boolean;
  readonly Version: number;
}

/** The state of the address space. */
export interface IpamStatus {
  readonly report: IpamReport;
  /** Owners that the mesh does not know any more: the values of Weave Net's metrics. */
  readonly unreachable: {
    readonly peers: readonly PeerName[];
    readonly addresses: number;
    readonly percentage: number;
  };
  /** Received rings that were refused, in Weave Net's words; at most the last 64. */
  readonly conflicts: readonly { readonly code: string; readonly message: string }[];
  /** The seeds of another network that has been heard of; `join` would replace our ring by its. */
  readonly foreignSeeds?: readonly string[];
  /** Reclaims that wait, with the peers whose consent is missing. */
  readonly reclaims: readonly (WaitReason & { readonly code: "RECLAIM" })[];
}

/** The status at this moment. */
export function statusOf(core: AllocatorCore, defaultSubnet: string): IpamStatus {
  const { options } = core;
  const { conflicts, ring } = core.replica;
  const ranges = allRanges(ring);
  const lost = ranges.filter(({ peer }) => peer !== options.name && !options.isKnownPeer(peer));
  const addresses = lost.reduce((sum, range) => sum + sizeOf(range), 0);
  return {
    report: reportOf(core, defaultSubnet),
    unreachable: {
      peers: [...new Set(lost.map(({ peer }) => peer))],
      addresses,
      percentage: (addresses / sizeOf(options.universe)) * 100,
    },
    conflicts: conflicts.list().map(({ code, message }) => ({ code, message })),
    reclaims: core.reclaims.waiting().map(({ of, missing }) => ({ code: "RECLAIM", of, missing })),
    ...(conflicts.foreign && { foreignSeeds: conflicts.foreign.seeds.map((peer) => core.knownPeers.nameOf(peer)) }),
  };
}

function reportOf(core: AllocatorCore, defaultSubnet: string): IpamReport {
  const { options, requests } = core;
  const { ring, space } = core.replica;
  const { nicknames } = core.knownPeers;
  const entries = allRanges(ring).map(({ start, end, peer, version }) => ({
    Token: formatIpv4(start),
    Size: end - start,
    Peer: formatPeer(peer),
    Nickname: nicknames.get(peer) ?? "",
    IsKnownPeer: peer === options.name || options.isKnownPeer(peer),
    Version: version,
  }));
  const claims = requests.list("claim").map(({ ident, cidr }) => ({
    Ident: ident,
    CIDR: { Addr: cidr!.address, PrefixLen: cidr!.prefixLength },
  }));
  const allocates = requests.list("allocate").map(({ ident, cidr }) => `${ident} ${formatCidr(cidr!)}`);
  return {
    Paxos: paxosOf(core),
    Range: formatRange(options.universe),
    RangeNumIPs: sizeOf(options.universe),
    ActiveIPs: space.used,
    DefaultSubnet: defaultSubnet,
    Entries: orNull(entries),
    PendingClaims: orNull(claims),
    PendingAllocates: orNull(allocates),
  };
}

function paxosOf({ bootstrap: { isNeeded, paxos }, hasRing }: AllocatorCore): IpamReport["Paxos"] {
  if (!isNeeded || hasRing) return null;
  if (!paxos) return { Elector: false, KnownNodes: 0, Quorum: 0 };
  return { Elector: true, KnownNodes: paxos.state.length, Quorum: paxos.quorum };
}

function orNull<T>(list: readonly T[]): readonly T[] | null {
  return list.length > 0 ? list : null;
}
