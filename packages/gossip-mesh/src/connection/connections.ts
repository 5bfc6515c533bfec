/** Our connections: which are let in, which of two duplicates is kept, what happens at their end. */
import type { CryptoProvider } from "@weaved/sleeve-crypto";
import { hostOf } from "../dial/address.ts";
import { MeshError, toMeshError } from "../errors.ts";
import type { EventLog } from "../event-log.ts";
import type { Neighbours } from "../gossip/neighbour.ts";
import type { GossipRouter } from "../gossip/router.ts";
import type { Membership } from "../membership.ts";
import { formatPeerName } from "../peer-name.ts";
import type { Clock, Overlay, PeerName, Random, Stream, Transport } from "../ports.ts";
import { randomUint64 } from "../random-id.ts";
import { hearsFrom } from "../routing/paths.ts";
import type { TopologySync } from "../sync/topology-sync.ts";
import { UnsyncedPeers } from "../sync/unsynced-peers.ts";
import type { Topology } from "../topology/topology.ts";
import { type Envelope, Tag } from "../wire/envelope.ts";
import { makeFeatures, SYNC_FEATURE, SYNC_VERSION } from "../wire/features.ts";
import { Acceptor, type Handshaking } from "./acceptor.ts";
import { Attempts } from "./attempts.ts";
import { Connection, type ConnectionHost, type ConnectionOrigin } from "./connection.ts";
import type { DialEvents, MadeConnection } from "./dial-events.ts";
import { checkIdentity, checkNameIsFree } from "./identity.ts";
import { Interrupted } from "./interrupted.ts";
import { prepareOverlay } from "./overlay-link.ts";
import { Room } from "./room.ts";

/** What the connections work with. */
export interface ConnectionsHost {
  readonly topology: Topology;
  readonly clock: Clock;
  readonly random: Random;
  readonly transport: Transport;
  readonly crypto: CryptoProvider;
  readonly password: Uint8Array | undefined;
  readonly minVersion: number;
  readonly maxVersion: number;
  readonly limit: number;
  readonly port: number;
  readonly overlay: Overlay | undefined;
  readonly topologySync: boolean;
  readonly isTrusted: (address: string) => boolean;
  readonly neighbours: Neighbours<Connection>;
  readonly events: EventLog;
  readonly membership: Membership;
  readonly router: GossipRouter;
  readonly sync: TopologySync;
}

/** The connections of one mesh. */
export class Connections {
  readonly #host: ConnectionsHost;
  readonly #connectionHost: ConnectionHost;
  readonly #acceptor: Acceptor;
  readonly #room: Room;
  /** All, handshakes included. Bounded by: the limits of connections, of the acceptor, and of attempts to dial. */
  readonly #all = new Set<Connection>();
  /** What the dialling side knows a connection by. Bounded by: registered connections. */
  readonly #made = new Map<Connection, MadeConnection>();
  /** What the acceptor knows of handshakes. Bounded by: the acceptor's limits. */
  readonly #handshaking = new Map<Connection, Handshaking>();
  readonly #interrupted = new Interrupted();
  readonly #attempts: Attempts;
  #dialEvents: DialEvents | undefined;
  #closed = false;
  /** Connections that have ended, those to ourselves left out. */
  terminations = 0;
  readonly unsynced: UnsyncedPeers;

  constructor(host: ConnectionsHost) {
    this.#host = host;
    this.#acceptor = new Acceptor(host.clock);
    this.#room = new Room(host);
    this.#attempts = new Attempts(host);
    this.unsynced = new UnsyncedPeers({
      clock: host.clock,
      isKnown: ({ name }) => hearsFrom(host.topology, host.topology.self, name),
      sendEverything: (neighbour) => {
        if (neighbour.speaksSync) host.sync.sendDigest(neighbour);
        host.router.sendEverything(neighbour);
      },
    });
    this.#connectionHost = this.#makeConnectionHost();
    host.transport.onStream((stream) => this.#accept(stream));
  }

  #makeConnectionHost(): ConnectionHost {
    const { topology, clock, crypto, password, minVersion, maxVersion, router, events } = this.#host;
    return {
      ...{ self: topology.self, clock, crypto, password, minVersion, maxVersion },
      features: (connectionId, trusted) => this.#features(connectionId, trusted),
      register: (connection) => this.#register(connection),
      onMessage: (connection, tag, payload) => this.#onMessage(connection, tag, payload),
      onHandshakeBytes: (connection, bytes) => {
        const handshake = this.#handshaking.get(connection);
        if (handshake) this.#acceptor.keeps(handshake, bytes);
      },
      onNotice: (connection, text) =>
        events.complaint(`notice from ${connection.label}`, new MeshError("MESH_NAME_TAKEN", text)),
      tryAnother: (connection) => this.#tryAnother(connection),
      onDrained: (connection) => router.drained(connection),
      onEnded: (connection, error) => this.#onEnded(connection, error),
    };
  }

