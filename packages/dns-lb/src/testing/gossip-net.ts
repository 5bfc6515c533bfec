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
  const { clock, random, latencyMs = 5, detectMs = 1000, topologyMs = 200, periodicMs = 30_000, loss = 0 } = options;
  /** Bounded by: members that joined. */
  const peers = new Map<PeerName, Peer>();
  let groups: readonly (readonly PeerName[])[] | undefined;
  const sent = { messages: 0, bytes: 0 };

  const wired = (a: PeerName, b: PeerName): boolean =>
    groups === undefined || groups.some((group) => group.includes(a) && group.includes(b));
  const send = (from: PeerName, to: PeerName, data: GossipData, kind: "onBroadcast" | "onGossip"): void => {
    for (const payload of data.encode()) {
      sent.messages++;
      sent.bytes += payload.length;
      if (random() < loss) continue;
      clock.after(latencyMs, () => {
        const peer = peers.get(to);
        if (!peer?.linked.has(from)) return;
        const { handler } = peer.events();
        const relayed = kind === "onGossip" ? handler.onGossip(payload) : handler.onBroadcast(from, payload);
        if (kind === "onGossip" && relayed !== undefined) spread(to, relayed);
      });
    }
  };
  /** To about log2(n) neighbours, as the mesh does. */
  const spread = (from: PeerName, data: GossipData): void => {
    const neighbours = [...(peers.get(from)?.linked ?? [])].sort(() => random() - 0.5);
    for (const to of neighbours.slice(0, Math.ceil(Math.log2(neighbours.length + 1)))) send(from, to, data, "onGossip");
  };
  const greet = (from: PeerName, to: PeerName): void => {
    const all = peers.get(from)?.events().handler.gossip();
    if (all !== undefined) send(from, to, all, "onGossip");
  };
  const meet = (a: PeerName, b: PeerName): void => {
    const peer = peers.get(a);
    if (!peer || !peers.has(b) || peer.linked.has(b) || !wired(a, b)) return;
    peer.linked.add(b);
    greet(a, b);
    clock.after(topologyMs, () => {
      if (!peer.linked.has(b) || peer.known.has(b)) return;
      peer.known.add(b);
      peer.events().peerAppeared(b);
    });
  };
  const meetAll = (): void => {
    for (const a of peers.keys()) for (const b of peers.keys()) if (a !== b) meet(a, b);
  };
  /** A link goes down, later noticed and the other end forgotten unless it is back by then. */
  const lose = (a: PeerName, b: PeerName): void => {
    const peer = peers.get(a);
    peer?.linked.delete(b);
    clock.after(detectMs, () => {
      if (!peer || peer.linked.has(b) || !peer.known.delete(b)) return;
      peer.events().peerGone(b);
    });
  };
  const periodic = (self: PeerName, peer: Peer): void => {
    clock.after(periodicMs * (0.5 + random()), () => {
      if (peers.get(self) !== peer) return;
      const all = peer.events().handler.gossip();
      if (all !== undefined) spread(self, all);
      periodic(self, peer);
    });
  };

  return {
    sent,
    join(self, events) {
      const peer: Peer = { events, known: new Set([self]), linked: new Set() };
      peers.set(self, peer);
      // Others hear of a joiner first after its constructor has returned.
      clock.after(0, meetAll);
      periodic(self, peer);
      return {
        knows: (name) => peer.known.has(name),
        leave() {
          peers.delete(self);
          for (const other of peers.keys()) lose(other, self);
        },
        sender: {
          unicast: (to) => peer.linked.has(to),
          broadcast: (data) => {
            for (const to of peer.linked) send(self, to, data, "onBroadcast");
          },
          gossip: (data) => spread(self, data),
        },
      };
    },
    partition(...wanted) {
      groups = wanted;
      for (const [a, peer] of peers) for (const b of peer.linked) if (!wired(a, b)) lose(a, b);
    },
    heal() {
      groups = undefined;
      meetAll();
    },
  };
}
