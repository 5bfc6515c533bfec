import { Ip } from "@weaved/ip";
import { createVirtualClock, seededRandom, type VirtualClock } from "@weaved/sim";
import { parseIpv4 } from "../../src/address.ts";
import { createNames, type Names } from "../../src/names.ts";
import { createGossipNet, type GossipMember, type GossipNet, type GossipNetOptions } from "../../src/testing/index.ts";

/** Unix seconds at which virtual time starts. */
export const epoch = 1_700_000_000;
export const ip = (text: string): number => parseIpv4(text)!;

/** Names that never touch a network. */
export function loneNames(self = 1, clock: VirtualClock = createVirtualClock()): Names {
  const wallClock = (): number => epoch + Math.floor(clock.now() / 1000);
  return createNames({ self, clock, wallClock, isKnownPeer: () => true });
}

/** A peer of a simulated cluster. */
export interface Host {
  readonly names: Names;
  readonly member: GossipMember;
}

/** Several peers with names, linked in virtual time. */
export interface Cluster {
  readonly clock: VirtualClock;
  readonly net: GossipNet;
  /** By peer name. */
  readonly hosts: Map<number, Host>;
  start(self: number): Host;
  crash(self: number): void;
  /** Addresses of a name as each host answers them, sorted. */
  answers(name: string): Record<number, string[]>;
}

export function cluster(peers: readonly number[], seed = 1, options: Partial<GossipNetOptions> = {}): Cluster {
  const clock = createVirtualClock();
  const net = createGossipNet({ clock, random: seededRandom(seed), ...options });
  const hosts = new Map<number, Host>();
  const start = (self: number): Host => {
    const member: GossipMember = net.join(self, () => ({
      handler: names.gossip,
      peerGone: (peer) => names.peerGone(peer),
      peerAppeared: () => names.peerAppeared(),
    }));
    const wallClock = (): number => epoch + Math.floor(clock.now() / 1000);
    const names = createNames({ self, clock, wallClock, isKnownPeer: (peer) => member.knows(peer) });
    names.attach(member.sender);
    const host = { names, member };
    hosts.set(self, host);
    return host;
  };
  for (const peer of peers) start(peer);
  clock.advance(1000);
  return {
    clock,
    net,
    hosts,
    start,
    crash(self) {
      const host = hosts.get(self)!;
      host.member.leave();
      host.names.close();
      hosts.delete(self);
    },
    answers: (name) =>
      Object.fromEntries(
        [...hosts].map(([peer, { names }]) => [peer, names.lookup(name).sort(Ip.compare).map(String)]),
      ),
  };
}
