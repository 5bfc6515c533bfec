/**
 * When two peers meet, each may need all that the other knows: one is new, or a split mesh joins again. Mostly neither does,
 * because both are in the mesh already. To send complete states to be safe, as the original does on both sides of each
 * connection, costs more than everything else while a mesh comes up; a newcomer got them from each of its neighbours.
 *
 * The side that has dialled decides at once. The other waits: for the digest by which the dialler says that it knows nothing
 * of us, or for news of the dialler from others.
 */
import type { Connection } from "../connection.ts";
import type { Clock } from "../ports.ts";

/** How long news of a peer may take to come by way of others. */
const PATIENCE_MS = 5_000;

/** What the decision depends on, and what it leads to. */
export interface StrangersHost {
  readonly clock: Clock;
  /** Whether others tell us of the peer. */
  isKnown(connection: Connection): boolean;
  /** Sends it all we know. */
  tellAll(connection: Connection): void;
}

/** Connections of which it is open whether the remote needs to be told everything. */
export class Strangers {
  readonly #host: StrangersHost;
  /** Bounded by: connections. */
  readonly #waiting = new Map<Connection, () => void>();

  constructor(host: StrangersHost) {
    this.#host = host;
  }

  /**
   * A connection has been registered.
   *
   * @param sure - the remote has restarted, or we know nobody else
   */
  meet(connection: Connection, sure: boolean): void {
    const { clock } = this.#host;
    if (!sure && this.#host.isKnown(connection)) return;
    // The original sends no digest: it has to be taken for one who needs everything.
    if (sure || connection.origin.outbound || !connection.remote!.topologySync) {
      this.#host.tellAll(connection);
      return;
    }
    const cancel = clock.after(PATIENCE_MS, () => {
      this.#waiting.delete(connection);
      if (!this.#host.isKnown(connection)) this.#host.tellAll(connection);
    });
    this.#waiting.set(connection, cancel);
  }

  /** The remote compares digests with us: most likely we are a stranger to it. */
  heard(connection: Connection): void {
    if (this.leave(connection)) this.#host.tellAll(connection);
  }

  /** The connection has ended. True if it was still open what to tell. */
  leave(connection: Connection): boolean {
    this.#waiting.get(connection)?.();
    return this.#waiting.delete(connection);
  }
}
