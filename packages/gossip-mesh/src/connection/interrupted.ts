import type { MeshErrorCode } from "../errors.ts";
import type { PeerName } from "../ports.ts";

const MAX_INTERRUPTED = 4_096;
/** Connections that end for these reasons leave another way for gossip. */
const NOTHING_LOST: ReadonlySet<MeshErrorCode> = new Set(["MESH_DUPLICATE", "MESH_SHED"]);

/** Peers whose last connection may have ended with gossip on its way: the next one has to make up for it. */
export class Interrupted {
  /** The one that ended longest ago first. Bounded by: MAX_INTERRUPTED. */
  readonly #names = new Set<PeerName>();

  /** A connection to a peer has ended. */
  note(name: PeerName, code: MeshErrorCode): void {
    if (NOTHING_LOST.has(code)) return;
    this.#names.add(name);
    const [oldest] = this.#names;
    if (this.#names.size > MAX_INTERRUPTED) this.#names.delete(oldest!);
  }

  /** A new connection to a peer is there. True if the last one was interrupted. */
  take(name: PeerName): boolean {
    return this.#names.delete(name);
  }
}
