import type { JoinResult } from "./api.ts";
import type { AllocatorCore } from "./core/core.ts";
import { RingError } from "./errors.ts";
import { parsePeer } from "./peer-name.ts";
import type { PeerName } from "./ports.ts";
import type { ReclaimOutcome } from "./reclaim/reclaims.ts";
import type { Outcome, Settle } from "./requests/request.ts";
import { formatIpv4, parseIpv4 } from "./space/address.ts";

/** A promise of a request's outcome. Aborting the signal ends the request. */
export function waitFor<T>(signal: AbortSignal | undefined, begin: (settle: Settle<T>) => () => void): Promise<T> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(new RingError("CANCELLED", "request cancelled"));
    let cancel: () => void = () => {};
    const onAbort = (): void => cancel();
    signal?.addEventListener("abort", onAbort, { once: true });
    const settle: Settle<T> = (outcome) => {
      signal?.removeEventListener("abort", onAbort);
      if ("value" in outcome) resolve(outcome.value);
      else reject(outcome.error);
    };
    try {
      cancel = begin(settle);
    } catch (error) {
      signal?.removeEventListener("abort", onAbort);
      reject(error);
    }
  });
}

/** Releases one address of an ident, or all. @throws RingError NOT_HELD, INVALID */
export function release(core: AllocatorCore, ident: string, address: string | undefined): void {
  if (address === undefined) {
    if (core.releaseAll(ident) === 0) throw new RingError("NOT_HELD", `Delete: no addresses for ${ident}`);
    return;
  }
  const value = parseIpv4(address);
  if (value === undefined) throw new RingError("INVALID", `invalid IP address: ${address}`);
  core.release(ident, value);
}

/** By nickname, first match, else by name, as Weave Net looks it up. */
function findPeer(core: AllocatorCore, nameOrNickname: string): PeerName | undefined {
  for (const [peer, nickname] of core.knownPeers.nicknames) if (nickname === nameOrNickname) return peer;
  return parsePeer(nameOrNickname);
}

/** Reclaims the space of a peer that an operator names; resolves with the number of addresses gained. */
export function reclaim(core: AllocatorCore, nameOrNickname: string, signal: AbortSignal | undefined): Promise<number> {
  const peer = findPeer(core, nameOrNickname);
  const isKnown =
    peer !== undefined && (core.reclaims.members().includes(peer) || core.replica.owners().includes(peer));
  if (peer === undefined || peer === core.options.name || !isKnown) return Promise.resolve(0);
  return waitFor(signal, (settle) => {
    core.reclaim(peer, (outcome) => settle(toOutcome(peer, outcome)));
    const message = `no longer waiting for the reclaim of ${nameOrNickname}`;
    return () => settle({ error: new RingError("CANCELLED", message) });
  });
}

function toOutcome(peer: PeerName, outcome: ReclaimOutcome): Outcome<number> {
  if ("taken" in outcome) return { value: outcome.taken };
  if (outcome.refused !== peer) return { value: 0 };
  return { error: new RingError("PEER_ALIVE", "the peer answered that it is alive") };
}

/** Replaces our ring by that of another network; resolves when every address of ours is kept or refused there. */
export async function join(core: AllocatorCore): Promise<JoinResult> {
  const { foreign } = core.replica.conflicts;
  // The ring of a peer that has gone since may not exist any more.
  if (!foreign || !core.options.isKnownPeer(foreign.peer))
    throw new RingError("NO_FOREIGN_RING", "no ring of another network has been heard of");
  const { peer: _, ...ring } = foreign;
  const { allocations } = core.replica;
  const kept = allocations.list().flatMap(({ addresses }) => addresses.map(({ address }) => address));
  const conflicts: string[] = [];
  await new Promise<void>((resolve) => {
    let settled = 0;
    let expected = Number.POSITIVE_INFINITY;
    const displaced = core.join(ring, (address, isKept) => {
      if (!isKept) conflicts.push(formatIpv4(address));
      if (++settled === expected) resolve();
    });
    expected = displaced.length;
    if (settled === expected) resolve();
  });
  return { kept: kept.filter((address) => !conflicts.includes(address)), conflicts };
}
