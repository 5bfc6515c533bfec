import type { PeerName } from "../ports.ts";
import type { ConsentMessage, Incarnation } from "../wire/consent-wire.ts";
import type { SavedConsent } from "./consents.ts";

/** Marks the incarnation of a peer that has not announced its own yet. */
const UNANNOUNCED = "?";

/** More peers, or incarnations of one peer, are not remembered: no network of hosts comes near. */
const MOST_PEERS = 4096;
const MOST_IDS = 64;

type Incarnations = Map<PeerName, Set<string>>;

/**
 * The peers whose consent a reclaim needs. A member is a peer's name plus the incarnation id of its saved state, so that a machine
 * that returns is told from a new one of the same name. A removal is permanent for the incarnation; a peer that was removed by
 * mistake takes a new id.
 */
export class Membership {
  readonly #us: PeerName;
  readonly #newId: () => string;
  readonly #onChange: () => void;
  #incarnation: string;
  /** Bounded by: hosts that ever joined, less those removed. */
  readonly #members: Incarnations = new Map();
  /** Removed incarnations, so that old gossip does not bring them back. Bounded by: hosts ever removed. */
  readonly #gone: Incarnations = new Map();
  /** What peers announced first-hand in this life. Bounded by: peers of the mesh that sent something. */
  readonly #met = new Map<PeerName, string>();
  /** Made anew only after a change: every message has it. */
  #lists: Pick<SavedConsent, "members" | "gone"> | undefined;

  constructor(us: PeerName, newId: () => string, onChange: () => void) {
    this.#us = us;
    this.#newId = newId;
    this.#onChange = onChange;
    this.#incarnation = newId();
    add(this.#members, us, this.#incarnation);
  }

  /** The incarnation id of our saved state. */
  get incarnation(): string {
    return this.#incarnation;
  }

  restore(saved: SavedConsent): void {
    this.#members.clear();
    this.#incarnation = saved.disk;
    for (const [peer, id] of saved.members) add(this.#members, peer, id);
    for (const [peer, id] of saved.gone) add(this.#gone, peer, id);
    add(this.#members, this.#us, this.#incarnation);
    this.#lists = undefined;
  }

  lists(): Pick<SavedConsent, "members" | "gone"> {
    this.#lists ??= { members: flatten(this.#members), gone: flatten(this.#gone) };
    return this.#lists;
  }

  peers(): Iterable<PeerName> {
    return this.#members.keys();
  }

  has(peer: PeerName): boolean {
    return this.#members.has(peer);
  }

  /** Whether the peer was removed, in any incarnation. */
  wasRemoved(peer: PeerName): boolean {
    return this.#gone.has(peer);
  }

  incarnationsOf(peer: PeerName): string[] {
    return [...(this.#members.get(peer) ?? [])];
  }

  /** Whether a peer has ever announced its incarnation; Weave Net peers never do. */
  hasSpoken(peer: PeerName): boolean {
    return this.incarnationsOf(peer).some(isAnnounced);
  }

  /** From now on the consent of a peer is needed, though it may never have spoken. */
  expect(peer: PeerName): void {
    if (this.#members.has(peer)) return;
    add(this.#members, peer, UNANNOUNCED + this.#newId());
    this.#changed();
  }

  /** First-hand news: the present incarnation of a peer replaces all earlier ones. */
  meet(peer: PeerName, incarnation: string): void {
    this.#met.set(peer, incarnation);
    const known = this.#members.get(peer);
    for (const old of known ?? []) {
      if (old === incarnation) continue;
      known!.delete(old);
      add(this.#gone, peer, old);
      this.#changed();
    }
  }

  /**
   * Second-hand news. Says whether any peer is no longer a member, and whether we are. A peer that is reachable under the
   * incarnation that it announced to us itself stays a member, whatever others say.
   */
  learn(
    { members, gone }: Pick<ConsentMessage, "members" | "gone">,
    isReachable: (peer: PeerName) => boolean,
  ): { shrunk: boolean; removedUs: boolean } {
    const before = this.#members.size;
    const removedUs = gone.some(
      ([peer, id]) => peer === this.#us && id === this.#incarnation && this.#members.has(peer),
    );
    for (const [peer, id] of gone) {
      if (this.#met.get(peer) === id && isReachable(peer)) continue;
      if (add(this.#gone, peer, id)) this.#changed();
      this.#drop(peer, id);
    }
    const shrunk = this.#members.size < before;
    for (const [peer, id] of members) {
      if (!this.#gone.get(peer)?.has(id) && add(this.#members, peer, id)) this.#changed();
    }
    return { shrunk, removedUs };
  }

  /** Removes a peer in these incarnations; a peer without any never announced one. */
  remove(peer: PeerName, incarnations: Iterable<string>): void {
    for (const id of ["", ...incarnations]) {
      add(this.#gone, peer, id);
      this.#drop(peer, id);
    }
    this.#changed();
  }

  /** We were removed by mistake: we take part again under a new incarnation id, because gossip cannot take a removal back. */
  rename(): void {
    this.#incarnation = this.#newId();
    add(this.#members, this.#us, this.#incarnation);
    this.#changed();
  }

  #drop(peer: PeerName, incarnation: string): void {
    const known = this.#members.get(peer);
    if (!known?.delete(incarnation)) return;
    if (known.size === 0) this.#members.delete(peer);
    this.#changed();
  }

  #changed(): void {
    this.#lists = undefined;
    this.#onChange();
  }
}

/** Whether an incarnation was announced by the peer itself. */
export function isAnnounced(incarnation: string): boolean {
  return !incarnation.startsWith(UNANNOUNCED);
}

/** Whether it was new. */
function add(map: Incarnations, peer: PeerName, incarnation: string): boolean {
  const known = map.get(peer) ?? new Set();
  const fresh = !known.has(incarnation);
  if (fresh && (known.size >= MOST_IDS || (!map.has(peer) && map.size >= MOST_PEERS))) return false;
  map.set(peer, known.add(incarnation));
  return fresh;
}

function flatten(map: Incarnations): Incarnation[] {
  return [...map].flatMap(([peer, ids]) => [...ids].map((id): Incarnation => [peer, id]));
}
