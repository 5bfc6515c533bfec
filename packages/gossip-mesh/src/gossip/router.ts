/** Moves gossip between channels and neighbours. */

import type { Connection } from "../connection.ts";
import { MeshError, toMeshError } from "../errors.ts";
import type { Journal } from "../journal.ts";
import { formatPeerName } from "../peer-name.ts";
import type { Clock, GossipData, GossipHandler, GossipSender, PeerName, Random } from "../ports.ts";
import type { Routes } from "../routing/routes.ts";
import type { Topology } from "../topology/topology.ts";
import { decodeEnvelope, type Envelope, encodeEnvelope, Tag } from "../wire/envelope.ts";
import { drawSome, peersToTell } from "./announce.ts";
import type { Channels } from "./channels.ts";
import { dependents, drawNeighbours } from "./neighbours.ts";
import { EncodingRound } from "./outbox.ts";
import { SYNC_CHANNEL } from "./sync-messages.ts";
import { TopologyData } from "./topology-data.ts";
import type { TopologySync } from "./topology-sync.ts";

/** The channel of the topology itself. */
export const TOPOLOGY_CHANNEL = "topology";

/** What the router works with. */
export interface RouterHost {
  readonly self: PeerName;
  readonly clock: Clock;
  readonly random: Random;
  readonly topology: Topology;
  readonly channels: Channels;
  readonly routes: Routes;
  readonly journal: Journal;
  readonly sync: TopologySync;
  connection(name: PeerName): Connection | undefined;
  /** Whether some neighbours speak as the original does. */
  hasLegacyNeighbours(): boolean;
}

/** The router. */
export class GossipRouter {
  readonly #host: RouterHost;
  /** Connections with something to send. Bounded by: connections. */
  readonly #dirty = new Set<Connection>();
  #scheduled = false;

  constructor(host: RouterHost) {
    this.#host = host;
  }

  /** The sending half of a channel. */
  sender(channel: string): GossipSender {
    return {
      unicast: (to, payload) =>
        this.#unicast({ tag: Tag.unicast, channel, source: this.#host.self, destination: to, payload }),
      broadcast: (data) => this.#broadcast(channel, this.#host.self, data),
      gossip: (data) => this.spread(channel, data),
    };
  }

