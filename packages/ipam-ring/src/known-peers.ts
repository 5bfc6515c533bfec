import { formatPeer } from "./peer-name.ts";
import type { PeerName } from "./ports.ts";

/** More nicknames, or longer ones, are not remembered: a member could fill memory, and the gossip of all. */
const MOST_NICKNAMES = 4096;
const MOST_LENGTH = 256;

/** The peers that we have heard of, with their nicknames. */
export class KnownPeers {
  /** Bounded by: {@link MOST_NICKNAMES}; pruned to peers in the ring and in the mesh. */
  readonly nicknames: Map<PeerName, string> = new Map();
  readonly #us: PeerName;
  readonly #isKnown: (peer: PeerName) => boolean;

  constructor(us: PeerName, nickname: string, isKnown: (peer: PeerName) => boolean) {
    this.#us = us;
    this.#isKnown = isKnown;
    this.nicknames.set(us, nickname);
  }

  /** Our own nickname is ours to choose. */
  learn(nicknames: ReadonlyMap<PeerName, string>): void {
    for (const [peer, nickname] of nicknames) {
      const isRoom = this.nicknames.has(peer) || this.nicknames.size < MOST_NICKNAMES;
      if (peer !== this.#us && isRoom && nickname.length <= MOST_LENGTH) this.nicknames.set(peer, nickname);
    }
  }

  /** `7a:9f:eb:b6:0c:6e(host1)`, as status texts name peers. */
  nameOf(peer: PeerName): string {
    const nickname = this.nicknames.get(peer);
    return nickname === undefined ? formatPeer(peer) : `${formatPeer(peer)}(${nickname})`;
  }

  /** Owners, and peers that the mesh knows. */
  all(owners: readonly PeerName[]): PeerName[] {
    return [...owners, ...[...this.nicknames.keys()].filter(this.#isKnown)];
  }

  /** The peer that gets our space when we leave: a reachable owner, else a reachable peer, else any owner, else any peer. */
  successor(owners: readonly PeerName[]): PeerName | undefined {
    const notUs = (peer: PeerName): boolean => peer !== this.#us;
    const candidates = owners.filter(notUs);
    const others = [...this.nicknames.keys()].filter(notUs);
    return candidates.find(this.#isKnown) ?? others.find(this.#isKnown) ?? candidates[0] ?? others[0];
  }

  /** Called when the mesh has forgotten a peer. */
  forget(peer: PeerName, owners: readonly PeerName[]): void {
    if (peer !== this.#us && !owners.includes(peer)) this.nicknames.delete(peer);
  }

  /** Forgets the peers that neither own anything nor are in the mesh. */
  prune(owners: readonly PeerName[]): void {
    const keep = new Set(owners);
    for (const peer of this.nicknames.keys()) {
      if (!keep.has(peer) && peer !== this.#us && !this.#isKnown(peer)) this.nicknames.delete(peer);
    }
  }
}
