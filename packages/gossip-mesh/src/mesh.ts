/** Puts the parts of a mesh together. Reading it top to bottom shows who knows whom. */
import { tweetnaclProvider } from "@weaved/sleeve-crypto";
import type { Mesh, MeshOptions, MeshPorts, MeshStatus } from "./api.ts";
import { subnetTest } from "./connect/address.ts";
import { MIN_LIMIT } from "./connect/limit.ts";
import { ConnectionMaker } from "./connect/maker.ts";
import { Connections } from "./connections.ts";
import { MeshError, toMeshError } from "./errors.ts";
import { Channels } from "./gossip/channels.ts";
import { GossipRouter, TOPOLOGY_CHANNEL } from "./gossip/router.ts";
import { TopologySync } from "./gossip/topology-sync.ts";
import { Journal } from "./journal.ts";
import { Membership } from "./membership.ts";
import { formatPeerName } from "./peer-name.ts";
import { randomUint64 } from "./random-id.ts";
import { connectionStatus, peerStatuses, statusOptions, targetStatus } from "./status.ts";
import { type ReportError, superviseClock, superviseTransport } from "./supervise.ts";
import { Topology } from "./topology/topology.ts";

/** Options with a default value are there after it is filled in. */
type Settings = MeshOptions & Defaults;
type Defaults = { [K in keyof typeof DEFAULTS | "minProtocolVersion"]-?: NonNullable<MeshOptions[K]> };

const DEFAULTS = {
  nickname: "",
  port: 6783,
  connectionLimit: 200,
  discovery: true,
  trustedSubnets: [],
  maxProtocolVersion: 2,
  gossipIntervalMs: 30_000,
  topologySync: true,
} satisfies Partial<MeshOptions>;

/**
 * Starts a mesh. It listens, through the transport, at once; it dials nobody before {@link Mesh.connect}.
 *
 * @throws MeshError MESH_USAGE, MESH_ADDRESS for impossible options
 */
