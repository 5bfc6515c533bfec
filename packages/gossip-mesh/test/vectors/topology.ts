import assert from "node:assert/strict";
import { fromHex, toHex, type VectorSuite } from "../../../../test/vectors/suite.ts";
import { formatPeerName, parsePeerName } from "../../src/peer-name.ts";
import { decodeRecords, encodeRecord, joinRecords } from "../../src/topology/payload.ts";
import { type PeerRecord, sortLinks } from "../../src/topology/record.ts";
import { Topology } from "../../src/topology/topology.ts";

/** A peer as the vector files write it. */
export interface JsonPeer {
  readonly name: string;
  readonly nickName: string;
  readonly uid: string;
  readonly version: string;
  readonly shortID: number;
  readonly hasShortID: boolean;
  readonly conns: readonly { to: string; addr: string; outbound: boolean; established: boolean }[];
}

/** The record that a vector's peer describes. */
export function recordOf(peer: JsonPeer): PeerRecord {
  return {
    name: parsePeerName(peer.name),
    nickname: peer.nickName,
    uid: BigInt(peer.uid),
    version: BigInt(peer.version),
    shortId: peer.shortID,
    hasShortId: peer.hasShortID,
    links: sortLinks(
      peer.conns.map(({ to, addr, outbound, established }) => ({
        to: parsePeerName(to),
        address: addr,
        outbound,
        established,
      })),
    ),
  };
}

function jsonOf(record: PeerRecord): JsonPeer {
  return {
    conns: record.links.map(({ to, address, outbound, established }) => ({
      addr: address,
      established,
      outbound,
      to: formatPeerName(to),
    })),
    hasShortID: record.hasShortId,
    name: formatPeerName(record.name),
    nickName: record.nickname,
    shortID: record.shortId,
    uid: String(record.uid),
    version: String(record.version),
  };
}

const byName = (a: { name: string }, b: { name: string }) => (a.name < b.name ? -1 : 1);
const normal = (peers: readonly JsonPeer[]) =>
  peers.map((peer) => ({ ...peer, conns: [...peer.conns].sort((a, b) => (a.to < b.to ? -1 : 1)) })).sort(byName);
const state = (topology: Topology) => normal([...topology.records()].map(jsonOf));

/** A topology that holds exactly what a vector says, our own record included. */
function topologyOf(self: string, peers: readonly JsonPeer[]): Topology {
  const records = peers.map(recordOf);
  const name = parsePeerName(self);
  const own = records.find((record) => record.name === name)!;
  return Topology.restore(own, records, () => 0.5);
}

/** Topology payloads, and what becomes of them. */
export const topologyVectors: VectorSuite = {
  file: "topology.json",
  kinds: {
    encode({ input, hex, order, decoded }) {
      const topology = topologyOf(input.self, input.peers);
      const payload = topology.encode(((input.names ?? []) as string[]).map(parsePeerName));
      if (order !== "any") assert.equal(toHex(payload), hex);
      assert.equal(payload.length, hex.length / 2);
      assert.deepEqual(normal(decodeRecords(payload).map(jsonOf)), normal(decoded ?? []));
      const theirs = decodeRecords(fromHex(hex));
      assert.deepEqual(normal(theirs.map(jsonOf)), normal(decoded ?? []));
      // Our order of links is ascending, theirs is random: with theirs decoded, ours must come out again.
      assert.equal(joinRecords(theirs.map(encodeRecord)).length, hex.length / 2);
    },
    apply({ input, hex, decoded, expected }) {
      const topology = topologyOf(input.self, input.state);
      const update = decodeRecords(fromHex(hex));
      if (decoded) assert.deepEqual(normal(update.map(jsonOf)), normal(decoded));
      const { received, changed } = topology.apply(update);
      assert.deepEqual(received.map(formatPeerName).sort(), expected.received);
      assert.deepEqual(changed.map(formatPeerName).sort(), expected.newOrChanged);
      assert.deepEqual(state(topology), normal(expected.stateAfterApply));
      const { removed } = topology.collect();
      assert.deepEqual(removed.map(({ name }) => formatPeerName(name)).sort(), expected.removedByGC);
      assert.deepEqual(state(topology), normal(expected.stateAfterGC));
    },
    malformed({ hex }) {
      assert.throws(() => decodeRecords(fromHex(hex)), { code: "MESH_GOSSIP" });
    },
  },
};
