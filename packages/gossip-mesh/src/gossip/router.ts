/** Moves gossip between channels and neighbours. */

import { MeshError, toMeshError } from "../errors.ts";
import type { EventLog } from "../event-log.ts";
import { formatPeerName } from "../peer-name.ts";
import type { Clock, GossipData, GossipHandler, GossipSender, PeerName, Random } from "../ports.ts";
import type { Routes } from "../routing/routes.ts";
import { SYNC_CHANNEL } from "../sync/sync-messages.ts";
import type { TopologySync } from "../sync/topology-sync.ts";
import type { Topology } from "../topology/topology.ts";
import { decodeEnvelope, type Envelope, encodeEnvelope, Tag } from "../wire/envelope.ts";
import { drawSome, peersToAnnounceTo } from "./announce.ts";
import type { Channels } from "./channels.ts";
import type { Neighbour, Neighbours } from "./neighbour.ts";
import { EncodingRound } from "./outbox.ts";
import { dependents, drawNeighbours } from "./recipients.ts";
import { TopologyData } from "./topology-data.ts";

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
  readonly events: EventLog;
  readonly sync: TopologySync;
  readonly neighbours: Neighbours;
}

/** The router. */
export class GossipRouter {
  readonly #host: RouterHost;
  /** Connections with something to send. Bounded by: connections. */
  readonly #dirty = new Set<Neighbour>();
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
    const neighbour = hop === undefined ? undefined : this.#host.neighbours.get(hop);
    return neighbour?.trySend(encodeEnvelope(envelope)) ?? false;
  }

  #broadcast(channel: string, source: PeerName, data: GossipData): void {
    for (const hop of this.#host.routes.hops(source, "all")) {
      const neighbour = this.#host.neighbours.get(hop);
      if (!neighbour) continue;
      if (this.#announces(neighbour, data)) continue;
      neighbour.outbox.broadcast(channel, source, data);
      this.#touch(neighbour);
    }
  }

  /** Plain gossip to a few neighbours. */
  spread(channel: string, data: GossipData, except?: PeerName): void {
    for (const name of this.#recipients(except)) {
      const neighbour = this.#host.neighbours.get(name);
      if (neighbour) this.sendTo(neighbour, channel, data);
    }
  }

  /** Some by lot, as the original has it, and those that nobody may draw. */
  #recipients(except: PeerName | undefined): Set<PeerName> {
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
    if (this.#host.neighbours.hasLegacy) {
      const data = new TopologyData(topology, names);
      for (const name of this.#recipients(from?.name)) {
        const neighbour = this.#host.neighbours.get(name);
        if (neighbour && !neighbour.speaksSync) this.sendTo(neighbour, TOPOLOGY_CHANNEL, data);
      }
    }
    for (const name of names) {
      if (name === topology.self) continue;
      const told = from?.asGossip
        ? drawSome(topology.own.links, random, 1 + Math.floor(2 * Math.log2(topology.size)))
        : peersToAnnounceTo(topology, name, from?.name);
      for (const { to } of told) {
        const neighbour = to === from?.name ? undefined : this.#host.neighbours.get(to);
        if (neighbour) sync.announce(neighbour, name);
      }
    }
  }

  /** Plain gossip to one neighbour. */
  sendTo(neighbour: Neighbour, channel: string, data: GossipData): void {
    if (this.#announces(neighbour, data)) return;
    neighbour.outbox.gossip(channel, data);
    this.#touch(neighbour);
  }

  /** Topology goes to peers of this program as announcements instead. */
  #announces(neighbour: Neighbour, data: GossipData): boolean {
    if (!(data instanceof TopologyData) || !neighbour.speaksSync) return false;
    for (const name of data.names) this.#host.sync.announce(neighbour, name);
    return true;
  }

  /** Every channel's complete state, to a neighbour that is new or has restarted. */
  sendEverything(neighbour: Neighbour): void {
    for (const [channel, handler] of this.#host.channels.own()) {
      if (channel === TOPOLOGY_CHANNEL && neighbour.speaksSync) continue;
      const data = this.#complete(channel, handler);
      if (data) this.sendTo(neighbour, channel, data);
    }
  }

  /** Periodic gossip: every channel's complete state, to a few neighbours each. */
  spreadEverything(): void {
    const { channels, routes, random, sync } = this.#host;
    for (const [channel, handler] of channels.own()) {
      const data = this.#complete(channel, handler);
      if (!data) continue;
      for (const name of drawNeighbours(routes.paths("all"), random)) {
        const neighbour = this.#host.neighbours.get(name);
        if (!neighbour) continue;
        if (channel === TOPOLOGY_CHANNEL && neighbour.speaksSync) sync.sendDigest(neighbour);
        else this.sendTo(neighbour, channel, data);
      }
    }
  }

  #complete(channel: string, handler: Pick<GossipHandler, "gossip">): GossipData | undefined {
    try {
      return handler.gossip();
    } catch (error) {
      this.#host.events.complaint(`channel ${channel}: own state`, toMeshError(error, "MESH_GOSSIP"));
      return undefined;
    }
  }

  /**
   * Takes a gossip message. Only one that cannot be read at all, or one too many, ends the neighbour.
   *
   * @throws MeshError MESH_PROTOCOL, MESH_FLOOD
   */
  receive(from: Neighbour, tag: Envelope["tag"], payload: Uint8Array): void {
    const envelope = decodeEnvelope(tag, payload);
    try {
      if (envelope.channel === SYNC_CHANNEL && from.speaksSync) this.#host.sync.receive(from, envelope.payload);
      else this.#dispatch(from, envelope);
    } catch (thrown) {
      const error = toMeshError(thrown, "MESH_GOSSIP");
      if (error.code === "MESH_FLOOD") throw error;
      const about = `channel ${envelope.channel}: from ${formatPeerName(envelope.source)} by way of ${from.label}`;
      this.#host.events.complaint(about, error);
    }
  }

  #dispatch(from: Neighbour, envelope: Envelope): void {
    const { tag, channel, source, destination, payload } = envelope;
    const handler = this.#host.channels.handler(channel);
    switch (tag) {
      case Tag.unicast:
        if (destination === this.#host.self) handler.onUnicast(source, payload, from.name);
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
  drained(neighbour: Neighbour): void {
    if (neighbour.outbox.waiting) this.#touch(neighbour);
  }

  /** Connections are served together, after whatever happens now: that merges, and encodes once. */
  #touch(neighbour: Neighbour): void {
    this.#dirty.add(neighbour);
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#host.clock.after(0, () => this.#serve());
  }

  #serve(): void {
    this.#scheduled = false;
    const round = new EncodingRound(this.#host.self);
    const dirty = [...this.#dirty];
    this.#dirty.clear();
    for (const neighbour of dirty) {
      try {
        neighbour.flush(round);
      } catch (error) {
        // A state of more than 10 MiB cannot be sent; others may still be.
        this.#host.events.complaint(`to ${neighbour.label}`, toMeshError(error, "MESH_GOSSIP"));
      }
    }
  }
}