export function createMesh(options: MeshOptions, ports: MeshPorts): Mesh {
  const settings = settingsOf(options);
  checkOptions(settings);
  const { random, crypto = tweetnaclProvider } = ports;
  const { name, nickname, discovery, port, connectionLimit: limit } = settings;
  const uid = settings.uid ?? randomUint64(random);
  const isTrusted = subnetTest(settings.trustedSubnets);
  const password = passwordBytes(settings.password);
  const journal = new Journal(ports.clock, settings.logger, settings.metrics);
  const report: ReportError = (where, error) => journal.internal(where, error);
  const clock = superviseClock(ports.clock, report);
  const transport = superviseTransport(ports.transport, report);
  const topology = new Topology({ name, nickname, uid, random });
  const channels = new Channels(clock, settings.gossipIntervalMs);

  // The parts need each other only once something happens, which is after all of them are there.
  const membership: Membership = new Membership({
    topology,
    clock,
    tell(names) {
      sync.push();
      router.spreadTopology(names);
    },
    onChanged: () => maker.evaluate(),
    onRefused: (neighbour, about, fault) =>
      journal.complaint(
        `topology: from ${formatPeerName(neighbour)}`,
        new MeshError("MESH_GOSSIP", `refused what it says of ${formatPeerName(about)}: ${fault}`),
      ),
    onListenerError: (error) => journal.complaint("listener", toMeshError(error, "MESH_USAGE")),
  });
  const sync = new TopologySync({
    topology,
    clock,
    random,
    merge(records, from) {
      const { changed } = membership.merge(records, from);
      if (changed.length > 0) router.spreadTopology(new Set(changed), { name: from, asGossip: false });
    },
    greeted(by) {
      const neighbour = connections.get(by);
      if (neighbour) connections.strangers.heard(neighbour);
    },
  });
  const connection = (peer: number): ReturnType<Connections["get"]> => connections.get(peer);
  const { routes } = membership;
  const router = new GossipRouter({
    ...{ self: name, clock, random, topology, channels, routes, journal, sync, connection },
    hasLegacyNeighbours: () => connections.legacy > 0,
  });
  const dial: ConstructorParameters<typeof ConnectionMaker>[0]["dial"] = (to, expected) =>
    connections.dial(to, expected);
  const maker = new ConnectionMaker({ topology, clock, random, transport, port, discovery, limit, dial });
  const { minProtocolVersion: minVersion, maxProtocolVersion: maxVersion, overlay, topologySync } = settings;
  const connections: Connections = new Connections({
    ...{ topology, clock, random, transport, crypto, password, minVersion, maxVersion, limit, overlay, topologySync },
    ...{ isTrusted, journal, membership, router, sync, maker },
  });
  channels.open(TOPOLOGY_CHANNEL, membership.handler);

  let closed = false;
  let cancelGossip = clock.after(settings.gossipIntervalMs * (0.5 + random() / 2), function again() {
    router.spreadEverything();
    cancelGossip = clock.after(settings.gossipIntervalMs, again);
  });

  const status = (): MeshStatus => ({
    ...statusOptions(settings),
    ...{ name, nickname, uid, shortId: topology.own.shortId },
    targets: maker.texts({ activeOnly: false }),
    connections: [
      ...[...connections.registered()].map((connection) => connectionStatus(connection)),
      ...[...maker.unconnected()].map((target) => targetStatus(target, clock.now())),
    ],
    peers: peerStatuses(topology),
    routes: membership.routes.tables(),
    terminationCount: connections.terminations,
    events: { ...journal.counts },
  });

  return {
    name,
    nickname,
    uid,
    openChannel(channel, handler) {
      if (closed) throw new MeshError("MESH_USAGE", "the mesh is closed");
      channels.open(channel, handler);
      return router.sender(channel);
    },
    connect: (targets, { replace = false } = {}) => maker.connect(targets, replace),
    forget: (targets) => maker.forget(targets),
    routes: () => membership.routes.tables(),
    onRoutesChanged: (fn) => membership.onRoutesChanged.add(fn),
    onPeerGone: (fn) => membership.onPeerGone.add(fn),
    onPeerSeen: (fn) => membership.onPeerSeen.add(fn),
    status,
    convergence: () => ({ peers: topology.size, digest: topology.digest }),
    nicknameOf: (peer) => topology.get(peer)?.nickname,
    knows: (peer) => topology.get(peer) !== undefined,
    peerOfShortId: (id) => topology.principal(id),
    activeDirectTargets: () => maker.texts({ activeOnly: true }),
    close() {
      if (closed) return;
      closed = true;
      cancelGossip();
      maker.close();
      membership.close();
      sync.close();
      connections.close();
    },
  };
}

/** Version 1 lets a remote in before it proves that it knows the password, so with one it has to be asked for. */
function settingsOf(options: MeshOptions): Settings {
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  const minProtocolVersion = options.password === undefined ? 1 : 2;
  return { ...DEFAULTS, minProtocolVersion, ...(given as unknown as MeshOptions) } as Settings;
}

function checkOptions({ name, connectionLimit, minProtocolVersion, maxProtocolVersion }: Settings): void {
  if (!Number.isInteger(name) || name <= 0 || name >= 2 ** 48) {
    throw new MeshError("MESH_USAGE", `a peer name of ${name}: 1 to 2^48 - 1 is expected`);
  }
  if (connectionLimit !== 0 && connectionLimit < MIN_LIMIT) {
    throw new MeshError(
      "MESH_USAGE",
      `a connection limit of ${connectionLimit}: 0 (none) or at least ${MIN_LIMIT} is expected`,
    );
  }
  if (minProtocolVersion > maxProtocolVersion) {
    throw new MeshError(
      "MESH_USAGE",
      `protocol versions ${minProtocolVersion} to ${maxProtocolVersion} leave none; with a password minProtocolVersion is 2 unless it is set`,
    );
  }
}

function passwordBytes(password: string | Uint8Array | undefined): Uint8Array | undefined {
  if (password === undefined) return undefined;
  const bytes = typeof password === "string" ? new TextEncoder().encode(password) : password.slice();
  if (bytes.length > 0) return bytes;
  throw new MeshError("MESH_USAGE", "the password is empty; leave it out for a mesh without encryption");
}
