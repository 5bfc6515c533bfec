import { MAC_AGE_MS } from "./macs.ts";
import type { PeerName } from "./types.ts";
import type { Forwarding } from "./vxlan-link.ts";

/** What the entries need of the world. */
export interface VxlanEntriesPort {
  /** Has the kernel send frames for a MAC to an address, or, without one, not forward them any more. In order. */
  apply(mac: number, address: string | undefined): void;
  /** Runs once; returns how to cancel. */
  after(ms: number, fn: () => void): () => void;
}

/**
 * Which MACs the kernel forwards on its own, and where to.
 *
 * A daemon that went away does not take the kernel's path with it, so what leads to its host stays: until the mesh knows another
 * way, the MAC shows up elsewhere, or it would have aged anyway. The same for entries of an earlier life of this daemon.
 */
export class VxlanEntries {
  readonly #port: VxlanEntriesPort;
  /** Peer -> address of its end. Bounded by: peers connected since the start. */
  readonly #tunnels: Map<PeerName, string> = new Map();
  /** Bounded by: neighbours. */
  readonly #usable: Set<PeerName> = new Set();
  /** Peers whose connection ended, with how to end the wait. Bounded by: neighbours of the last ten minutes. */
  readonly #lingering: Map<PeerName, () => void> = new Map();
  /** Bounded by: the MAC table of the worker, which tells of every entry that goes. */
  readonly #macs: Map<number, PeerName> = new Map();
  /** Forgotten by the worker while their peer lingered. Bounded by: as above. */
  readonly #orphans: Map<number, PeerName> = new Map();
  /** MAC -> address, from an earlier life. Bounded by: what the kernel had then. */
  readonly #adopted: Map<number, string> = new Map();
  /** What the kernel has been told. Bounded by: as above. */
  readonly #told: Map<number, string> = new Map();

  constructor(port: VxlanEntriesPort) {
    this.#port = port;
  }

  /** Takes over what the kernel has from an earlier life. */
  adopt(entries: Iterable<readonly [mac: number, address: string]>): void {
    for (const [mac, address] of entries) {
      this.#adopted.set(mac, address);
      this.#told.set(mac, address);
    }
    this.#port.after(MAC_AGE_MS, () => this.#dropAdopted(() => true));
  }

  /** `own` is the MAC of the tunnel's end itself, whose entry is kept by the caller. */
  setTunnel(peer: PeerName, address: string, own: number): void {
    this.#adopted.delete(own);
    this.#told.delete(own);
    this.#tunnels.set(peer, address);
  }

  setForwarding(peer: PeerName, state: Forwarding): void {
    if (state === "usable") this.#usable.add(peer);
    else this.#usable.delete(peer);
    if (state === "on hold") return this.#withdraw(peer);
    if (state === "ended") this.#linger(peer);
    for (const [mac, at] of this.#macs) if (at === peer) this.#update(mac);
  }

  /** The mesh has forgotten a peer, whose connection may be seen to end only after that. */
  peerGone(peer: PeerName): void {
    if (this.#usable.has(peer)) this.setForwarding(peer, "ended");
  }

  #linger(peer: PeerName): void {
    this.#lingering.get(peer)?.();
    const cancel = this.#port.after(MAC_AGE_MS, () => this.#withdraw(peer));
    this.#lingering.set(peer, cancel);
  }

  /** Ends all that was kept for a peer, except what is in use. */
  #withdraw(peer: PeerName): void {
    this.#lingering.get(peer)?.();
    this.#lingering.delete(peer);
    for (const [mac, at] of [...this.#orphans]) {
      if (at !== peer) continue;
      this.#orphans.delete(mac);
      this.#update(mac);
    }
    for (const [mac, at] of this.#macs) if (at === peer) this.#update(mac);
    const address = this.#tunnels.get(peer);
    this.#dropAdopted((at) => at === address);
  }

  #dropAdopted(test: (address: string) => boolean): void {
    for (const [mac, address] of [...this.#adopted]) {
      if (!test(address)) continue;
      this.#adopted.delete(mac);
      this.#update(mac);
    }
  }

  /** Where a MAC lives; 0: the worker has forgotten it. */
  setMac(mac: number, peer: PeerName): void {
    const before = this.#macs.get(mac);
    this.#orphans.delete(mac);
    this.#adopted.delete(mac);
    if (peer !== 0) this.#macs.set(mac, peer);
    else {
      this.#macs.delete(mac);
      if (before !== undefined && this.#lingering.has(before)) this.#orphans.set(mac, before);
    }
    this.#update(mac);
  }

  /** Next hops: a peer that is reached through another one must not be waited for. */
  setRoutes(unicast: ReadonlyMap<PeerName, PeerName>): void {
    for (const peer of [...this.#lingering.keys()]) {
      const next = unicast.get(peer);
      if (next !== undefined && next !== peer) this.#withdraw(peer);
    }
  }

  #wanted(mac: number): string | undefined {
    const peer = this.#macs.get(mac) ?? this.#orphans.get(mac);
    if (peer === undefined) return this.#adopted.get(mac);
    return this.#usable.has(peer) || this.#lingering.has(peer) ? this.#tunnels.get(peer) : undefined;
  }

  #update(mac: number): void {
    const wanted = this.#wanted(mac);
    if (wanted === this.#told.get(mac)) return;
    if (wanted === undefined) this.#told.delete(mac);
    else this.#told.set(mac, wanted);
    this.#port.apply(mac, wanted);
  }

  /** Stops waiting; leaves the entries. */
  close(): void {
    for (const cancel of this.#lingering.values()) cancel();
    this.#lingering.clear();
  }
}
