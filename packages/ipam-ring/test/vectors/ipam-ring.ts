import { isDeepStrictEqual } from "node:util";
import type { VectorCase, VectorSuite } from "../../../../test/vectors/suite.ts";
import { fromHex, toHex } from "../../../../test/vectors/suite.ts";
import { PaxosNode, type PaxosState, type ProposalId } from "../../src/consensus/paxos.ts";
import { AllocatorCore } from "../../src/core/core.ts";
import { RingError } from "../../src/errors.ts";
import { formatPeer, parsePeer } from "../../src/peer-name.ts";
import { legacyGrants } from "../../src/ring/grant-policy.ts";
import { mergeRings } from "../../src/ring/merge.ts";
import { grant, type Ring, rangesOf, seedRing, transfer } from "../../src/ring/ring.ts";
import { formatIpv4, parseCidr, parseIpv4, subnetRange } from "../../src/space/address.ts";
import { Space } from "../../src/space/space.ts";
import {
  decodeState,
  decodeUnicast,
  encodeState,
  encodeUnicast,
  type GossipState,
} from "../../src/wire/allocation-wire.ts";

interface VectorRing {
  start: string;
  end: string;
  peer: string;
  entries: { token: string; peer: string; version: number; free: number }[];
  seeds: string[];
}

export const peer = (text: string): number => parsePeer(text)!;
export const address = (text: string): number => parseIpv4(text)!;

export function toRing(ring: VectorRing): Ring & { peer: number } {
  return {
    start: address(ring.start),
    end: address(ring.end),
    peer: peer(ring.peer),
    entries: ring.entries.map((entry) => ({ ...entry, token: address(entry.token), peer: peer(entry.peer) })),
    seeds: ring.seeds.map(peer),
  };
}

export function fromRing(ring: Ring, encodedBy: number): VectorRing {
  return {
    end: formatIpv4(ring.end),
    entries: ring.entries.map(({ token, peer: owner, version, free }) => ({
      free,
      peer: formatPeer(owner),
      token: formatIpv4(token),
      version,
    })),
    peer: formatPeer(encodedBy),
    seeds: ring.seeds.map(formatPeer),
    start: formatIpv4(ring.start),
  };
}

export function same(what: string, actual: unknown, expected: unknown): void {
  if (!isDeepStrictEqual(actual, expected)) {
    throw new Error(`${what}: got ${JSON.stringify(actual)}, expected ${JSON.stringify(expected)}`);
  }
}

const range = ({ start, end }: { start: number; end: number }) => ({ end: formatIpv4(end), start: formatIpv4(start) });
const proposal = ({ round, proposer }: ProposalId) => ({
  proposer: { name: formatPeer(proposer.name), uid: String(proposer.uid) },
  round: String(round),
});
// biome-ignore lint/suspicious/noExplicitAny: the vector file's shape
const toProposal = (from: any): ProposalId => ({
  round: BigInt(from.round),
  proposer: { name: peer(from.proposer.name), uid: BigInt(from.proposer.uid) },
});
const sortedBy = <T>(items: readonly T[], key: (item: T) => string): T[] =>
  [...items].sort((a, b) => (key(a) < key(b) ? -1 : 1));

function fromPaxos(state: PaxosState) {
  return sortedBy(
    state.map(({ node, claims }) => ({
      accepted: proposal(claims.accepted),
      node: { name: formatPeer(node.name), uid: String(node.uid) },
      origin: proposal(claims.acceptedValue.origin),
      promise: proposal(claims.promise),
      value: claims.acceptedValue.value.map(formatPeer).sort(),
    })),
    ({ node }) => `${node.name}${node.uid.padStart(20, "0")}`,
  );
}

// biome-ignore lint/suspicious/noExplicitAny: the vector file's shape
function toState(input: any): GossipState {
  return {
    now: BigInt(input.now),
    nicknames: new Map(
      Object.entries(input.nicknames as Record<string, string>).map(([name, nick]) => [peer(name), nick]),
    ),
    ...(input.ring && { ring: toRing(input.ring) }),
    ...(input.paxos && {
      // biome-ignore lint/suspicious/noExplicitAny: the vector file's shape
      paxos: input.paxos.map((node: any) => ({
        node: { name: peer(node.node.name), uid: BigInt(node.node.uid) },
        claims: {
          promise: toProposal(node.promise),
          accepted: toProposal(node.accepted),
          acceptedValue: { value: node.value.map(peer), origin: toProposal(node.origin) },
        },
      })),
    }),
  };
}

