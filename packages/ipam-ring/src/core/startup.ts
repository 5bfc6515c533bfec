import type { PeerName } from "../ports.ts";

/** What is known about the peers that this host was told to connect to, at one moment. */
export interface StartupPeers {
  /** Targets that have neither a link nor a failed attempt yet, as an operator knows them. */
  readonly untried: readonly string[];
  /** Peers at the other end of our links. */
  readonly neighbours: readonly PeerName[];
}

/** What a start waits for. */
export interface StartupWait {
  readonly targets: readonly string[];
  readonly peers: readonly PeerName[];
}

/** A neighbour that has not sent its state for this long (ms) is not waited for. */
const SILENT_MS = 10_000;

/**
 * Keeps a host from allocating before it has heard from the network, if there is one: every named peer was tried, and every
 * neighbour has sent its state. Once open, it stays open.
 */
export class Startup {
  readonly #peers: (() => StartupPeers) | undefined;
  readonly #now: () => number;
  /** Peers whose state has arrived. Bounded by: peers of the mesh; emptied when open. */
  readonly #heard = new Set<PeerName>();
  #isOpen = false;
  #triedAt: number | undefined;

  /** @param peers - undefined if there is no peer to wait for */
  constructor(peers: (() => StartupPeers) | undefined, now: () => number) {
    this.#peers = peers;
    this.#now = now;
    this.#isOpen = peers === undefined;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** The state of a peer has arrived. */
  heard(peer: PeerName | undefined): void {
    if (!this.#isOpen && peer !== undefined) this.#heard.add(peer);
  }

  /** Opens if nothing is left to wait for; returns whether it opened just now. */
  check(): boolean {
    if (this.#isOpen) return false;
    const { targets, peers } = this.waitingFor();
    if (targets.length > 0 || peers.length > 0) return false;
    this.#isOpen = true;
    this.#heard.clear();
    return true;
  }

  waitingFor(): StartupWait {
    const { untried, neighbours } = this.#peers?.() ?? { untried: [], neighbours: [] };
    if (untried.length > 0) this.#triedAt = undefined;
    else this.#triedAt ??= this.#now();
    const isSilent = this.#triedAt !== undefined && this.#now() - this.#triedAt >= SILENT_MS;
    const peers = isSilent ? [] : neighbours.filter((peer) => !this.#heard.has(peer));
    return { targets: untried, peers };
  }
}
