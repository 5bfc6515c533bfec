import type { JoinResult } from "./api.ts";
import type { AllocatorCore } from "./core/core.ts";
import { RingError } from "./errors.ts";
import { parsePeer } from "./peer-name.ts";
import type { PeerName } from "./ports.ts";
import type { TakeoverOutcome } from "./reclaim/reclaims.ts";
import type { Settle } from "./requests/request.ts";
import { transfer } from "./ring/ring.ts";
import { formatIpv4, parseIpv4 } from "./space/address.ts";

/** A promise of what a request ends with. Aborting the signal ends the request. */
export function waitFor<T>(signal: AbortSignal | undefined, begin: (settle: Settle<T>) => () => void): Promise<T> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(new RingError("CANCELLED", "request cancelled"));
    let cancel: () => void = () => {};
    const onAbort = (): void => cancel();
    signal?.addEventListener("abort", onAbort, { once: true });
    const settle: Settle<T> = (result) => {
      signal?.removeEventListener("abort", onAbort);
      if ("value" in result) resolve(result.value);
      else reject(result.error);
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
    if (core.requests.releaseAll(ident) === 0) throw new RingError("NOT_HELD", `Delete: no addresses for ${ident}`);
    return;
  }
  const value = parseIpv4(address);
  if (value === undefined) throw new RingError("INVALID", `invalid IP address: ${address}`);
  core.requests.release(ident, value);
}

/** By nickname, first match, else by name, as the original looks it up. */
function findPeer(core: AllocatorCore, who: string): PeerName | undefined {
  for (const [peer, nickname] of core.acquaintances.nicknames) if (nickname === who) return peer;
  return parsePeer(who);
}

/** Takes over the space of a peer named by people; the number of addresses gained. */
export function takeOver(core: AllocatorCore, who: string, signal: AbortSignal | undefined): Promise<number> {
  const peer = findPeer(core, who);
  const known = peer !== undefined && (core.takeovers.members().includes(peer) || ownsSpace(core, peer));
  if (peer === undefined || peer === core.options.name || !known) return Promise.resolve(0);
  return waitFor(signal, (settle) => {
    core.takeovers.claim(peer, (outcome) => core.outbox.after(() => settle(toResult(peer, outcome))));
    core.outbox.pump();
    return () => settle({ error: new RingError("CANCELLED", `no longer waiting for the take-over of ${who}`) });
  });
}

function ownsSpace({ ring }: AllocatorCore, peer: PeerName): boolean {
  return ring.entries.some((entry) => entry.peer === peer);
}

function toResult(peer: PeerName, outcome: TakeoverOutcome): Parameters<Settle<number>>[0] {
  if ("taken" in outcome) return { value: outcome.taken };
  if (outcome.refused !== peer) return { value: 0 };
  return { error: new RingError("PEER_ALIVE", "the peer answered that it is alive") };
}

/** Gives everything to another peer and refuses requests from now on. `done` runs when it is saved and sent. */
export function leave(core: AllocatorCore, done: () => void): void {
  if (core.leaving) return done();
  core.leaving = true;
  core.requests.cancelAll();
  const heir = core.acquaintances.heir(core.owners());
  if (heir !== undefined && core.hasRing) {
    core.setRing(transfer(core.ring, core.options.name, heir));
    core.takeovers.leave();
  }
  core.space.clear();
  core.outbox.after(done);
  core.outbox.pump();
}

/** Gives our ring up for another network's; resolves when every address of ours is kept or refused there. */
export function join(core: AllocatorCore): Promise<JoinResult> {
  return new Promise((resolve, reject) => {
    const kept = core.books.list().flatMap(({ addresses }) => addresses.map(({ address }) => address));
    const conflicts: string[] = [];
    let open = Number.POSITIVE_INFINITY;
    const finish = (): void => {
      if (open === 0) resolve({ kept: kept.filter((address) => !conflicts.includes(address)), conflicts });
    };
    try {
      const strays = adoptForeign(core, (address, isKept) => {
        if (!isKept) conflicts.push(formatIpv4(address));
        open--;
        finish();
      });
      // Answers wait for the disk, so none has come yet.
      open = strays.length;
      finish();
    } catch (error) {
      reject(error);
    }
  });
}

/** Takes up the ring of another network, claims our addresses there; which. @throws RingError NO_FOREIGN_RING */
function adoptForeign(core: AllocatorCore, done: (address: number, kept: boolean) => void): number[] {
  const { foreign } = core.conflicts;
  // The ring of somebody who has gone since may be nobody's by now.
  if (!foreign || !core.options.isKnownPeer(foreign.peer))
    throw new RingError("NO_FOREIGN_RING", "no ring of another network has been heard of");
  const { peer: _, ...ring } = foreign;
  core.conflicts.clear();
  core.setRing(ring);
  const strays = core.requests.reclaimStrays(done);
  core.outbox.pump();
  return strays;
}
