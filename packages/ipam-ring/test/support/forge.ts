import type { Allocator } from "../../src/index.ts";
import type { Entry } from "../../src/ring/entry.ts";
import type { SentRing } from "../../src/ring/ring.ts";
import { decodeState, encodeState, encodeUnicast, type GossipState } from "../../src/wire/allocation-wire.ts";

/** The ring that an allocator announces. */
export function ringOf(allocator: Allocator): SentRing {
  return decodeState(allocator.gossip.gossip()!.encode()[0]!).ring!;
}

/** The state of a member that forges: a true ring with some entries changed or added, under the member's own name. */
export function forgedState(truth: SentRing, member: number, change: (entries: Entry[]) => Entry[]): GossipState {
  const entries = change([...truth.entries]).sort((a, b) => a.token - b.token);
  return { now: 0n, nicknames: new Map(), ring: { ...truth, peer: member, entries } };
}

/** Sends a forged ring over each way that a member has. */
export function sendForged(to: Allocator, member: number, state: GossipState): void {
  to.gossip.onGossip(encodeState(state), member);
  to.gossip.onBroadcast(member, encodeState(state), member);
  to.gossip.onUnicast(member, encodeUnicast({ type: "ringUpdate", state }), member);
}