  #unicast(envelope: Envelope): boolean {
    const { self, routes } = this.#host;
    if (envelope.destination === self) return false;
    const hop = routes.hopTo(envelope.destination);
    const connection = hop === undefined ? undefined : this.#host.connection(hop);
    return connection?.trySend(encodeEnvelope(envelope)) ?? false;
  }

  #broadcast(channel: string, source: PeerName, data: GossipData): void {
    for (const hop of this.#host.routes.hops(source, "all")) {
      const connection = this.#host.connection(hop);
      if (!connection) continue;
      if (this.#announces(connection, data)) continue;
      connection.outbox.broadcast(channel, source, data);
      this.#touch(connection);
    }
  }

  /** Plain gossip to a few neighbours. */
  spread(channel: string, data: GossipData, except?: PeerName): void {
    for (const name of this.#toTell(except)) {
      const connection = this.#host.connection(name);
      if (connection) this.sendTo(connection, channel, data);
    }
  }

  /** Some by lot, as the original has it, and those that nobody may draw. */
  #toTell(except: PeerName | undefined): Set<PeerName> {
    const { routes, random, topology } = this.#host;
    const chosen = new Set([...drawNeighbours(routes.paths("all"), random, except), ...dependents(topology)]);
    if (except !== undefined) chosen.delete(except);
    return chosen;
  }

  /**
   * News of the topology. Neighbours that speak as the original does are told as of any gossip, the others by the rule of
   * announce.ts. What a changing topology leads astray, the exchange of digests makes up for.
   *
   * @param from - who brought the news, and whether as the original does: to a few at random
   */
  spreadTopology(names: ReadonlySet<PeerName>, from?: { readonly name: PeerName; readonly asGossip: boolean }): void {
    const { random, sync, topology } = this.#host;
    // Routes are worked out only where somebody needs them: in a storm that is the larger part of all work.
    if (this.#host.hasLegacyNeighbours()) {
      const data = new TopologyData(topology, names);
      for (const name of this.#toTell(from?.name)) {
        const connection = this.#host.connection(name);
        if (connection && !connection.remote!.topologySync) this.sendTo(connection, TOPOLOGY_CHANNEL, data);
      }
    }
    for (const name of names) {
      if (name === topology.self) continue;
      const told = from?.asGossip
        ? drawSome(topology.own.links, random, 1 + Math.floor(2 * Math.log2(topology.size)))
        : peersToTell(topology, name, from?.name);
      for (const { to } of told) {
        const connection = to === from?.name ? undefined : this.#host.connection(to);
        if (connection) sync.announce(connection, name);
      }
    }
  }

  /** Plain gossip to one neighbour. */
  sendTo(connection: Connection, channel: string, data: GossipData): void {
    if (this.#announces(connection, data)) return;
    connection.outbox.gossip(channel, data);
    this.#touch(connection);
  }

  /** Topology goes to peers of this program as announcements instead. */
  #announces(connection: Connection, data: GossipData): boolean {
    if (!(data instanceof TopologyData) || !connection.remote?.topologySync) return false;
    for (const name of data.names) this.#host.sync.announce(connection, name);
    return true;
  }

  /** Every channel's complete state, to a neighbour that is new or has restarted. */
  sendEverything(connection: Connection): void {
    for (const [channel, handler] of this.#host.channels.own()) {
      if (channel === TOPOLOGY_CHANNEL && connection.remote?.topologySync) continue;
      const data = this.#complete(channel, handler);
      if (data) this.sendTo(connection, channel, data);
    }
  }

  /** Periodic gossip: every channel's complete state, to a few neighbours each. */
  spreadEverything(): void {
    const { channels, routes, random, sync } = this.#host;
    for (const [channel, handler] of channels.own()) {
      const data = this.#complete(channel, handler);
      if (!data) continue;
      for (const name of drawNeighbours(routes.paths("all"), random)) {
        const connection = this.#host.connection(name);
        if (!connection) continue;
        if (channel === TOPOLOGY_CHANNEL && connection.remote?.topologySync) sync.greet(connection);
        else this.sendTo(connection, channel, data);
      }
    }
  }

  #complete(channel: string, handler: Pick<GossipHandler, "gossip">): GossipData | undefined {
    try {
      return handler.gossip();
    } catch (error) {
      this.#host.journal.complaint(`channel ${channel}: own state`, toMeshError(error, "MESH_GOSSIP"));
      return undefined;
    }
  }

  /**
   * Takes a gossip message. Only one that cannot be read at all, or one too many, ends the connection.
   *
   * @throws MeshError MESH_PROTOCOL, MESH_FLOOD
   */
  receive(from: Connection, tag: Envelope["tag"], payload: Uint8Array): void {
    const envelope = decodeEnvelope(tag, payload);
    try {
      if (envelope.channel === SYNC_CHANNEL && from.remote!.topologySync)
        this.#host.sync.receive(from, envelope.payload);
      else this.#dispatch(from, envelope);
    } catch (thrown) {
      const error = toMeshError(thrown, "MESH_GOSSIP");
      if (error.code === "MESH_FLOOD") throw error;
      const about = `channel ${envelope.channel}: from ${formatPeerName(envelope.source)} by way of ${from.label}`;
      this.#host.journal.complaint(about, error);
    }
  }

  #dispatch(from: Connection, envelope: Envelope): void {
    const { tag, channel, source, destination, payload } = envelope;
    const handler = this.#host.channels.handler(channel);
    switch (tag) {
      case Tag.unicast:
        if (destination === this.#host.self) handler.onUnicast(source, payload);
        else if (!this.#unicast(envelope)) {
          throw new MeshError("MESH_GOSSIP", `no way on to ${formatPeerName(destination)}`);
        }
        return;
      case Tag.broadcast: {
        const data = handler.onBroadcast(source, payload, from.name);
        if (data) this.#broadcast(channel, source, data);
        return;
      }
      case Tag.gossip: {
        const data = handler.onGossip(payload, from.name);
        if (data instanceof TopologyData) this.spreadTopology(data.names, { name: from.name, asGossip: true });
        else if (data) this.spread(channel, data, from.name);
        return;
      }
    }
  }

  /** A connection takes data again. */
  drained(connection: Connection): void {
    if (connection.outbox.waiting) this.#touch(connection);
  }

  /** Connections are served together, after whatever happens now: that merges, and encodes once. */
  #touch(connection: Connection): void {
    this.#dirty.add(connection);
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#host.clock.after(0, () => this.#serve());
  }

  #serve(): void {
    this.#scheduled = false;
    const round = new EncodingRound(this.#host.self);
    const dirty = [...this.#dirty];
    this.#dirty.clear();
    for (const connection of dirty) {
      try {
        connection.flush(round);
      } catch (error) {
        // A state of more than 10 MiB cannot be sent; others may still be.
        this.#host.journal.complaint(`to ${connection.label}`, toMeshError(error, "MESH_GOSSIP"));
      }
    }
  }
}
