import type { PeerName } from "../ports.ts";
import type { EncodingRound, Outbox } from "./outbox.ts";

/** A peer that we have a connection with, as far as gossip cares. */
export interface Neighbour {
  readonly name: PeerName;
  /** For log lines. */
  readonly label: string;
  /** Whether we dialled it. */
  readonly outbound: boolean;
  /** Whether it speaks the topology sync; Weave Net 2.8 does not. */
  readonly speaksSync: boolean;
  readonly outbox: Outbox;
  /** Sends a message; false while too much waits already. */
  trySend(message: Uint8Array): boolean;
  /** Sends what waits in the outbox, unless the peer is busy with what it has. */
  flush(round: EncodingRound): void;
}

/** All neighbours. */
export class Neighbours<T extends Neighbour = Neighbour> {
  /** Bounded by: the connection limit, or the peers of the mesh. */
  readonly #byName = new Map<PeerName, T>();
  #legacy = 0;

  get(name: PeerName): T | undefined {
    return this.#byName.get(name);
  }
  get size(): number {
    return this.#byName.size;
  }
  /** Whether some do not speak the topology sync. */
  get hasLegacy(): boolean {
    return this.#legacy > 0;
  }
  values(): IterableIterator<T> {
    return this.#byName.values();
  }

  /** Adds a neighbour, whose name must be free. */
  add(neighbour: T): void {
    this.#byName.set(neighbour.name, neighbour);
    if (!neighbour.speaksSync) this.#legacy++;
  }

  remove(neighbour: T): void {
    this.#byName.delete(neighbour.name);
    if (!neighbour.speaksSync) this.#legacy--;
  }
}
