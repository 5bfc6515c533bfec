/** Puts the parts of a mesh together. Reading it top to bottom shows who knows whom. */
import { tweetnaclProvider } from "@weaved/sleeve-crypto";
import type { Mesh, MeshOptions, MeshPorts, MeshStatus } from "./api.ts";
import type { Connection } from "./connection/connection.ts";
import { Connections } from "./connection/connections.ts";
import { MIN_LIMIT } from "./connection/limit.ts";
import { subnetTest } from "./dial/address.ts";
import { Dialer } from "./dial/dialer.ts";
import { MeshError, toMeshError } from "./errors.ts";
import { EventLog } from "./event-log.ts";
import { Channels } from "./gossip/channels.ts";
import { Neighbours } from "./gossip/neighbour.ts";
import { GossipRouter, TOPOLOGY_CHANNEL } from "./gossip/router.ts";
import { Membership } from "./membership.ts";
import { formatPeerName } from "./peer-name.ts";
import { randomUint64 } from "./random-id.ts";
import { connectionStatus, peerStatuses, statusJson, statusOptions, targetStatus } from "./status.ts";
import { type ReportError, superviseClock, superviseTransport } from "./supervise.ts";
import { TopologySync } from "./sync/topology-sync.ts";
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
  const events = new EventLog(ports.clock, settings.logger, settings.metrics);
  const report: ReportError = (where, error) => events.internal(where, error);
  const clock = superviseClock(ports.clock, report);
  const transport = superviseTransport(ports.transport, report);
  const topology = new Topology({ name, nickname, uid, random });
  const channels = new Channels(clock, settings.gossipIntervalMs);

  const neighbours = new Neighbours<Connection>();
  const membership = new Membership({
    topology,
    clock,
    onListenerError: (error) => events.complaint("listener", toMeshError(error, "MESH_USAGE")),
    onRefused: (neighbour, about, fault) =>
      events.complaint(
        `topology: from ${formatPeerName(neighbour)}`,
        new MeshError("MESH_GOSSIP", `refused what it says of ${formatPeerName(about)}: ${fault}`),
      ),
    onNameTaken: ({ nickname, uid }) =>
      events.complaint("topology", new MeshError("MESH_NAME_TAKEN", nameTaken(name, `${nickname} (UID ${uid})`))),
  });
  const sync = new TopologySync({ topology, clock, random });
  const { routes } = membership;
  const router = new GossipRouter({
    ...{ self: name, clock, random, topology, channels, routes, events, sync, neighbours },
  });
  const { minProtocolVersion: minVersion, maxProtocolVersion: maxVersion, overlay, topologySync } = settings;
  const connections = new Connections({
    ...{ topology, clock, random, transport, crypto, password, minVersion, maxVersion, limit, port, overlay },
    ...{ topologySync, isTrusted, neighbours, events, membership, router, sync },
  });
  const dialer = new Dialer({
    ...{ topology, clock, random, transport, port, discovery, limit },
    dial: (to, expected, timeoutMs) => connections.dial(to, expected, timeoutMs),
  });

  // What happens in one part and concerns another.
  connections.report(dialer);
  membership.onChanged.add(() => dialer.evaluate());
  membership.onAnnounce.add((names) => {
    sync.push();
    router.spreadTopology(names);
  });
  sync.onRecords = (records, from) => {
    const { changed } = membership.merge(records, from);
    if (changed.length > 0) router.spreadTopology(new Set(changed), { name: from, asGossip: false });
  };
  sync.onDigest = (from) => {
    const neighbour = neighbours.get(from);
    if (neighbour) connections.unsynced.digestReceived(neighbour);
  };
  channels.open(TOPOLOGY_CHANNEL, membership.handler);

  let closed = false;
  let cancelGossip = clock.after(settings.gossipIntervalMs * (0.5 + random() / 2), function again() {
    router.spreadEverything();
    cancelGossip = clock.after(settings.gossipIntervalMs, again);
  });

  const facts = (): Omit<MeshStatus, "toJSON"> => ({
    ...statusOptions(settings),
    ...{ name, nickname, uid, shortId: topology.own.shortId },
    targets: dialer.texts({ activeOnly: false }),
    connections: [
      ...[...neighbours.values()].map((connection) => connectionStatus(connection)),
      ...[...dialer.unconnected()].map((target) => targetStatus(target, clock.now())),
    ],
    peers: peerStatuses(topology),
    routes: membership.routes.tables(),
    terminationCount: connections.terminations,
    events: { ...events.counts },
  });

  const status = (): MeshStatus => {
    const snapshot = facts();
    // Not enumerable, so that a copy of a status is data only.
    return Object.defineProperty(snapshot as MeshStatus, "toJSON", { value: () => statusJson(snapshot) });
  };

  return {
    name,
    nickname,
    uid,
    openChannel(channel, handler) {
      if (closed) throw new MeshError("MESH_USAGE", "the mesh is closed");
      channels.open(channel, handler);
      return router.sender(channel);
    },
    connect: (targets, { replace = false } = {}) => dialer.connect(targets, replace),
    forget: (targets) => dialer.forget(targets),
    routes: () => membership.routes.tables(),
    onRoutesChanged: (fn) => membership.onRoutesChanged.add(fn),
    onPeerGone: (fn) => membership.onPeerGone.add(fn),
    onPeerSeen: (fn) => membership.onPeerSeen.add(fn),
    status,
    convergence: () => ({ peers: topology.size, digest: topology.digest }),
    nicknameOf: (peer) => topology.get(peer)?.nickname,
    knows: (peer) => topology.get(peer) !== undefined,
    peerOfShortId: (id) => topology.principal(id),
    activeDirectTargets: () => dialer.texts({ activeOnly: true }),
    close() {
      if (closed) return;
      closed = true;
      cancelGossip();
      dialer.close();
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

function nameTaken(name: number, other: string): string {
  return `another host announces itself as ${formatPeerName(name)}, our name: ${other}; give one of them another name (--name)`;
}

function passwordBytes(password: string | Uint8Array | undefined): Uint8Array | undefined {
  if (password === undefined) return undefined;
  const bytes = typeof password === "string" ? new TextEncoder().encode(password) : password.slice();
  if (bytes.length > 0) return bytes;
  throw new MeshError("MESH_USAGE", "the password is empty; leave it out for a mesh without encryption");
}
