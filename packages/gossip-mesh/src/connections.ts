/** Our connections: who is let in, which of two duplicates stays, what has to go when there are too many. */
import type { CryptoProvider } from "@weaved/sleeve-crypto";
import { Acceptor, type Handshaking } from "./connect/acceptor.ts";
import { admit, redundantLink } from "./connect/limit.ts";
import type { ConnectionMaker, MadeConnection } from "./connect/maker.ts";
import { Connection, type ConnectionHost, type ConnectionOrigin } from "./connection.ts";
import { MeshError, toMeshError } from "./errors.ts";
import type { GossipRouter } from "./gossip/router.ts";
import { Strangers } from "./gossip/strangers.ts";
import type { TopologySync } from "./gossip/topology-sync.ts";
import type { Journal } from "./journal.ts";
import type { Membership } from "./membership.ts";
import { prepareOverlay } from "./overlay-link.ts";
import { formatPeerName } from "./peer-name.ts";
import type { Clock, Overlay, PeerName, Random, Stream, Transport } from "./ports.ts";
import { randomUint64 } from "./random-id.ts";
import { hearsFrom } from "./routing/paths.ts";
import type { Topology } from "./topology/topology.ts";
import { type Envelope, Tag } from "./wire/envelope.ts";
import { makeFeatures, SYNC_FEATURE, SYNC_VERSION } from "./wire/features.ts";

/** A link beyond the limit is given up at random within this: two peers must not cut one ring in two places at once. */
const SHED_AFTER_MS = 2_000;

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
  readonly overlay: Overlay | undefined;
  readonly topologySync: boolean;
  readonly isTrusted: (address: string) => boolean;
  readonly journal: Journal;
  readonly membership: Membership;
  readonly router: GossipRouter;
  readonly sync: TopologySync;
  readonly maker: ConnectionMaker;
}

/** The connections of one mesh. */
export class Connections {
  readonly #host: ConnectionsHost;
  readonly #connectionHost: ConnectionHost;
  readonly #acceptor: Acceptor;
  /** Registered ones. Bounded by: the connection limit, or the peers of the mesh. */
  readonly #byPeer = new Map<PeerName, Connection>();
  /** All, handshakes included. Bounded by: the above, the acceptor's limits, the maker's attempts. */
  readonly #all = new Set<Connection>();
  /** What the maker knows a connection by. Bounded by: registered connections. */
  readonly #made = new Map<Connection, MadeConnection>();
  /** What the acceptor knows of handshakes. Bounded by: the acceptor's limits. */
  readonly #handshaking = new Map<Connection, Handshaking>();
  /** Attempts under way. Bounded by: the maker's limit. */
  readonly #dials = new Set<() => void>();
  #cancelShed: (() => void) | undefined;
  #closed = false;
  /** Connections that have ended, those to ourselves left out. */
  terminations = 0;
  readonly strangers: Strangers;
  /** Registered connections that do not speak the topology sync. */
  legacy = 0;

  constructor(host: ConnectionsHost) {
    this.#host = host;
    this.#acceptor = new Acceptor(host.clock);
    this.strangers = new Strangers({
      clock: host.clock,
      isKnown: ({ name }) => hearsFrom(host.topology, host.topology.self, name),
      tellAll: (connection) => this.#tellAll(connection),
    });
    const { topology, clock, crypto, password, minVersion, maxVersion } = host;
    this.#connectionHost = {
      self: topology.self,
      clock,
      crypto,
      password,
      minVersion,
      maxVersion,
      features: (connectionId, trusted) => this.#features(connectionId, trusted),
      register: (connection) => this.#register(connection),
      onMessage: (connection, tag, payload) => this.#onMessage(connection, tag, payload),
      onHandshakeBytes: (connection, bytes) => {
        const handshake = this.#handshaking.get(connection);
        if (handshake) this.#acceptor.keeps(handshake, bytes);
      },
      onDrained: (connection) => host.router.drained(connection),
      onEnded: (connection, error) => this.#onEnded(connection, error),
    };
    host.transport.onStream((stream) => this.#accept(stream));
  }

