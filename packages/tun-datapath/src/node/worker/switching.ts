import {
  ARP_BYTES,
  ARP_REQUEST,
  type ArpEnd,
  ArpMemory,
  arpOperation,
  arpSenderIp,
  arpSenderMac,
  arpTargetIp,
  isArp,
  putArpIsAt,
} from "../../arp.ts";
import { get48 } from "../../bytes.ts";
import type { Counters } from "../../counters.ts";
import { ETHERNET_BYTES, hasDf, ipv4Destination, ipv4Source, isIpv4, payloadBytes, STP_MAC } from "../../ethernet.ts";
import { MacTable } from "../../macs.ts";
import { OwnerTable } from "../../owners.ts";
import type { OwnedRange, PeerName, RouteTables } from "../../types.ts";
import { finishChecksum, GSO_NONE, VNET_BYTES, vnetType } from "../../vnet.ts";
import type { Egress } from "./egress.ts";
import type { Link } from "./link.ts";
import { type Arena, HEADROOM, type Memory } from "./memory.ts";
import { cutTooLarge, refuseTooLarge } from "./too-large.ts";

/** What switching needs of the rest. */
export interface SwitchingParts {
  readonly name: PeerName;
  /** Of the bridge's ports: what the kernel would drop there without a word. */
  readonly mtu: number;
  readonly arena: Arena;
  readonly counters: Counters;
  readonly links: ReadonlyMap<PeerName, Link>;
  /** Frames go to owners of addresses and to known MACs; nothing is flooded. */
  readonly ownedOnly: boolean;
  /** With `ownedOnly`: the MAC that takes frames to all other addresses; 0: none. */
  readonly routerMac: number;
  readonly now: () => number;
  /** Writes a frame, its 10-byte header before it, to the TAP device; false when refused. */
  readonly inject: (memory: Memory, vnet: number, length: number) => boolean;
  /** A MAC was learned or moved; `peer` 0: forgotten. For the kernel's tables. */
  readonly onMac: (mac: number, peer: PeerName) => void;
}

const isGroup = (mac: number): boolean => Math.floor(mac / 0x010000000000) % 2 === 1;

/**
 * Decides where frames go. After docs/protocol/overlay.md#14, with three changes: a MAC that shows up here has moved here; an
 * unknown unicast frame goes to the owner of its address alone; ARP is answered from memory, or asked of the owner.
 */
export class Switching {
  readonly macs: MacTable = new MacTable();
  readonly owners: OwnerTable = new OwnerTable();
  readonly #arp: ArpMemory = new ArpMemory();
  readonly #p: SwitchingParts;
  #egress!: Egress;
  #ranges: readonly OwnedRange[] = [];
  #tables: RouteTables = { unicast: new Map(), broadcast: new Map() };

  constructor(parts: SwitchingParts) {
    this.#p = parts;
  }

  /** Egress feeds answers back into switching, so one of the two learns of the other later. */
  connect(egress: Egress): void {
    this.#egress = egress;
  }
  setRoutes(tables: RouteTables): void {
    this.#tables = tables;
  }

