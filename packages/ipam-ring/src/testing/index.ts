/**
 * In-memory surroundings for allocators: a gossip network of any number of peers, a store that forgets nothing.
 *
 * @packageDocumentation
 */
import type { Allocator } from "../api.ts";
import type { GossipData, GossipHandler, GossipSender, PeerName, Store } from "../ports.ts";

/** A network where everybody hears everybody, one microtask later. */
export interface MemoryNetwork {
  /** Connects an allocator's two channels. */
  connect(name: PeerName, allocator: Allocator): void;
  /** Cuts a peer off, or brings it back. */
  setReachable(name: PeerName, reachable: boolean): void;
  /** For `isKnownPeer`. */
  isKnown(name: PeerName): boolean;
}

/** Makes a network without peers. */
export function createMemoryNetwork(): MemoryNetwork {
  /** Bounded by: peers connected. */
  const peers = new Map<PeerName, { handlers: readonly GossipHandler[]; reachable: boolean }>();
  const up = (name: PeerName): boolean => peers.get(name)?.reachable === true;
  const later = (from: PeerName, to: PeerName, run: (handlers: readonly GossipHandler[]) => void): void => {
    queueMicrotask(() => {
      if (up(from) && up(to)) run(peers.get(to)!.handlers);
    });
  };
  const senderOf = (from: PeerName, channel: number): GossipSender => {
    const toAll = (data: GossipData, give: (handler: GossipHandler, payload: Uint8Array) => void): void => {
      for (const to of peers.keys()) {
        if (to === from || !up(from) || !up(to)) continue;
        later(from, to, (handlers) => {
          for (const payload of data.encode()) give(handlers[channel]!, payload);
        });
      }
    };
    return {
      unicast(to, payload) {
        if (!up(from) || !up(to)) return false;
        later(from, to, (handlers) => handlers[channel]!.onUnicast(from, payload));
        return true;
      },
      broadcast: (data) => toAll(data, (handler, payload) => void handler.onBroadcast(from, payload)),
      gossip: (data) => toAll(data, (handler, payload) => void handler.onGossip(payload)),
    };
  };
  return {
    connect(name, allocator) {
      peers.set(name, { handlers: [allocator.gossip, allocator.consent], reachable: true });
      allocator.attach(senderOf(name, 0), senderOf(name, 1));
    },
    setReachable(name, reachable) {
      const peer = peers.get(name);
      if (peer) peer.reachable = reachable;
    },
    isKnown: up,
  };
}

/** A store in memory. Values go through JSON, as they would on their way to a disk. */
export function createMemoryStore(): Store {
  /** Bounded by: keys, one per concern; a save empties the journal. */
  const values = new Map<string, { readonly text: string; readonly journal: string[] }>();
  return {
    async load(key) {
      const value = values.get(key);
      return value && JSON.parse(value.text);
    },
    async save(key, value) {
      values.set(key, { text: JSON.stringify(value), journal: [] });
    },
    async append(key, record) {
      values.get(key)?.journal.push(JSON.stringify(record));
    },
    async journal(key) {
      return (values.get(key)?.journal ?? []).map((text) => JSON.parse(text));
    },
  };
}