  /** Tells the side that dials what becomes of connections from now on. */
  report(events: DialEvents): void {
    this.#dialEvents = events;
  }

  #features(connectionId: bigint, trusted: boolean): ReturnType<typeof makeFeatures> {
    const { overlay, topology, topologySync } = this.#host;
    const { name, nickname, uid, shortId } = topology.own;
    const extra = {
      ...overlay?.features,
      ...(overlay?.names === undefined ? {} : { Overlays: overlay.names }),
      ...(topologySync ? { [SYNC_FEATURE]: SYNC_VERSION } : {}),
    };
    return makeFeatures({ name, nickname, uid, shortId, connectionId, trusted, extra });
  }

  #accept(stream: Stream): void {
    const { address: host, port } = stream.remote;
    const address = `${host}:${port}`;
    if (this.#closed) {
      stream.close();
      return;
    }
    let connection: Connection | undefined;
    const admission = this.#acceptor.admit(host, (why) => connection?.end(why));
    if (admission instanceof MeshError) {
      this.#host.events.ended(`<- ${address}`, admission);
      stream.close();
      return;
    }
    const origin = { outbound: false, address, expected: "anybody", handshakeMs: admission.timeoutMs } as const;
    connection = this.#start(stream, origin);
    this.#handshaking.set(connection, admission);
  }

  #handshakeOver(connection: Connection): void {
    const handshake = this.#handshaking.get(connection);
    if (!handshake) return;
    this.#handshaking.delete(connection);
    this.#acceptor.done(handshake);
  }

  /** Dials an address; the side that dials hears how it ends. `timeoutMs`: see {@link Attempts.dial}. */
  dial(address: string, expected: ReadonlySet<PeerName> | "anybody", timeoutMs?: number): void {
    this.#attempts.dial(address, timeoutMs, (result) => {
      if (!(result instanceof Error)) {
        this.#dialEvents?.answered(address);
        this.#start(result, { outbound: true, address, expected });
        return;
      }
      const error = toMeshError(result, "MESH_TRANSPORT");
      this.#host.events.ended(`-> ${address}`, error);
      this.#dialEvents?.ended({ address, outbound: true }, error);
    });
  }

  /** A connection has stalled: a second one to the same peer takes its place once the network lets it through. */
  #tryAnother(connection: Connection): () => void {
    const { outbound, address } = connection.origin;
    const target = outbound ? address : `${hostOf(address)}:${this.#host.port}`;
    return this.#attempts.dial(target, undefined, (result) => {
      if (result instanceof Error) return;
      if (connection.phase === "ended") return result.close();
      const ms = Math.round(this.#host.clock.now() - connection.heardAt);
      const why = `nothing heard for ${ms} ms although the host answers; connecting anew`;
      connection.end(new MeshError("MESH_STALLED", why));
      this.#start(result, { outbound: true, address: target, expected: new Set([connection.name]) });
    });
  }

  #start(stream: Stream, origin: Omit<ConnectionOrigin, "connectionId" | "trusted">): Connection {
    const trusted = this.#host.isTrusted(stream.remote.address);
    const connectionId = randomUint64(this.#host.random);
    const connection = new Connection(this.#connectionHost, stream, { ...origin, connectionId, trusted });
    this.#all.add(connection);
    return connection;
  }

  #register(connection: Connection): void {
    const { topology, membership, neighbours, sync, events, clock } = this.#host;
    this.#handshakeOver(connection);
    checkIdentity(connection, topology);
    const { outbound, address } = connection.origin;
    if (outbound) this.#dialEvents?.identified(address, connection.name);
    checkNameIsFree(connection, neighbours, clock.now());
    const restarted = this.#adopt(connection);
    const { overlay } = this.#host;
    if (overlay) connection.overlay = prepareOverlay(overlay, connection, () => this.#establish(connection));
    this.#breakTie(connection);
    this.#room.makeFor(connection.name);
    neighbours.add(connection);
    connection.registered = true;
    topology.setLink(this.#link(connection, false));
    this.#acceptor.remember(connection.stream.remote.address);
    const made = { peer: connection.name, address, outbound };
    this.#made.set(connection, made);
    this.#dialEvents?.connected(made);
    membership.noteSeen(connection.name);
    membership.ownChange(connection.name);
    if (connection.speaksSync) sync.add(connection);
    const mayLackGossip = this.#interrupted.take(connection.name);
    this.unsynced.add(connection, restarted || mayLackGossip || neighbours.size === 1);
    events.metrics?.gauge("mesh_connections", neighbours.size);
    events.logger?.info(`${connection.label}: connected`, { version: connection.version, restarted });
    if (connection.overlay) connection.overlay.confirm();
    else this.#establish(connection);
  }

  /** Makes sure that the topology knows the peer. True if it is another incarnation than known. */
  #adopt(connection: Connection): boolean {
    const { name, nickname, uid, shortId } = connection.remote!;
    const id = { shortId: shortId ?? 0, hasShortId: shortId !== undefined };
    const known = this.#host.topology.adopt({ name, nickname, uid, version: 0n, ...id, links: [] });
    connection.adopted = true;
    return known.uid !== uid;
  }

  #breakTie(connection: Connection): void {
    const other = this.#host.neighbours.get(connection.name);
    if (!other) return;
    const duplicate = (): MeshError =>
      new MeshError("MESH_DUPLICATE", `a second connection to ${formatPeerName(connection.name)}`);
    if (connection.uid <= other.uid) other.end(duplicate());
    if (connection.uid >= other.uid) throw duplicate();
  }

  #link(connection: Connection, established: boolean): Parameters<Topology["setLink"]>[0] {
    const { address, outbound } = connection.origin;
    return { to: connection.name, address, outbound, established };
  }

  #establish(connection: Connection): void {
    const { topology, membership, events } = this.#host;
    if (connection.phase !== "pending" || !connection.registered) return;
    connection.phase = "established";
    topology.setLink(this.#link(connection, true));
    membership.linkChange();
    membership.routesMayDiffer();
    events.logger?.debug(`${connection.label}: established`);
  }

  #onMessage(connection: Connection, tag: number, payload: Uint8Array): void {
    if (tag === Tag.gossip || tag === Tag.unicast || tag === Tag.broadcast) {
      this.#host.router.receive(connection, tag as Envelope["tag"], payload);
    } else if (tag === Tag.overlayControl || (tag >= 1 && tag <= 3))
      connection.overlay?.onControl(tag, payload.slice());
  }

  #onEnded(connection: Connection, error: MeshError): void {
    const { topology, membership, neighbours, events } = this.#host;
    const { outbound, address } = connection.origin;
    this.#all.delete(connection);
    this.#handshakeOver(connection);
    if (connection.adopted) topology.release(connection.name);
    const wasLink = connection.registered && neighbours.get(connection.name) === connection;
    if (wasLink) this.#dropLink(connection);
    // Peers that are unreachable now have to go before the update that follows, or others would hear of them from us.
    if (!this.#closed && connection.adopted) membership.collect();
    if (!this.#closed && wasLink) {
      membership.linkChange();
      membership.routesMayDiffer();
    }
    if (error.code !== "MESH_SELF") this.terminations++;
    events.measured(connection.traffic, neighbours.size);
    events.ended(connection.label, error);
    // What was on its way is lost with the connection; the next one to this peer makes up for it.
    if (wasLink) this.#interrupted.note(connection.name, error.code);
    const made = this.#made.get(connection) ?? { address, outbound };
    this.#made.delete(connection);
    this.#dialEvents?.ended(made, error);
  }

  #dropLink(connection: Connection): void {
    const { topology, membership, neighbours, sync } = this.#host;
    neighbours.remove(connection);
    topology.dropLink(connection.name);
    membership.forgetWord(connection.name);
    sync.remove(connection);
    this.unsynced.remove(connection);
  }

  /** Ends everything. */
  close(): void {
    this.#closed = true;
    this.#room.close();
    this.#attempts.close();
    for (const connection of [...this.#all]) connection.end(new MeshError("MESH_CLOSED", "this mesh is closing"));
  }
}