  /** Takes the whole wanted table. */
  setOwners(ranges: readonly OwnedRange[]): void {
    const before = JSON.stringify(this.#ranges);
    this.#ranges = ranges;
    this.owners.set(ranges);
    // Frames that the kernel forwards are never seen here, so their senders could not learn of another way.
    if (!this.#p.ownedOnly || before === JSON.stringify(ranges)) return;
    const peers = new Set([...this.macs.list()].map(({ peer }) => peer));
    for (const peer of peers) if (peer !== this.#p.name) this.forgetPeer(peer);
  }

  /** A frame captured from the TAP device, in the arena. */
  captured(vnet: number, frame: number, length: number): void {
    const { counters, name, arena } = this.#p;
    const { b } = arena.memory;
    counters.add("tapIn");
    if (length < ETHERNET_BYTES) return counters.add("dropMalformed");
    const dst = get48(b, frame);
    const src = get48(b, frame + 6);
    if (dst === STP_MAC) return counters.add("dropStp");
    if (!this.#learn(src, name)) return counters.add("dropFlapping");
    let peer = isGroup(dst) ? undefined : this.macs.find(dst);
    if (isArp(b, frame, length)) {
      const asked = this.#arpCaptured(frame);
      if (asked === "answered") return counters.add("answered");
      peer ??= asked;
    } else if (peer === undefined && !isGroup(dst)) peer = this.#ownerOf(b, frame, length);
    if (peer === name) return counters.add("dropLocal");
    if (this.#p.ownedOnly && !isGroup(dst)) this.#correct(frame, length);
    if (peer === undefined && this.#p.ownedOnly) return counters.add("dropNotOwned");
    if (peer === undefined) this.#flood(name, arena.memory, vnet, frame, length, true);
    else this.#relay(name, peer, vnet, frame, length);
  }

  /** The overlay does not, or no longer, carry frames to this destination: an ARP answer sends its sender to the router. */
  #correct(frame: number, length: number): void {
    const { arena, now, routerMac } = this.#p;
    const { b } = arena.memory;
    if (routerMac === 0 || !isIpv4(b, frame, length)) return;
    const ip = ipv4Destination(b, frame);
    if (this.owners.find(ip) !== undefined || !this.#arp.mayCorrect(ip, now())) return;
    this.#answerArp({ ip, mac: routerMac }, { ip: ipv4Source(b, frame), mac: get48(b, frame + 6) });
  }

  /** Answers a workload on our bridge by ARP; false when there is no memory. */
  #answerArp(address: ArpEnd, to: ArpEnd): boolean {
    const { arena, counters } = this.#p;
    const at = arena.take(HEADROOM + ARP_BYTES);
    if (at < 0) return false;
    const { b } = arena.memory;
    b.fill(0, at, at + HEADROOM);
    putArpIsAt(b, at + HEADROOM, address, to);
    counters.add("made");
    this.#toTap(arena.memory, at + HEADROOM - VNET_BYTES, ARP_BYTES);
    return true;
  }

  /** Whether the frame may go on. */
  #learn(mac: number, peer: PeerName): boolean {
    const learned = this.macs.learn(mac, peer, this.#p.now());
    if (learned === "known") return true;
    if (learned === "held") return false;
    if (learned === "moved") this.#p.counters.add("macMoved");
    this.#p.onMac(mac, peer);
    return true;
  }

  /** A neighbour announces a MAC. The announcement counts only for a MAC that is not known; otherwise frames decide. */
  heardOf(mac: number, peer: PeerName): void {
    if (this.macs.find(mac) === undefined) this.#learn(mac, peer);
  }

  /** The peer that owns the frame's IPv4 destination, when it can be reached. */
  #ownerOf(b: Uint8Array, frame: number, length: number): PeerName | undefined {
    return isIpv4(b, frame, length) ? this.#reachable(this.owners.find(ipv4Destination(b, frame))) : undefined;
  }

  #reachable(peer: PeerName | undefined): PeerName | undefined {
    return peer !== undefined && peer !== this.#p.name && this.#tables.unicast.has(peer) ? peer : undefined;
  }

  /** An ARP frame from our bridge: the peer to ask instead of all peers, unless the question is answered here. */
  #arpCaptured(frame: number): PeerName | "answered" | undefined {
    const { arena, now } = this.#p;
    const { b } = arena.memory;
    const asker = { ip: arpSenderIp(b, frame), mac: arpSenderMac(b, frame) };
    this.#arp.hear(asker.ip, asker.mac, now());
    const target = arpTargetIp(b, frame);
    // An announcement asks for its own address: everyone is to hear it.
    if (arpOperation(b, frame) !== ARP_REQUEST || target === asker.ip) return undefined;
    const owner = this.#reachable(this.owners.find(target));
    const mac = this.#arp.find(target, now());
    const home = mac === undefined ? undefined : this.macs.find(mac);
    const mayAsk = this.#arp.mayAskOwnerAlone(target, now());
    const { ownedOnly } = this.#p;
    const agreed = owner === home || (owner === undefined && !ownedOnly);
    if (mac !== undefined && mayAsk && this.#reachable(home) !== undefined && agreed)
      return this.#answerArp({ ip: target, mac }, asker) ? "answered" : undefined;
    return mayAsk || ownedOnly ? owner : undefined;
  }

  #toTap(memory: Memory, vnet: number, length: number): void {
    this.#p.counters.add(this.#p.inject(memory, vnet, length) ? "tapOut" : "dropTapRefused");
  }

  /** A frame in the arena, for a peer that may be several hops away. */
  #relay(src: PeerName, dst: PeerName, vnet: number, frame: number, length: number): void {
    const { counters, links } = this.#p;
    const hop = this.#tables.unicast.get(dst);
    if (hop === undefined || hop === 0) return counters.add("dropNoRoute");
    const link = links.get(hop);
    if (link === undefined) return counters.add("dropNoLink");
    this.#egress.send(link, src, dst, vnet, frame, length, false);
  }

  /** Copies to every neighbour that the originator's broadcasts go to. `owned`: the frame itself counts as one of them. */
  #flood(src: PeerName, memory: Memory, vnet: number, frame: number, length: number, owned: boolean): void {
    const { counters, links } = this.#p;
    const hops = this.#tables.broadcast.get(src) ?? [];
    counters.add("flooded");
    let copies = 0;
    for (const hop of hops) {
      const link = links.get(hop);
      if (link === undefined) continue;
      const at = this.#copy(memory, vnet, frame, length);
      if (at < 0) break;
      copies++;
      this.#egress.send(link, src, hop, at - (frame - vnet), at, length, true);
    }
    counters.add("made", owned ? Math.max(0, copies - 1) : copies);
    if (owned && copies === 0) counters.add("dropNobody");
  }

