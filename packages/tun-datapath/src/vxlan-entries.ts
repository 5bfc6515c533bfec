import { MAC_AGE_MS } from "./macs.ts";
import { CONFIRM_MS } from "./protection.ts";
import type { PeerName } from "./types.ts";
import type { Forwarding } from "./vxlan-link.ts";

/** What the entries need of the kernel. Calls are carried out in order. */
export interface VxlanEntriesPort {
  /** Has the kernel send frames for a MAC to an address; without an address the kernel no longer forwards them. */
  forward(mac: number, address: string | undefined): void;
  /** Has heartbeats for the end of a tunnel sent to an address; without an address no longer. Carries no frame of a workload. */
  tunnel(mac: number, address: string | undefined): void;
  /** The addresses from which the kernel takes packets of the tunnel, as a whole. */
  sources(addresses: readonly string[]): void;
  /** Runs once; returns how to cancel. */
  after(ms: number, fn: () => void): () => void;
}

/** The end of a tunnel: a link that may carry plaintext. */
export interface TunnelEnd {
  /** Number of the link. */
  readonly link: number;
  readonly peer: PeerName;
  /** Underlay address, text form. */
  readonly address: string;
  /** The address of the peer inside the tunnel. */
  readonly mac: number;
}

/** Sources remembered for one peer beside its address: the latest, and the one before, for a path that alternates. */
const MOST_SOURCES = 2;

/** A peer that the kernel may forward to. */
interface Tunnel {
  address: string;
  mac: number;
  /** Number of the living link, undefined while only the kernel's path is left. */
  link: number | undefined;
  usable: boolean;
  /** Underlay addresses that heartbeats in the tunnel came from. Bounded by: MOST_SOURCES. */
  sources: readonly string[];
  /** Ends the wait during which entries are kept although no usable link confirms them. */
  cancel: (() => void) | undefined;
}

/**
 * Which MACs the kernel forwards, where to, and whose packets it takes. Every entry has a reason that ends: a link that is in use; a
 * link that has ended, for `lingerMs`, because a daemon that is replaced does not take the kernel's path with it; or an earlier life
 * of this peer, until a link confirms it or CONFIRM_MS have passed.
 *
 * An encrypted link ends all reasons for its peer and its address at once.
 */
export class VxlanEntries {
  readonly #port: VxlanEntriesPort;
  readonly #lingerMs: number;
  /** Bounded by: neighbours, and those whose link ended within `lingerMs`. */
  readonly #tunnels: Map<PeerName, Tunnel> = new Map();
  /** Bounded by: the MAC table of the worker, which reports every entry that it drops. */
  readonly #macs: Map<number, PeerName> = new Map();
  /** MACs that the worker does not know, of peers in `#tunnels`. Bounded by: entries adopted, and MACs of peers that linger. */
  readonly #orphans: Map<number, PeerName> = new Map();
  /** MAC -> address, from an earlier life. Bounded by: what the kernel had then; empty after CONFIRM_MS. */
  readonly #adopted: Map<number, string> = new Map();
  /** What the kernel has been given. Bounded by: as above. */
  readonly #given: Map<number, string> = new Map();
  #sources = "";

  constructor(port: VxlanEntriesPort, lingerMs: number) {
    this.#port = port;
    this.#lingerMs = lingerMs;
  }

  /** Takes over what the kernel has from an earlier life, tunnel ends excepted. */
  adopt(entries: Iterable<readonly [mac: number, address: string]>): void {
    for (const [mac, address] of entries) {
      this.#adopted.set(mac, address);
      this.#given.set(mac, address);
    }
    this.#updateSources();
    this.#port.after(CONFIRM_MS, () => this.#dropAdopted(() => true));
  }

  /** A link that may carry plaintext begins. It takes the place of an earlier link with the same peer. */
  open({ link, peer, address, mac }: TunnelEnd): void {
    const earlier = this.#tunnels.get(peer);
    if (earlier !== undefined && earlier.address !== address) this.#end(peer);
    else if (earlier?.link !== undefined) this.close(peer, earlier.link);
    const kept = this.#tunnels.get(peer);
    if (kept !== undefined) kept.link = link;
    else this.#tunnels.set(peer, { address, mac, link, usable: false, sources: [], cancel: undefined });
    this.#port.tunnel(mac, address);
    this.#updateSources();
  }

  /** The link ends. What leads to its peer is kept for `lingerMs` if it was in use. */
  close(peer: PeerName, link: number): void {
    const tunnel = this.#tunnels.get(peer);
    if (tunnel === undefined || tunnel.link !== link) return;
    tunnel.link = undefined;
    // A link that never came into use prolongs no wait.
    if (!tunnel.usable && tunnel.cancel === undefined) return this.#end(peer);
    if (!tunnel.usable) return;
    tunnel.usable = false;
    tunnel.cancel?.();
    tunnel.cancel = this.#port.after(this.#lingerMs, () => this.#expire(peer));
  }

  /** Whether frames of a link may go through the kernel now. News of a link that is over is ignored. */
  setForwarding(peer: PeerName, link: number, state: Forwarding): void {
    const tunnel = this.#tunnels.get(peer);
    if (tunnel === undefined || tunnel.link !== link) return;
    if (state === "ended") return this.close(peer, link);
    tunnel.usable = state === "usable";
    if (!tunnel.usable) return this.#stopWaiting(peer, tunnel);
    this.#confirmAdopted(peer, tunnel);
    this.#updatePeer(peer);
  }

