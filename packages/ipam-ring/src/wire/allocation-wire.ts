/**
 * Messages of the channel `IPallocation`, byte for byte as Weave Net sends them (docs/protocol/ipam.md#9.1).
 *
 * ```text
 * gossip, broadcast   gob gossipState
 * unicast             +------+----------------------------+
 *                     | kind | 0 space request: gob Range |
 *                     |      | 1 ring update: gossipState |
 *                     |      | 2 denied: gob Range        |
 *                     +------+----------------------------+
 *
 * 00 25ff81..6500 0fff82 01 fc0a000000 01 fc0a000100 00   a space request for 10.0.0.0/24
 * ```
 *
 * A state has a ring, or the knowledge of a voter (which may be empty, yet is present), or, from an observer, neither.
 */
import { decodeGob, encodeGob, gob, type Infer, type Schema } from "@weaved/gob-codec";
import type { NodeId, PaxosState, ProposalId } from "../consensus/paxos.ts";
import { RingError } from "../errors.ts";
import type { PeerName } from "../ports.ts";
import type { SentRing } from "../ring/ring.ts";
import type { Range } from "../space/address.ts";

/** Weave Net's name of the channel. */
export const ALLOCATION_CHANNEL = "IPallocation";

const nodeIdSchema = gob.struct("paxos.NodeID", { Name: gob.uint, UID: gob.uint64 });
const proposalSchema = gob.struct("paxos.ProposalID", { Round: gob.uint64, Proposer: nodeIdSchema });
const claimsSchema = gob.struct("paxos.NodeClaims", {
  Promise: proposalSchema,
  Accepted: proposalSchema,
  AcceptedVal: gob.struct("paxos.AcceptedValue", {
    Value: gob.slice(gob.uint, { name: "paxos.Value" }),
    Origin: proposalSchema,
  }),
});
/** A ring as gob has it. */
export interface WireRing {
  Start: number;
  End: number;
  Peer: PeerName;
  Entries: { Token: number; Peer: PeerName; Version: number; Free: number }[];
  Seeds: PeerName[];
}
/** Shared with the channel of reclaims. */
export const ringSchema: Schema<WireRing> = gob.struct("ring.Ring", {
  Start: gob.uint32,
  End: gob.uint32,
  Peer: gob.uint,
  Entries: gob.slice(gob.struct("", { Token: gob.uint32, Peer: gob.uint, Version: gob.uint32, Free: gob.uint32 }), {
    name: "ring.entries",
  }),
  Seeds: gob.slice(gob.uint, { name: "[]mesh.PeerName" }),
});
const stateSchema = gob.struct("ipam.gossipState", {
  Now: gob.int64,
  Nicknames: gob.map(gob.uint, gob.string, { name: "map[mesh.PeerName]string" }),
  Paxos: gob.map(nodeIdSchema, claimsSchema, { name: "paxos.GossipState" }),
  Ring: gob.pointer(ringSchema),
});
const rangeSchema = gob.struct("address.Range", { Start: gob.uint32, End: gob.uint32 });

/** What a peer announces about itself and the ring. */
export interface GossipState {
  /** Unix seconds; Weave Net sends it, and no version of it checks it any more. */
  readonly now: bigint;
  readonly nicknames: ReadonlyMap<PeerName, string>;
  /** Present, if empty, for every voter without a ring. */
  readonly paxos?: PaxosState;
  readonly ring?: SentRing;
}

/** A message for one peer. */
export type UnicastMessage =
  | { readonly type: "spaceRequest" | "spaceRequestDenied"; readonly range: Range }
  | { readonly type: "ringUpdate"; readonly state: GossipState };

/** Bytes of a state. */
export function encodeState(state: GossipState): Uint8Array {
  return encodeGob(stateSchema, {
    Now: state.now,
    Nicknames: new Map(state.nicknames),
    Paxos: state.paxos && new Map(state.paxos.map(({ node, claims }) => [toWireNode(node), toWireClaims(claims)])),
    Ring: state.ring && toWireRing(state.ring),
  });
}