function fromState(state: GossipState) {
  return {
    nicknames: Object.fromEntries([...state.nicknames].map(([name, nick]) => [formatPeer(name), nick])),
    now: String(state.now),
    paxos: state.paxos ? fromPaxos(state.paxos) : null,
    ring: state.ring ? fromRing(state.ring, state.ring.peer) : null,
  };
}

// biome-ignore lint/suspicious/noExplicitAny: the vector file's shape
const withDefaults = (input: any) => ({
  nicknames: input.nicknames ?? {},
  now: input.now,
  paxos: input.paxos ? sortPaxos(input.paxos) : null,
  ring: input.ring ?? null,
});
// biome-ignore lint/suspicious/noExplicitAny: the vector file's shape
const sortPaxos = (nodes: any[]) =>
  sortedBy(
    // biome-ignore lint/suspicious/noExplicitAny: the vector file's shape
    nodes.map((node: any) => ({ ...node, value: [...node.value].sort() })),
    ({ node }) => `${node.name}${node.uid.padStart(20, "0")}`,
  );

function checkState({ input, hex, decoded, order }: VectorCase): void {
  const bytes = fromHex(hex);
  const state = decodeState(bytes);
  same("decoded", fromState(state), withDefaults(decoded ?? input));
  const encoded = encodeState(toState(input));
  if (order !== "any") same("bytes", toHex(encoded), hex);
  same("round trip", fromState(decodeState(encoded)), withDefaults(input));
  same("bytes in the received order", toHex(encodeState(state)), hex);
}

function checkUnicast({ input, hex, order }: VectorCase): void {
  const message = decodeUnicast(fromHex(hex));
  same("type", message.type, input.type);
  same("bytes in the received order", toHex(encodeUnicast(message)), hex);
  if (message.type === "ringUpdate") {
    same("decoded", fromState(message.state), withDefaults(input));
    if (order !== "any") same("bytes", toHex(encodeUnicast({ type: "ringUpdate", state: toState(input) })), hex);
    return;
  }
  same("decoded", range(message.range), input.range);
  const given = { start: address(input.range.start), end: address(input.range.end) };
  same("bytes", toHex(encodeUnicast({ type: message.type, range: given })), hex);
}

function checkSeed({ input, expected }: VectorCase): void {
  const ring = seedRing({ start: address(input.start), end: address(input.end) }, input.peers.map(peer));
  same("ring", fromRing(ring, peer(input.self)), expected.ring);
}

function checkGrant({ input, expected }: VectorCase): void {
  const ring = toRing(input.ring);
  const part = { start: address(input.from), end: address(input.to) };
  if (expected.panic !== undefined) return refusesGrant(() => grant(ring, part, ring.peer, peer(input.peer)));
  same("ring", fromRing(grant(ring, part, ring.peer, peer(input.peer)), ring.peer), expected.ring);
}

/** Where the original's assertion fails, we throw. */
function refusesGrant(run: () => unknown): void {
  try {
    run();
  } catch (error) {
    if (error instanceof RingError) return;
  }
  throw new Error("granted what is not ours");
}

/** Allocations of the peer whose ring it is. */
export function booksOf(ring: Ring & { peer: number }, allocated: readonly string[]): Space {
  const space = new Space();
  space.setRanges(rangesOf(ring, ring.peer));
  for (const used of allocated) space.claim(address(used));
  return space;
}

function checkMerge({ input, expected }: VectorCase): void {
  const mine = toRing(input.mine);
  const space = booksOf(mine, input.allocatedHere);
  const result = mergeRings(mine, toRing(input.theirs), {
    us: mine.peer,
    hasAllocations: (ranges) => space.hasAllocations(ranges),
  });
  const failed = "failure" in result;
  same("error", failed ? result.failure.message : undefined, expected.error);
  same("ring", fromRing(failed ? mine : result.ring, mine.peer), expected.ring);
  same("updated", failed ? false : result.updated, expected.updated);
}

function checkTransfer({ input, expected }: VectorCase): void {
  const ring = toRing(input.ring);
  same("ranges", rangesOf(ring, peer(input.from)).map(range), expected.ranges);
  same("ring", fromRing(transfer(ring, peer(input.from), peer(input.to)), ring.peer), expected.ring);
}

