import type { PeerName } from "../ports.ts";
import type { Entry } from "./entry.ts";

/** Peers as a consensus leaves them, sorted and each once. */
export function normaliseSeeds(peers: readonly PeerName[]): PeerName[] {
  return [...new Set(peers)].sort((a, b) => a - b);
}

/**
 * The first entries of a ring, in the shares that every peer must compute alike (docs/protocol/ipam.md#9.2): halves of the range for halves of
 * the peers, so that all are CIDR blocks; three peers get a half, a quarter, a quarter.
 */
export function shares(start: number, end: number, peers: readonly PeerName[]): Entry[] {
  const size = end - start;
  const [first] = peers;
  if (size === 0 || first === undefined) return [];
  if (size === 1 || peers.length === 1) return [{ token: start, peer: first, version: 0, free: size }];
  const middle = start + Math.floor(size / 2);
  const half = Math.floor(peers.length / 2);
  return [...shares(start, middle, peers.slice(0, half)), ...shares(middle + (size % 2), end, peers.slice(half))];
}
