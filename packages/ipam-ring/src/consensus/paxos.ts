import type { PeerName } from "../ports.ts";

/** A voter. A restarted peer has a new uid, hence is a new node: it may have forgotten its promises. */
export interface NodeId {
  readonly name: PeerName;
  readonly uid: bigint;
}

/** Ordered by round, then proposer. Round 0 means none. */
export interface ProposalId {
  readonly round: bigint;
  readonly proposer: NodeId;
}

/** A set of peers to seed the ring with, with the proposal that brought it up. */
export interface AcceptedValue {
  readonly value: readonly PeerName[];
  readonly origin: ProposalId;
}

/** The promises and acceptances of one node. */
export interface NodeClaims {
  /** It will accept no older proposal than this. */
  readonly promise: ProposalId;
  readonly accepted: ProposalId;
  readonly acceptedValue: AcceptedValue;
}

/** All that is known of all nodes, as it is gossiped. */
export type PaxosState = readonly { readonly node: NodeId; readonly claims: NodeClaims }[];

const noProposal: ProposalId = { round: 0n, proposer: { name: 0, uid: 0n } };
const noClaims: NodeClaims = {
  promise: noProposal,
  accepted: noProposal,
  acceptedValue: { value: [], origin: noProposal },
};

const keyOf = ({ name, uid }: NodeId): string => `${name}/${uid}`;

/** Negative when `a` is older. */
export function compareProposals(a: ProposalId, b: ProposalId): number {
  if (a.round !== b.round) return a.round < b.round ? -1 : 1;
  if (a.proposer.name !== b.proposer.name) return a.proposer.name - b.proposer.name;
  if (a.proposer.uid === b.proposer.uid) return 0;
  return a.proposer.uid < b.proposer.uid ? -1 : 1;
}

/**
 * One voter of the election that decides which peers share the first ring (docs/protocol/ipam.md#9.4).
 *
 * This is Paxos with gossip of all knowledge instead of messages: a proposal is a promise to oneself, an acceptance is copied from
 * any node that has it. See Lamport, "Paxos Made Simple", for why no two quorums decide differently.
 */
export class PaxosNode {
  readonly id: NodeId;
  /** Bounded by: incarnations of peers seen before the first ring. */
  readonly #known = new Map<string, { readonly node: NodeId; readonly claims: NodeClaims }>();
  /** Votes needed; 0 until a proposal is made here, and with it consensus is never declared. */
  quorum = 0;

  constructor(id: NodeId) {
    this.id = id;
  }

  /** The knowledge to gossip, in the order of learning. */
  get state(): PaxosState {
    return [...this.#known.values()];
  }

  /** Takes in another node's knowledge; returns whether anything was new. */
  update(from: PaxosState): boolean {
    let changed = false;
    for (const { node, claims: theirs } of from) {
      const ours = this.#known.get(keyOf(node))?.claims;
      let claims = ours ?? theirs;
      if (ours && compareProposals(ours.promise, theirs.promise) < 0) claims = { ...claims, promise: theirs.promise };
      if (ours && compareProposals(ours.accepted, theirs.accepted) < 0) {
        claims = { ...claims, accepted: theirs.accepted, acceptedValue: theirs.acceptedValue };
      }
      if (claims === ours) continue;
      changed = true;
      this.#known.set(keyOf(node), { node, claims });
    }
    return changed;
  }

  /** Starts a proposal newer than all known. */
  propose(): void {
    let round = 0n;
    for (const { claims } of this.#known.values()) {
      for (const seen of [claims.promise.round, claims.accepted.round]) if (seen > round) round = seen;
    }
    this.#setOwn({ ...this.#own(), promise: { round: round + 1n, proposer: this.id } });
    // With a quorum of one no message of another peer would ever make us think.
    if (this.quorum === 1) this.think();
  }

  /** Promises and accepts whatever the knowledge allows; returns whether our own claims changed. */
  think(): boolean {
    const before = this.#own();
    let ours = before;
    for (const { claims } of this.#known.values()) {
      if (compareProposals(ours.promise, claims.promise) < 0) ours = { ...ours, promise: claims.promise };
    }
    ours = this.#acceptOwnProposal(ours) ?? ours;
    for (const { claims } of this.#known.values()) {
      if (compareProposals(claims.accepted, ours.promise) === 0) {
        ours = { ...ours, accepted: claims.accepted, acceptedValue: claims.acceptedValue };
        break;
      }
    }
    const same =
      compareProposals(ours.promise, before.promise) === 0 &&
      compareProposals(ours.accepted, before.accepted) === 0 &&
      compareProposals(ours.acceptedValue.origin, before.acceptedValue.origin) === 0;
    if (!same) this.#setOwn(ours);
    return !same;
  }

  /** The peers that a quorum accepted, or undefined. */
  consensus(): readonly PeerName[] | undefined {
    if (this.quorum === 0) return undefined;
    const counts = new Map<string, number>();
    for (const { claims } of this.#known.values()) {
      if (claims.accepted.round === 0n) continue;
      const { origin, value } = claims.acceptedValue;
      const key = `${origin.round}/${keyOf(origin.proposer)}`;
      const count = (counts.get(key) ?? 0) + 1;
      counts.set(key, count);
      if (count >= this.quorum) return value;
    }
    return undefined;
  }

  /** Nodes that have promised our present proposal: the explanation of a wait names them. */
  supporters(): PeerName[] {
    const { promise } = this.#own();
    return [...this.#known.values()]
      .filter(({ claims }) => compareProposals(claims.promise, promise) === 0)
      .map(({ node }) => node.name);
  }

  /** Accepts our own proposal once a quorum has promised it, with the newest value that any of them had accepted. */
  #acceptOwnProposal(ours: NodeClaims): NodeClaims | undefined {
    // A proposal of an earlier life has no quorum to count against, so no count of promises is enough.
    if (this.quorum === 0 || keyOf(ours.promise.proposer) !== keyOf(this.id)) return undefined;
    let count = 0;
    let best = noClaims;
    for (const { claims } of this.#known.values()) {
      if (compareProposals(claims.promise, ours.promise) !== 0) continue;
      count++;
      if (compareProposals(best.accepted, claims.accepted) < 0) best = claims;
    }
    if (count < this.quorum) return undefined;
    const names = [...this.#known.values()].map(({ node }) => node.name);
    const free = best.accepted.round === 0n;
    const acceptedValue = free ? { value: names, origin: ours.promise } : best.acceptedValue;
    return { ...ours, accepted: ours.promise, acceptedValue };
  }

  #own(): NodeClaims {
    return this.#known.get(keyOf(this.id))?.claims ?? noClaims;
  }

  #setOwn(claims: NodeClaims): void {
    this.#known.set(keyOf(this.id), { node: this.id, claims });
  }
}