/** The state of some bytes. @throws RingError MALFORMED */
export function decodeState(bytes: Uint8Array): GossipState {
  const { Now, Nicknames, Paxos, Ring } = decode(stateSchema, bytes);
  return {
    now: Now,
    nicknames: Nicknames ?? new Map(),
    ...(Paxos && {
      paxos: [...Paxos].map(([node, claims]) => ({ node: fromWireNode(node), claims: fromWireClaims(claims) })),
    }),
    ...(Ring && { ring: fromWireRing(Ring) }),
  };
}

/** Bytes of a message for one peer. */
export function encodeUnicast(message: UnicastMessage): Uint8Array {
  switch (message.type) {
    case "spaceRequest":
      return prefixed(0, encodeRange(message.range));
    case "ringUpdate":
      return prefixed(1, encodeState(message.state));
    case "spaceRequestDenied":
      return prefixed(2, encodeRange(message.range));
  }
}

/** The message of some bytes. @throws RingError MALFORMED */
export function decodeUnicast(bytes: Uint8Array): UnicastMessage {
  const rest = bytes.subarray(1);
  switch (bytes[0]) {
    case 0:
      return { type: "spaceRequest", range: decodeRange(rest) };
    case 1:
      return { type: "ringUpdate", state: decodeState(rest) };
    case 2:
      return { type: "spaceRequestDenied", range: decodeRange(rest) };
    default:
      throw new RingError("MALFORMED", `unknown kind of unicast: ${bytes[0] ?? "none"}`);
  }
}

/** Our ring for gob. */
export function toWireRing(ring: SentRing): WireRing {
  return {
    Start: ring.start,
    End: ring.end,
    Peer: ring.peer,
    Entries: ring.entries.map(({ token, peer, version, free }) => ({
      Token: token,
      Peer: peer,
      Version: version,
      Free: free,
    })),
    Seeds: [...ring.seeds],
  };
}

/** A ring as we have it. Not checked: merging does. */
export function fromWireRing(ring: WireRing): SentRing {
  return {
    start: ring.Start,
    end: ring.End,
    peer: ring.Peer,
    entries: ring.Entries.map(({ Token, Peer, Version, Free }) => ({
      token: Token,
      peer: Peer,
      version: Version,
      free: Free,
    })),
    seeds: ring.Seeds,
  };
}

/** Decodes with the package's own error. @throws RingError MALFORMED */
export function decode<T>(schema: Schema<T>, bytes: Uint8Array): T {
  try {
    return decodeGob(schema, bytes);
  } catch (cause) {
    throw new RingError("MALFORMED", `not a message of this channel: ${(cause as Error).message}`, { cause });
  }
}

function prefixed(kind: number, rest: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(rest.length + 1);
  bytes[0] = kind;
  bytes.set(rest, 1);
  return bytes;
}

function encodeRange({ start, end }: Range): Uint8Array {
  return encodeGob(rangeSchema, { Start: start, End: end });
}

function decodeRange(bytes: Uint8Array): Range {
  const { Start, End } = decode(rangeSchema, bytes);
  return { start: Start, end: End };
}

function toWireNode({ name, uid }: NodeId): Infer<typeof nodeIdSchema> {
  return { Name: name, UID: uid };
}

function fromWireNode({ Name, UID }: Infer<typeof nodeIdSchema>): NodeId {
  return { name: Name, uid: UID };
}

function toWireProposal({ round, proposer }: ProposalId): Infer<typeof proposalSchema> {
  return { Round: round, Proposer: toWireNode(proposer) };
}

function fromWireProposal({ Round, Proposer }: Infer<typeof proposalSchema>): ProposalId {
  return { round: Round, proposer: fromWireNode(Proposer) };
}

function toWireClaims({ promise, accepted, acceptedValue }: PaxosState[number]["claims"]): Infer<typeof claimsSchema> {
  return {
    Promise: toWireProposal(promise),
    Accepted: toWireProposal(accepted),
    AcceptedVal: { Value: [...acceptedValue.value], Origin: toWireProposal(acceptedValue.origin) },
  };
}

function fromWireClaims(claims: Infer<typeof claimsSchema>): PaxosState[number]["claims"] {
  return {
    promise: fromWireProposal(claims.Promise),
    accepted: fromWireProposal(claims.Accepted),
    acceptedValue: { value: claims.AcceptedVal.Value, origin: fromWireProposal(claims.AcceptedVal.Origin) },
  };
}
