/**
 * When two peers meet, each may need the complete state of the other: one is new, or a split mesh joins again. Mostly neither
 * does, because both are in the mesh already. Sending complete states to be safe, as Weave Net 2.8 does on both sides of each
 * connection, costs more than everything else while a mesh comes up: a newcomer receives them from each of its neighbours.
 *
 * The side that dialled decides at once. The other side waits for the digest by which the dialler shows that it does not know
 * us, or for news of the dialler from others.
 */
import type { Neighbour } from "../gossip/neighbour.ts";
import type { Clock } from "../ports.ts";

/** How long news of a peer may take to arrive over other peers. */
const PATIENCE_MS = 5_000;

/** What the decision depends on, and what it leads to. */
export interface UnsyncedPeersHost {
  readonly clock: Clock;
  /** Whether others report the peer. */
  isKnown(neighbour: Neighbour): boolean;
  /** Sends it the complete state of every channel. */
  sendEverything(neighbour: Neighbour): void;
}

/** Neighbours of which it is not decided yet whether they need the complete state. */
export class UnsyncedPeers {
  readonly #host: UnsyncedPeersHost;
  /** Bounded by: connections. */
  readonly #waiting = new Map<Neighbour, () => void>();

  constructor(host: UnsyncedPeersHost) {
    this.#host = host;
  }

  /**
   * A connection has been registered.
   *
   * @param isCertain - the remote has restarted, or we know no other peer
   */
  add(neighbour: Neighbour, isCertain: boolean): void {
    const { clock } = this.#host;
    if (!isCertain && this.#host.isKnown(neighbour)) return;
    // Weave Net 2.8 sends no digest, so it may need everything.
    if (isCertain || neighbour.outbound || !neighbour.speaksSync) {
      this.#host.sendEverything(neighbour);
      return;
    }
    const cancel = clock.after(PATIENCE_MS, () => {
      this.#waiting.delete(neighbour);
      if (!this.#host.isKnown(neighbour)) this.#host.sendEverything(neighbour);
    });
    this.#waiting.set(neighbour, cancel);
  }

  /** The remote compares digests with us: most likely it does not know us. */
  digestReceived(neighbour: Neighbour): void {
    if (this.remove(neighbour)) this.#host.sendEverything(neighbour);
  }

  /** The connection has ended. True if it was not decided yet. */
  remove(neighbour: Neighbour): boolean {
    this.#waiting.get(neighbour)?.();
    return this.#waiting.delete(neighbour);
  }
}
