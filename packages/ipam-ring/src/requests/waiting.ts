import type { PeerName } from "../ports.ts";
import type { Cidr, Range } from "../space/address.ts";

/** What became of a question to another peer. */
export interface Asked {
  readonly peer: PeerName;
  readonly range: Range;
  /** Milliseconds of the clock given. */
  readonly at: number;
  /** `none` means "no space here"; absent while there is no answer. `unreachable` means that no route led there. */
  readonly answer?: "granted" | "none" | "unreachable";
}

/**
 * Why a request is not done yet. Known the moment it starts to wait.
 *
 * - `CONSENSUS`: the first ring is being voted on
 * - `OBSERVER`: we do not vote, so the ring must come from another peer
 * - `ASKED`: another peer was asked for space
 * - `NO_SPACE`: everybody who might have space was asked, nobody has any; asked again every 5 s
 * - `UNREACHABLE`: all free space belongs to peers that cannot be reached
 * - `FULL`: no peer says that it has free space in the subnet
 * - `OWNER_SILENT`: the owner of a claimed address cannot be reached
 * - `TAKE_OVER`: peers whose consent a take-over needs have not answered
 */
export type WaitReason =
  | { readonly code: "CONSENSUS"; readonly quorum: number; readonly votes: readonly PeerName[] }
  | { readonly code: "OBSERVER" }
  | { readonly code: "ASKED" | "NO_SPACE"; readonly asked: readonly Asked[] }
  | { readonly code: "UNREACHABLE"; readonly owners: readonly PeerName[] }
  | { readonly code: "FULL" }
  | { readonly code: "OWNER_SILENT"; readonly owner: PeerName }
  | { readonly code: "TAKE_OVER"; readonly of: PeerName; readonly missing: readonly PeerName[] };

/** A request that waits, or waited: the answer to "why did this take so long". */
export interface Explanation {
  readonly kind: "allocate" | "claim" | "take-over";
  readonly ident: string;
  /** The subnet or address asked for. Absent for a take-over. */
  readonly cidr?: Cidr;
  /** Milliseconds of the clock given. */
  readonly since: number;
  /** Absent once done. */
  readonly reason?: WaitReason;
  /** The reason in a sentence. */
  readonly text: string;
  /** Everybody asked for it, oldest first. */
  readonly asked: readonly Asked[];
  readonly outcome?: "done" | "cancelled" | "failed";
}

/** The reason as a sentence. */
export function describeWait(reason: WaitReason, nameOf: (peer: PeerName) => string): string {
  const names = (peers: readonly PeerName[]): string => peers.map(nameOf).join(", ");
  switch (reason.code) {
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
      return `all free space belongs to peers that cannot be reached: ${names(reason.owners)}; take it over if they are dead`;
    case "FULL":
      return "no peer has a free address in the subnet";
    case "OWNER_SILENT":
      return `the address belongs to ${nameOf(reason.owner)}, which cannot be reached`;
    case "TAKE_OVER":
      return `waiting for the consent of ${names(reason.missing)} to take over ${nameOf(reason.of)}; remove those that are dead too`;
  }
}

function waitingFor(asked: readonly Asked[]): PeerName[] {
  return [...new Set(asked.filter(({ answer }) => answer === undefined).map(({ peer }) => peer))];
}

function answerText(answer: Asked["answer"]): string {
  return answer === "none" ? "no space" : (answer ?? "no answer");
}
