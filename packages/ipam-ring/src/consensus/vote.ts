import { type NodeId, PaxosNode, type PaxosState } from "./paxos.ts";

/**
 * A voter's memory. Weave Net forgets it and votes as another node after a restart, so that two halves of a network may each create
 * a ring. With it a voter keeps its promises.
 */
export interface SavedVote {
  readonly id: NodeId;
  readonly known: PaxosState;
}

/** The voter that made those promises. */
export function restoreVote({ id, known }: SavedVote): PaxosNode {
  const node = new PaxosNode(id);
  node.update(known);
  return node;
}