  /** What the kernel forwarded to this address before this life goes on, as the peer's. */
  #confirmAdopted(peer: PeerName, tunnel: Tunnel): void {
    for (const [mac, at] of [...this.#adopted]) {
      if (at !== tunnel.address) continue;
      this.#adopted.delete(mac);
      this.#orphans.set(mac, peer);
      // The worker may never hear of these, so they age here.
      tunnel.cancel ??= this.#port.after(MAC_AGE_MS, () => this.#expire(peer));
    }
  }

  /** A heartbeat of the link came through the tunnel from this address. */
  heardFrom(peer: PeerName, link: number, address: string): void {
    const tunnel = this.#tunnels.get(peer);
    if (tunnel === undefined || tunnel.link !== link || tunnel.sources[0] === address) return;
    tunnel.sources = [address, ...tunnel.sources.filter((known) => known !== address)].slice(0, MOST_SOURCES);
    this.#updateSources();
  }

  /** A link with this peer, at this address, is encrypted: nothing may lead there in plaintext. */
  encrypted(peer: PeerName, address: string): void {
    for (const [other, tunnel] of [...this.#tunnels])
      if (other === peer || (tunnel.address === address && tunnel.link === undefined)) this.#end(other);
    this.#dropAdopted((at) => at === address);
  }

  /** The mesh has forgotten a peer, whose link may be seen to end only after that. */
  peerGone(peer: PeerName): void {
    const link = this.#tunnels.get(peer)?.link;
    if (link !== undefined) this.close(peer, link);
  }

  /** Next hops: a peer that is reached through another one must not be waited for. */
  setRoutes(unicast: ReadonlyMap<PeerName, PeerName>): void {
    for (const [peer, { link }] of [...this.#tunnels]) {
      const next = unicast.get(peer);
      if (link === undefined && next !== undefined && next !== peer) this.#end(peer);
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
      if (before !== undefined && this.#tunnels.get(before)?.cancel !== undefined) this.#orphans.set(mac, before);
    }
    this.#update(mac);
  }

  /** A wait is over: for the link of a peer, or for MACs that the worker does not know. */
  #expire(peer: PeerName): void {
    const tunnel = this.#tunnels.get(peer);
    if (tunnel === undefined) return;
    if (tunnel.link === undefined) this.#end(peer);
    else this.#stopWaiting(peer, tunnel);
  }

  #stopWaiting(peer: PeerName, tunnel: Tunnel): void {
    tunnel.cancel?.();
    tunnel.cancel = undefined;
    this.#dropOrphans(peer);
    this.#updatePeer(peer);
    this.#dropAdopted((at) => at === tunnel.address);
  }

  #dropOrphans(peer: PeerName): void {
    for (const [mac, at] of [...this.#orphans]) {
      if (at !== peer) continue;
      this.#orphans.delete(mac);
      this.#update(mac);
    }
  }

  #dropAdopted(test: (address: string) => boolean): void {
    for (const [mac, address] of [...this.#adopted]) {
      if (!test(address)) continue;
      this.#adopted.delete(mac);
      this.#update(mac);
    }
    this.#updateSources();
  }

  /** Ends everything that was kept for a peer. */
  #end(peer: PeerName): void {
    const tunnel = this.#tunnels.get(peer);
    if (tunnel === undefined) return;
    tunnel.cancel?.();
    this.#tunnels.delete(peer);
    this.#dropOrphans(peer);
    this.#updatePeer(peer);
    this.#port.tunnel(tunnel.mac, undefined);
    this.#dropAdopted((at) => at === tunnel.address);
  }

  #wanted(mac: number): string | undefined {
    const peer = this.#macs.get(mac) ?? this.#orphans.get(mac);
    if (peer === undefined) return this.#adopted.get(mac);
    const tunnel = this.#tunnels.get(peer);
    if (tunnel === undefined) return undefined;
    return tunnel.usable || tunnel.cancel !== undefined ? tunnel.address : undefined;
  }

  #updatePeer(peer: PeerName): void {
    for (const [mac, at] of this.#macs) if (at === peer) this.#update(mac);
    for (const [mac, at] of [...this.#orphans]) if (at === peer) this.#update(mac);
  }

  #update(mac: number): void {
    const wanted = this.#wanted(mac);
    if (wanted === this.#given.get(mac)) return;
    if (wanted === undefined) this.#given.delete(mac);
    else this.#given.set(mac, wanted);
    this.#port.forward(mac, wanted);
  }

  #updateSources(): void {
    const all = new Set(this.#adopted.values());
    for (const { address, sources } of this.#tunnels.values()) for (const at of [address, ...sources]) all.add(at);
    const sorted = [...all].sort();
    if (this.#sources === sorted.join()) return;
    this.#sources = sorted.join();
    this.#port.sources(sorted);
  }

  /** Stops waiting; leaves the entries. */
  stop(): void {
    for (const tunnel of this.#tunnels.values()) tunnel.cancel?.();
  }
}
