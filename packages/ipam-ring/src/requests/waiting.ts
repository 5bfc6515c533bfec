import type { PeerName } from "../ports.ts";
import type { Cidr, Range } from "../space/address.ts";

/** A space request to another peer, and its answer. */
export interface Asked {
  readonly peer: PeerName;
  readonly range: Range;
  /** Milliseconds of the given clock. */
  readonly at: number;
  /** `none`: the peer has no space; `unreachable`: no route led there; absent while there is no answer. */
  readonly answer?: "granted" | "none" | "unreachable";
}

/**
 * Why a request is not done yet. Known the moment it starts to wait.
 *
 * - `STARTING`: a named peer has not been tried yet, or a neighbour has not sent its state
 * - `CONSENSUS`: the first ring is being voted on
 * - `OBSERVER`: we do not vote, so the ring must come from another peer
 * - `ASKED`: another peer was asked for space
 * - `NO_SPACE`: every peer that might have space was asked, and none has any; asked again every 5 s
 * - `UNREACHABLE`: all free space belongs to peers that cannot be reached
 * - `FULL`: no peer announces free space in the subnet
 * - `OWNER_SILENT`: the owner of a claimed address cannot be reached
 * - `RECLAIM`: peers whose consent a reclaim needs have not answered
 */
export type WaitReason =
  | { readonly code: "STARTING"; readonly targets: readonly string[]; readonly peers: readonly PeerName[] }
  | { readonly code: "CONSENSUS"; readonly quorum: number; readonly votes: readonly PeerName[] }
  | { readonly code: "OBSERVER" }
  | { readonly code: "ASKED" | "NO_SPACE"; readonly asked: readonly Asked[] }
  | { readonly code: "UNREACHABLE"; readonly owners: readonly PeerName[] }
  | { readonly code: "FULL" }
  | { readonly code: "OWNER_SILENT"; readonly owner: PeerName }
  | { readonly code: "RECLAIM"; readonly of: PeerName; readonly missing: readonly PeerName[] };

/** A request that waits, or waited, and the reason. */
export interface Explanation {
  readonly kind: "allocate" | "claim" | "reclaim";
  readonly ident: string;
  /** The requested subnet or address. Absent for a reclaim. */
  readonly cidr?: Cidr;
  /** Milliseconds of the clock given. */
  readonly since: number;
  /** Absent once done. */
  readonly reason?: WaitReason;
  /** The reason in a sentence. */
  readonly text: string;
  /** Space requests for it, oldest first. */
  readonly asked: readonly Asked[];
  readonly outcome?: "done" | "cancelled" | "failed";
}

/** The reason as a sentence. */
export function describeWait(reason: WaitReason, nameOf: (peer: PeerName) => string): string {
  const names = (peers: readonly PeerName[]): string => peers.map(nameOf).join(", ");
  switch (reason.code) {
    case "STARTING":
      return reason.targets.length > 0
        ? `waiting until the named peers were tried: ${reason.targets.join(", ")}`
        : `waiting for the state of ${names(reason.peers)}`;
    case "CONSENSUS": {
      const missing = Math.max(reason.quorum - reason.votes.length, 0);
      return `waiting for ${missing} more of ${reason.quorum} votes to divide the range; so far: ${names(reason.votes)}`;
    }
    case "OBSERVER":
      return "waiting for a voting peer to send the ring: this peer is an observer";
    case "ASKED":
      return `asked ${names(waitingFor(reason.asked))} for space, no answer yet`;
    case "NO_SPACE":
      return `asked ${reason.asked.map(({ peer, answer }) => `${nameOf(peer)}: ${answerText(answer)}`).join(", ")}`;
    case "UNREACHABLE":
      return `all free space belongs to peers that cannot be reached: ${names(reason.owners)}; if they are dead, remove them with "weave rmpeer"`;
    case "FULL":
      return "no peer has a free address in the subnet";
    case "OWNER_SILENT":
      return `the address belongs to ${nameOf(reason.owner)}, which cannot be reached`;
    case "RECLAIM":
      return `waiting for the consent of ${names(reason.missing)} to reclaim the space of ${nameOf(reason.of)}; if any of them is dead, remove it too with "weave rmpeer"`;
  }
}

function waitingFor(asked: readonly Asked[]): PeerName[] {
  return [...new Set(asked.filter(({ answer }) => answer === undefined).map(({ peer }) => peer))];
}

function answerText(answer: Asked["answer"]): string {
  return answer === "none" ? "no space" : (answer ?? "no answer");
}