  /** Copies a frame, its header before it, to fresh memory; where the frame is now. */
  #copy(memory: Memory, vnet: number, frame: number, length: number): number {
    const at = this.#p.arena.take(HEADROOM + length);
    if (at < 0) return -1;
    memory.b.copy(this.#p.arena.memory.b, at + HEADROOM - (frame - vnet), vnet, frame + length);
    return at + HEADROOM;
  }

  /** A frame from the overlay, in any memory. The header before it belongs to this call. */
  received(src: PeerName, dst: PeerName, memory: Memory, vnet: number, frame: number, length: number): void {
    const { counters, name } = this.#p;
    counters.add("overlayIn");
    if (length < ETHERNET_BYTES) return counters.add("dropMalformed");
    if (src === name) return counters.add("dropOwnSource");
    if (dst !== name) return this.#pass(src, dst, memory, vnet, frame, length);
    this.#deliver(src, memory, vnet, frame, length);
  }

  #pass(src: PeerName, dst: PeerName, memory: Memory, vnet: number, frame: number, length: number): void {
    const hop = this.#tables.unicast.get(dst);
    if (hop === undefined || hop === 0) return this.#p.counters.add("dropNoRoute");
    const at = this.#copy(memory, vnet, frame, length);
    if (at < 0) return this.#p.counters.add("dropNoMemory");
    this.#relay(src, dst, at - VNET_BYTES, at, length);
  }

  #deliver(src: PeerName, memory: Memory, vnet: number, frame: number, length: number): void {
    const { b } = memory;
    const { name } = this.#p;
    const dstMac = get48(b, frame);
    const arp = isArp(b, frame, length);
    this.#learn(get48(b, frame + 6), src);
    if (arp) this.#arp.hear(arpSenderIp(b, frame), arpSenderMac(b, frame), this.#p.now());
    if (payloadBytes(b, frame, length) > this.#p.mtu && vnetType(b, vnet) === GSO_NONE)
      this.#tooLarge(src, memory, vnet, frame, length);
    else this.#toTap(memory, vnet, length);
    if (this.macs.find(dstMac) === name) {
      this.#p.links.get(src)?.vxlan?.announceHome(dstMac, this.#p.now());
      return;
    }
    // The address ring says that it is for this host, although no workload has answered yet.
    if (!isGroup(dstMac) && isIpv4(b, frame, length) && this.owners.find(ipv4Destination(b, frame)) === name) return;
    if (arp && this.owners.find(arpTargetIp(b, frame)) === name && arpTargetIp(b, frame) !== arpSenderIp(b, frame))
      return;
    if (!this.#p.ownedOnly) this.#flood(src, memory, vnet, frame, length, false);
  }

  /** A frame of a host whose MTU is larger: does what a router between the two would do. */
  #tooLarge(src: PeerName, memory: Memory, vnet: number, frame: number, length: number): void {
    const { arena, counters, mtu, name } = this.#p;
    const { b } = memory;
    const whole = { b, frame, length, mtu };
    if (!isIpv4(b, frame, length) || hasDf(b, frame))
      refuseTooLarge(this.#p, whole, (at, bytes) => this.#relay(name, src, at - VNET_BYTES, at, bytes));
    else if (!finishChecksum(b, vnet, frame, length)) counters.add("dropMalformed");
    else cutTooLarge(this.#p, whole, (at, bytes) => this.#toTap(arena.memory, at - VNET_BYTES, bytes));
  }

  /** An answer made here, in the arena, on behalf of `src`. */
  feedBack(src: PeerName, dst: PeerName, vnet: number, frame: number, length: number): void {
    if (dst === this.#p.name) this.#toTap(this.#p.arena.memory, vnet, length);
    else this.#relay(src, dst, vnet, frame, length);
  }

  forgetPeer(peer: PeerName): void {
    for (const mac of this.macs.forget(peer)) this.#forgetMac(mac);
  }
  expire(): void {
    for (const mac of this.macs.expire(this.#p.now())) this.#forgetMac(mac);
  }
  #forgetMac(mac: number): void {
    this.#arp.forgetMac(mac);
    this.#p.onMac(mac, 0);
  }
}