  get(name: PeerName): Connection | undefined {
    return this.#byPeer.get(name);
  }
  /** Registered connections. */
  registered(): IterableIterator<Connection> {
    return this.#byPeer.values();
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
      this.#host.journal.ended(`<- ${address}`, admission);
      stream.close();
      return;
    }
    const origin = { outbound: false, address, expected: "anybody", handshakeMs: admission.timeoutMs } as const;
    connection = this.#start(stream, origin);
    this.#handshaking.set(connection, admission);
  }

  /** A handshake is over. */
  #shaken(connection: Connection): void {
    const handshake = this.#handshaking.get(connection);
    if (!handshake) return;
    this.#handshaking.delete(connection);
    this.#acceptor.done(handshake);
  }

  /** Dials an address; the maker hears how it ends. */
  dial(address: string, expected: ReadonlySet<PeerName> | "anybody"): void {
    const cancel = this.#host.transport.dial(address, (result) => {
      this.#dials.delete(cancel);
      if (result instanceof Error) {
        const error = toMeshError(result, "MESH_TRANSPORT");
        this.#host.journal.ended(`-> ${address}`, error);
        this.#host.maker.ended({ address, outbound: true }, error);
      } else if (this.#closed) result.close();
      else {
        this.#host.maker.answered(address);
        this.#start(result, { outbound: true, address, expected });
      }
    });
    this.#dials.add(cancel);
  }

  #start(stream: Stream, origin: Omit<ConnectionOrigin, "connectionId" | "trusted">): Connection {
    const trusted = this.#host.isTrusted(stream.remote.address);
    const connectionId = randomUint64(this.#host.random);
    const connection = new Connection(this.#connectionHost, stream, { ...origin, connectionId, trusted });
    this.#all.add(connection);
    return connection;
  }

  #register(connection: Connection): void {
    const { topology, membership, maker, sync, journal } = this.#host;
    this.#shaken(connection);
    const restarted = this.#identify(connection);
    const { overlay } = this.#host;
    if (overlay) connection.overlay = prepareOverlay(overlay, connection, () => this.#establish(connection));
    this.#breakTie(connection);
    this.#makeRoom(connection);
    this.#byPeer.set(connection.name, connection);
    connection.registered = true;
    topology.setLink(this.#link(connection, false));
    this.#acceptor.remember(connection.stream.remote.address);
    const made = { peer: connection.name, address: connection.origin.address, outbound: connection.origin.outbound };
    this.#made.set(connection, made);
    maker.connected(made);
    membership.noteSeen(connection.name);
    membership.ownChange(connection.name);
    if (connection.remote!.topologySync) sync.add(connection);
    else this.legacy++;
    this.strangers.meet(connection, restarted || this.#byPeer.size === 1);
    journal.metrics?.gauge("mesh_connections", this.#byPeer.size);
    journal.logger?.info(`${connection.label}: connected`, { version: connection.version, restarted });
    if (connection.overlay) connection.overlay.confirm();
    else this.#establish(connection);
  }

  #tellAll(connection: Connection): void {
    if (connection.remote!.topologySync) this.#host.sync.greet(connection);
    this.#host.router.sendEverything(connection);
  }

  /** Checks who it is, and makes sure that the topology knows the peer. True if it is another incarnation than known. */
  #identify(connection: Connection): boolean {
    const { topology, maker } = this.#host;
    const { name, nickname, uid, shortId } = connection.remote!;
    const { expected, outbound, address } = connection.origin;
    if (name === topology.self) {
      if (uid === topology.own.uid) throw new MeshError("MESH_SELF", "this address is our own");
      throw new MeshError("MESH_NAME_COLLISION", `another peer is called ${formatPeerName(name)}: ${nickname}`);
    }
    if (outbound) maker.identified(address, name);
    if (!topology.get(name) && expected !== "anybody" && !expected.has(name)) {
      throw new MeshError("MESH_STRANGER", `nobody has mentioned ${formatPeerName(name)}(${nickname})`);
    }
    const id = { shortId: shortId ?? 0, hasShortId: shortId !== undefined };
    const known = topology.adopt({ name, nickname, uid, version: 0n, ...id, links: [] });
    connection.adopted = true;
    return known.uid !== uid;
  }

  #breakTie(connection: Connection): void {
    const other = this.#byPeer.get(connection.name);
    if (!other) return;
    const duplicate = (): MeshError =>
      new MeshError("MESH_DUPLICATE", `a second connection to ${formatPeerName(connection.name)}`);
    if (connection.uid <= other.uid) other.end(duplicate());
    if (connection.uid >= other.uid) throw duplicate();
  }

  #makeRoom(connection: Connection): void {
    const { topology, limit } = this.#host;
    const wish = { remote: connection.name, count: this.#byPeer.size, limit };
    const decision = admit(topology, topology.self, wish);
    switch (decision.do) {
      case "accept":
        return;
      case "refuse":
        throw new MeshError("MESH_LIMIT", decision.reason);
      case "shed":
        this.#shed(decision.link, `to make room for ${formatPeerName(connection.name)}`);
        return;
      case "grace":
        this.#shedLater();
    }
  }

  #shed(name: PeerName, why: string): void {
    this.#byPeer.get(name)?.end(new MeshError("MESH_SHED", `given up ${why}; others lead there`));
  }

  /** Looks, after a while, whether a link has become dispensable. */
  #shedLater(): void {
    const { clock, random, topology, limit } = this.#host;
    if (this.#closed) return;
    this.#cancelShed ??= clock.after(SHED_AFTER_MS * (0.5 + random()), () => {
      this.#cancelShed = undefined;
      if (this.#byPeer.size <= limit) return;
      const link = redundantLink(topology, topology.self, new Set());
      if (link !== undefined) this.#shed(link, `because only ${limit} connections are allowed`);
      this.#shedLater();
    });
  }

  #link(connection: Connection, established: boolean): Parameters<Topology["setLink"]>[0] {
    const { address, outbound } = connection.origin;
    return { to: connection.name, address, outbound, established };
  }

  #establish(connection: Connection): void {
    const { topology, membership, journal } = this.#host;
    if (connection.phase !== "pending" || !connection.registered) return;
    connection.phase = "established";
    topology.setLink(this.#link(connection, true));
    membership.linkChange();
    membership.routesMayDiffer();
    journal.logger?.debug(`${connection.label}: established`);
  }

  #onMessage(connection: Connection, tag: number, payload: Uint8Array): void {
    if (tag === Tag.gossip || tag === Tag.unicast || tag === Tag.broadcast) {
      this.#host.router.receive(connection, tag as Envelope["tag"], payload);
    } else if (tag === Tag.overlayControl || (tag >= 1 && tag <= 3))
      connection.overlay?.onControl(tag, payload.slice());
  }

  #onEnded(connection: Connection, error: MeshError): void {
    const { topology, membership, maker, sync, journal } = this.#host;
    const { outbound, address } = connection.origin;
    this.#all.delete(connection);
    this.#shaken(connection);
    if (connection.adopted) topology.release(connection.name);
    const wasLink = this.#byPeer.get(connection.remote?.name ?? 0) === connection;
    if (wasLink) {
      this.#byPeer.delete(connection.name);
      topology.dropLink(connection.name);
      membership.forgetWord(connection.name);
      sync.remove(connection);
      this.strangers.leave(connection);
      if (!connection.remote!.topologySync) this.legacy--;
    }
    // Peers that are unreachable now have to go before the update that follows, or others would hear of them from us.
    if (!this.#closed && connection.adopted) membership.collect();
    if (!this.#closed && wasLink) {
      membership.linkChange();
      membership.routesMayDiffer();
    }
    if (error.code !== "MESH_SELF") this.terminations++;
    journal.measured(connection.traffic, this.#byPeer.size);
    journal.ended(connection.label, error);
    const made = this.#made.get(connection) ?? { address, outbound };
    this.#made.delete(connection);
    maker.ended(made, error);
  }

  /** Ends everything. */
  close(): void {
    this.#closed = true;
    this.#cancelShed?.();
    for (const cancel of this.#dials) cancel();
    for (const connection of [...this.#all]) connection.end(new MeshError("MESH_CLOSED", "this mesh is closing"));
  }
}
