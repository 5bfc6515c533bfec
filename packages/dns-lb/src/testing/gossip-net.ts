/** Every member linked to every other, through wires that can be cut; behaves as the mesh does where it matters to names. */
import type { Clock, GossipData, GossipHandler, GossipSender, PeerName, Random } from "../ports.ts";

/** How the network behaves. */
export interface GossipNetOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** One way. @defaultValue 5 */
  readonly latencyMs?: number;
  /** From a cut to the members' forgetting whom they cannot reach. @defaultValue 1000 */
  readonly detectMs?: number;
  /** From a link's coming up to its ends' knowing each other: names usually win this race. @defaultValue 200 */
  readonly topologyMs?: number;
  /** Interval of periodic gossip to a few neighbours. @defaultValue 30_000 */
  readonly periodicMs?: number;
  /** Share of messages lost on live links, as if a queue overflowed. @defaultValue 0 */
  readonly loss?: number;
}

/** One peer's access. */
export interface GossipMember {
  readonly sender: GossipSender;
  /** For `isKnownPeer`. */
  knows(peer: PeerName): boolean;
  /** Ends the membership, as a crash would. */
  leave(): void;
}

/** What a member is told. */
export interface MemberEvents {
  readonly handler: GossipHandler;
  peerGone(peer: PeerName): void;
  peerAppeared(peer: PeerName): void;
}

/** A network of members. */
export interface GossipNet {
  join(peer: PeerName, events: () => MemberEvents): GossipMember;
  /** Only members of one group reach each other from now on. Members in no group are alone. */
  partition(...groups: readonly (readonly PeerName[])[]): void;
  /** All wires are mended; links come up at once. */
  heal(): void;
  readonly sent: { readonly messages: number; readonly bytes: number };
}

interface Peer {
  readonly events: () => MemberEvents;
  readonly known: Set<PeerName>;
  readonly linked: Set<PeerName>;
}

/** Makes a network. */
export function createGossipNet(options: GossipNetOptions): GossipNet {
  const net = new Net(options);
  return {
    sent: net.sent,
    join: (self, events) => net.join(self, events),
    partition: (...groups) => net.partition(groups),
    heal: () => net.heal(),
  };
}

class Net {
  readonly sent = { messages: 0, bytes: 0 };
  readonly #options: Required<GossipNetOptions>;
  /** Bounded by: members that joined. */
  readonly #peers = new Map<PeerName, Peer>();
  #groups: readonly (readonly PeerName[])[] | undefined;

  constructor(options: GossipNetOptions) {
    const defaults = { latencyMs: 5, detectMs: 1000, topologyMs: 200, periodicMs: 30_000, loss: 0 };
    this.#options = { ...defaults, ...options };
  }

  join(self: PeerName, events: () => MemberEvents): GossipMember {
    const peer: Peer = { events, known: new Set([self]), linked: new Set() };
    this.#peers.set(self, peer);
    // Others hear of a joiner first after its constructor has returned.
    this.#options.clock.after(0, () => this.#meetAll());
    this.#schedulePeriodic(self, peer);
    return {
      knows: (name) => peer.known.has(name),
      leave: () => {
        this.#peers.delete(self);
        for (const other of this.#peers.keys()) this.#lose(other, self);
      },
      sender: {
        unicast: (to) => peer.linked.has(to),
        broadcast: (data) => {
          for (const to of peer.linked) this.#send(self, to, data, "onBroadcast");
        },
        gossip: (data) => this.#spread(self, data),
      },
    };
  }

  partition(groups: readonly (readonly PeerName[])[]): void {
    this.#groups = groups;
    for (const [a, peer] of this.#peers) for (const b of peer.linked) if (!this.#wired(a, b)) this.#lose(a, b);
  }

  heal(): void {
    this.#groups = undefined;
    this.#meetAll();
  }

  #wired(a: PeerName, b: PeerName): boolean {
    return this.#groups === undefined || this.#groups.some((group) => group.includes(a) && group.includes(b));
  }

  #send(from: PeerName, to: PeerName, data: GossipData, kind: "onBroadcast" | "onGossip"): void {
    const { clock, random, latencyMs, loss } = this.#options;
    for (const payload of data.encode()) {
      this.sent.messages++;
      this.sent.bytes += payload.length;
      if (random() >= loss) clock.after(latencyMs, () => this.#deliver(from, to, payload, kind));
    }
  }

  #deliver(from: PeerName, to: PeerName, payload: Uint8Array, kind: "onBroadcast" | "onGossip"): void {
    const peer = this.#peers.get(to);
    if (!peer?.linked.has(from)) return;
    const { handler } = peer.events();
    // Every member is linked to every other, so a broadcast is not passed on.
    if (kind === "onBroadcast") return void handler.onBroadcast(from, payload);
    const news = handler.onGossip(payload);
    if (news !== undefined) this.#spread(to, news);
  }

  /** To about log2(n) neighbours, as the mesh does. */
  #spread(from: PeerName, data: GossipData): void {
    const { random } = this.#options;
    const neighbours = [...(this.#peers.get(from)?.linked ?? [])].sort(() => random() - 0.5);
    const some = neighbours.slice(0, Math.ceil(Math.log2(neighbours.length + 1)));
    for (const to of some) this.#send(from, to, data, "onGossip");
  }

  #meetAll(): void {
    for (const a of this.#peers.keys()) for (const b of this.#peers.keys()) if (a !== b) this.#meet(a, b);
  }

  #meet(a: PeerName, b: PeerName): void {
    const peer = this.#peers.get(a);
    if (!peer || !this.#peers.has(b) || peer.linked.has(b) || !this.#wired(a, b)) return;
    peer.linked.add(b);
    const all = peer.events().handler.gossip();
    if (all !== undefined) this.#send(a, b, all, "onGossip");
    this.#options.clock.after(this.#options.topologyMs, () => {
      if (!peer.linked.has(b) || peer.known.has(b)) return;
      peer.known.add(b);
      peer.events().peerAppeared(b);
    });
  }

  /** A link goes down, later noticed and the other end forgotten unless it is back by then. */
  #lose(a: PeerName, b: PeerName): void {
    const peer = this.#peers.get(a);
    peer?.linked.delete(b);
    this.#options.clock.after(this.#options.detectMs, () => {
      if (!peer || peer.linked.has(b) || !peer.known.delete(b)) return;
      peer.events().peerGone(b);
    });
  }

  #schedulePeriodic(self: PeerName, peer: Peer): void {
    const { clock, random, periodicMs } = this.#options;
    clock.after(periodicMs * (0.5 + random()), () => {
      if (this.#peers.get(self) !== peer) return;
      const all = peer.events().handler.gossip();
      if (all !== undefined) this.#spread(self, all);
      this.#schedulePeriodic(self, peer);
    });
  }
}