/** Runs a space request through a whole allocator, with the original's way of choosing. */
function checkDonate({ input, expected }: VectorCase): void {
  const ring = toRing(input.ring);
  const replies: object[] = [];
  let broadcasts = 0;
  const core = new AllocatorCore({
    name: ring.peer,
    uid: 1n,
    nickname: "",
    universe: ring,
    init: { kind: "observer" },
    now: () => 0,
    unixSeconds: () => 0,
    random: () => 0,
    isKnownPeer: () => true,
    grantPolicy: legacyGrants,
    tidy: false,
    mixed: false,
    avoid: [],
    reservations: new Map(),
    save: (_, done) => done(),
    transport: {
      unicast(to, message) {
        same("sent to", formatPeer(to), input.requester);
        replies.push({ ...("range" in message && { range: range(message.range) }), type: encodeUnicast(message)[0] });
        return true;
      },
      broadcast: () => void broadcasts++,
      consent: () => {},
    },
  });
  const { peer: _, ...own } = ring;
  const addresses = input.allocatedHere.map((text: string) => ({ address: text, prefixLength: 24 }));
  const owned = addresses.length > 0 ? [{ ident: "c", isContainer: false, addresses }] : [];
  const consent = { disk: "d", members: [], gone: [], consents: [] };
  core.start({ format: 1, peer: ring.peer, ring: own, owned, consent });
  broadcasts = 0;
  const asked = { start: address(input.requestedRange.start), end: address(input.requestedRange.end) };
  core.receiveUnicast(peer(input.requester), { type: "spaceRequest", range: asked });
  same("ring", fromRing(core.replica.ring, ring.peer), expected.ringAfter);
  same("broadcasts", broadcasts, expected.broadcasts);
  same("replies", replies, expected.unicastReplies);
}

function checkPaxos({ input, expected }: VectorCase): void {
  const nodes = input.nodes.map(
    ({ name, uid }: { name: string; uid: string }) => new PaxosNode({ name: peer(name), uid: BigInt(uid) }),
  ) as PaxosNode[];
  for (const node of nodes) node.quorum = input.quorum;
  input.steps.forEach((step: { node: number; op: string; to?: number }, i: number) => {
    const node = nodes[step.node - 1]!;
    const outcome: Record<string, unknown> = {};
    let shown = node;
    if (step.op === "propose") node.propose();
    else if (step.op === "think") outcome.changed = node.think();
    else if (step.op === "send") {
      shown = nodes[step.to! - 1]!;
      outcome.learned = shown.update(node.state);
    } else throw new Error(`unknown step ${step.op}`);
    const value = shown.consensus();
    const actual = {
      ...outcome,
      consensus: value !== undefined,
      ...(value && { value: value.map(formatPeer).sort() }),
      state: fromPaxos(shown.state),
    };
    const wanted = { ...expected.trace[i] };
    wanted.state = sortPaxos(wanted.state);
    if (wanted.value) wanted.value = [...wanted.value].sort();
    same(`step ${i}`, actual, wanted);
  });
}

function checkSpace({ input, expected }: VectorCase): void {
  const space = new Space();
  space.setRanges(input.ranges.map(([start, end]: [string, string]) => ({ start: address(start), end: address(end) })));
  input.ops.forEach(([op, argument]: [string, string], i: number) => {
    const outcome = spaceStep(space, op, argument);
    same(`op ${i}`, { ...outcome, free: space.free, owned: space.used }, expected.results[i]);
  });
}

function spaceStep(space: Space, op: string, argument: string | undefined): object {
  if (op === "claim") return { ok: space.claim(address(argument!)) };
  if (op === "free") return { ok: space.release(address(argument!)) };
  const asked = askedRange(argument);
  if (op === "allocate") {
    const got = space.allocate(asked);
    return got === undefined ? { ok: false } : { ok: true, address: formatIpv4(got) };
  }
  if (op !== "donate") throw new Error(`unknown op ${op}`);
  const given = legacyGrants({
    asked,
    free: [...space.freeRuns(asked)],
    ring: { start: 0, end: 1, entries: [], seeds: [] },
    us: 1,
    to: 2,
  });
  if (!given) return { ok: false };
  space.remove(given);
  return { ok: true, range: range(given) };
}

/** The range of a step: a subnet without its first and last address, a smaller block as it is; everything without an argument. */
function askedRange(argument: string | undefined): { start: number; end: number } {
  if (argument === undefined || argument === "") return { start: 0, end: 2 ** 32 };
  const { address: base, prefixLength } = parseCidr(argument);
  if (prefixLength <= 30) return subnetRange({ address: base, prefixLength });
  return { start: address(base), end: address(base) + 2 ** (32 - prefixLength) };
}

/** Golden vectors of the allocation channel. */
export const ipamRingVectors: VectorSuite = {
  file: "ipam-ring.json",
  kinds: {
    "state-ring": checkState,
    "state-paxos": checkState,
    unicast: checkUnicast,
    seed: checkSeed,
    grant: checkGrant,
    merge: checkMerge,
    transfer: checkTransfer,
    donate: checkDonate,
    paxos: checkPaxos,
    space: checkSpace,
  },
};
