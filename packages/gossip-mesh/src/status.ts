/** What operators see; docs/protocol/control.md#18. */
import type { ConnectionStatus, MeshOptions, MeshStatus, PeerStatus } from "./api.ts";
import type { Connection } from "./connection/connection.ts";
import type { Target } from "./dial/target.ts";
import { formatPeerName } from "./peer-name.ts";
import type { PeerName } from "./ports.ts";
import type { Topology } from "./topology/topology.ts";

/** All known peers, each with its connections, in order of name. */
export function peerStatuses(topology: Topology): PeerStatus[] {
  return [...topology.records()]
    .sort((a, b) => a.name - b.name)
    .map(({ name, nickname, uid, shortId, version, links }) => ({
      name,
      nickname,
      uid,
      shortId,
      version,
      connections: links.map(({ to, address, outbound, established }) => ({
        name: to,
        nickname: topology.get(to)?.nickname ?? "",
        address,
        outbound,
        established,
      })),
    }));
}

/** A status as JSON can carry it: bigints as text, maps as objects, peers by the text form of their names. */
export function statusJson(status: Omit<MeshStatus, "toJSON">): unknown {
  const names = <T, U>(map: ReadonlyMap<PeerName, T>, value: (value: T) => U): Record<string, U> =>
    Object.fromEntries([...map].map(([name, v]) => [formatPeerName(name), value(v)]));
  const { unicast, broadcast } = status.routes;
  return {
    ...status,
    name: formatPeerName(status.name),
    uid: String(status.uid),
    connections: status.connections.map((connection) => ({
      ...connection,
      ...(connection.peer === undefined ? {} : { peer: formatPeerName(connection.peer) }),
    })),
    peers: status.peers.map((peer) => ({
      ...peer,
      name: formatPeerName(peer.name),
      uid: String(peer.uid),
      version: String(peer.version),
      connections: peer.connections.map((link) => ({ ...link, name: formatPeerName(link.name) })),
    })),
    routes: {
      unicast: names(unicast, formatPeerName),
      broadcast: names(broadcast, (hops) => hops.map(formatPeerName)),
    },
  };
}

/** A live connection. */
export function connectionStatus(connection: Connection): ConnectionStatus {
  const attributes = connection.overlay?.attributes() ?? {};
  // An overlay that says it does not encrypt is believed, whatever was decided: the status never promises more than the wire.
  const plaintext = connection.protection === "encrypted" && attributes.encrypted === false;
  const protection = plaintext ? "plaintext" : connection.protection;
  const encrypted = protection === "encrypted";
  const label = connection.sessionKey ? (encrypted ? "encrypted" : "unencrypted").padEnd(12) : "";
  const { nickname } = connection.remote!;
  return {
    address: connection.origin.address,
    outbound: connection.origin.outbound,
    state: connection.phase === "established" ? "established" : "pending",
    info: `${label}${String(attributes.name ?? "none").padEnd(7)}${formatPeerName(connection.name)}(${nickname})`,
    peer: connection.name,
    protection,
    encrypted,
    attributes,
    traffic: { ...connection.traffic },
  };
}

/** A target that is not connected. */
export function targetStatus(target: Target, now: number): ConnectionStatus {
  const base = { address: target.address, outbound: true, attributes: {} };
  const error = target.lastError && { code: target.lastError.code, reason: target.lastError.message };
  const known = error ? { error } : {};
  const reason = error?.reason ?? "";
  switch (target.state) {
    case "attempting":
      return { ...base, ...known, state: error ? "retrying" : "connecting", info: reason };
    case "suspended":
    case "connected":
      return { ...base, ...known, state: "waiting", info: reason };
    case "waiting":
      break;
  }
  if (!error) return { ...base, state: "waiting", info: "" };
  if (target.tryAt === Number.POSITIVE_INFINITY)
    return { ...base, error, state: "failed", info: `${reason}, retry: never` };
  const retryInMs = Math.max(0, target.tryAt - now);
  return { ...base, error, retryInMs, state: "failed", info: `${reason}, retry: in ${Math.ceil(retryInMs / 1000)} s` };
}

/** The options that a status repeats, with their defaults. */
export function statusOptions(
  options: Required<Pick<MeshOptions, "port" | "discovery" | "connectionLimit" | "trustedSubnets">> & MeshOptions,
): Pick<
  MeshStatus,
  | "port"
  | "encrypted"
  | "discovery"
  | "connectionLimit"
  | "minProtocolVersion"
  | "maxProtocolVersion"
  | "trustedSubnets"
> {
  return {
    port: options.port,
    encrypted: options.password !== undefined,
    discovery: options.discovery,
    connectionLimit: options.connectionLimit,
    minProtocolVersion: options.minProtocolVersion ?? 1,
    maxProtocolVersion: options.maxProtocolVersion ?? 2,
    trustedSubnets: options.trustedSubnets,
  };
}
