import type { AllocatorCore, ContestedAddress } from "./core/core.ts";
import { formatPeer } from "./peer-name.ts";
import type { PeerName } from "./ports.ts";
import type { WaitReason } from "./requests/waiting.ts";
import type { RefusedRing } from "./ring/conflicts.ts";
import { allRanges } from "./ring/ring.ts";
import { formatCidr, formatIpv4, formatRange, sizeOf } from "./space/address.ts";

/** The part `IPAM` of Weave Net's report, field by field (docs/protocol/control.md#18.3). Lists are `null` when empty, as Go writes them. */
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
  /** Received rings that were refused, in Weave Net's words, at most the last 64; addresses in use on two hosts. */
  readonly conflicts: readonly { readonly code: string; readonly message: string }[];
  /** The seeds of another network that has been heard of; `join` would replace our ring by its. */
  readonly foreignSeeds?: readonly string[];
  /** Why the state cannot be saved, and since when (ms of the given clock); undefined while it can. */
  readonly storeFailure: { readonly message: string; readonly since: number } | undefined;
  /** Reclaims that wait, with the peers whose consent is missing. */
  readonly reclaims: readonly (WaitReason & { readonly code: "RECLAIM" })[];
}

interface MergeFailureText {
  readonly code: string;
  readonly message: string;
}

/** The status at this moment. */
export function statusOf(core: AllocatorCore, defaultSubnet: string): Omit<IpamStatus, "storeFailure"> {
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
    conflicts: [
      ...conflicts.list().map((failure) => explainFailure(core, failure)),
      ...core.contested().map((each) => describeContested(core, each)),
    ].map(({ code, message }) => ({ code, message })),
    reclaims: core.reclaims.waiting().map(({ of, missing }) => ({ code: "RECLAIM", of, missing })),
    ...(conflicts.foreign && { foreignSeeds: conflicts.foreign.seeds.map((peer) => core.knownPeers.nameOf(peer)) }),
  };
}

/** The refusal with its parties and the remedy, as far as one is known. */
function explainFailure(core: AllocatorCore, { code, message, from, range }: RefusedRing): MergeFailureText {
  const who = from === undefined ? "" : `${core.knownPeers.nameOf(from)}: `;
  if (code === "RING_SEEDS")
    return { code, message: `${who}${message}; run "weave merge" on every host of one of the two networks` };
  if (code === "RING_RANGE") {
    const ranges = `its range is ${formatRange(range)}, ours is ${formatRange(core.options.universe)}`;
    return { code, message: `${who}${message}: ${ranges}; start all hosts with the same --ipalloc-range` };
  }
  return { code, message: `${who}${message}` };
}

/** Names the address, both hosts, and the remedy. */
function describeContested(core: AllocatorCore, { address, ident, peer, isOurs }: ContestedAddress): MergeFailureText {
  const text = formatIpv4(address);
  const other = core.knownPeers.nameOf(peer);
  const message = isOurs
    ? `address ${text} of ${ident} is claimed by ${other}, whose container may use it too; restart that container, so that it gets another address`
    : `address ${text} of ${ident} belongs to ${other}, where it is in use too; restart the container, so that it gets another address`;
  return { code: "ADDRESS_CONTESTED", message };
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
