import type { SavedConsent } from "../durability/saved.ts";
import type { PeerName } from "../ports.ts";
import type { ConsentMessage, Incarnation } from "../wire/consent-wire.ts";

/** Marks the identity of a peer that has not told its own yet. */
const UNTOLD = "?";

type Identities = Map<PeerName, Set<string>>;

/**
 * Whose word counts in a take-over. A peer is its name plus the identity of its saved state, so that a machine that comes back is
 * told from a new one of the same name. Removals are for ever, per identity; whoever is removed by mistake takes a new one.
 */
export class Membership {
  readonly #us: PeerName;
  readonly #draw: () => string;
  readonly #onChange: () => void;
  #disk: string;
  /** Identities that take part. Bounded by: hosts that ever joined, less those removed. */
  readonly #members: Identities = new Map();
  /** Identities removed, so that old gossip does not bring them back. Bounded by: hosts ever removed. */
  readonly #gone: Identities = new Map();
  /** Made anew only after a change: every message has it. */
  #lists: Pick<SavedConsent, "members" | "gone"> | undefined;

  constructor(us: PeerName, draw: () => string, onChange: () => void) {
    this.#us = us;
    this.#draw = draw;
    this.#onChange = onChange;
    this.#disk = draw();
    add(this.#members, us, this.#disk);
  }

  /** The identity of our saved state. */
  get disk(): string {
    return this.#disk;
  }

  restore(saved: SavedConsent): void {
    this.#members.clear();
    this.#disk = saved.disk;
    for (const [peer, disk] of saved.members) add(this.#members, peer, disk);
    for (const [peer, disk] of saved.gone) add(this.#gone, peer, disk);
    add(this.#members, this.#us, this.#disk);
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

  /** Whether the peer was removed, under any identity. */
  wasRemoved(peer: PeerName): boolean {
    return this.#gone.has(peer);
  }

  disksOf(peer: PeerName): string[] {
    return [...(this.#members.get(peer) ?? [])];
  }

  /** Whether a peer has ever told its identity; originals never do. */
  hasSpoken(peer: PeerName): boolean {
    return this.disksOf(peer).some(isTold);
  }

  /** From now on the word of a peer counts, though it may never have spoken. */
  expect(peer: PeerName): void {
    if (this.#members.has(peer)) return;
    add(this.#members, peer, UNTOLD + this.#draw());
    this.#changed();
  }

  /** First-hand news: the identity a peer has now replaces all it had. */
  meet(peer: PeerName, disk: string): void {
    const disks = this.#members.get(peer);
    for (const old of disks ?? []) {
      if (old === disk) continue;
      disks!.delete(old);
      add(this.#gone, peer, old);
      this.#changed();
    }
  }

  /** Second-hand news. Says whether somebody is no longer a member, and whether it is us. */
  learn({ members, gone }: Pick<ConsentMessage, "members" | "gone">): { shrunk: boolean; removedUs: boolean } {
    const before = this.#members.size;
    const removedUs = gone.some(([peer, disk]) => peer === this.#us && disk === this.#disk && this.#members.has(peer));
    for (const [peer, disk] of gone) {
      if (add(this.#gone, peer, disk)) this.#changed();
      this.#drop(peer, disk);
    }
    const shrunk = this.#members.size < before;
    for (const [peer, disk] of members) {
      if (!this.#gone.get(peer)?.has(disk) && add(this.#members, peer, disk)) this.#changed();
    }
    return { shrunk, removedUs };
  }

  /** A peer is no more, under these identities; without any it never told one. */
  remove(peer: PeerName, disks: Iterable<string>): void {
    for (const disk of ["", ...disks]) {
      add(this.#gone, peer, disk);
      this.#drop(peer, disk);
    }
    this.#changed();
  }

  /** Somebody removed us by mistake: we take part again under a new identity, as gossip cannot take a removal back. */
  rename(): void {
    this.#disk = this.#draw();
    add(this.#members, this.#us, this.#disk);
    this.#changed();
  }

  #drop(peer: PeerName, disk: string): void {
    const disks = this.#members.get(peer);
    if (!disks?.delete(disk)) return;
    if (disks.size === 0) this.#members.delete(peer);
    this.#changed();
  }

  #changed(): void {
    this.#lists = undefined;
    this.#onChange();
  }
}

/** Whether an identity was told by the peer itself. */
export function isTold(disk: string): boolean {
  return !disk.startsWith(UNTOLD);
}

/** Whether it was new. */
function add(map: Identities, peer: PeerName, disk: string): boolean {
  const disks = map.get(peer) ?? new Set();
  const fresh = !disks.has(disk);
  map.set(peer, disks.add(disk));
  return fresh;
}

function flatten(map: Identities): Incarnation[] {
  return [...map].flatMap(([peer, disks]) => [...disks].map((disk): Incarnation => [peer, disk]));
}
