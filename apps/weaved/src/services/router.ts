import { type ConnectionStatus, formatPeerName, type Mesh, type MeshStatus, type PeerName } from "@weaved/gossip-mesh";
import type { ConnectionReport, PeerReport, RouterReport } from "../diagnostics/report.ts";
import type { RouterPort } from "../http/ports.ts";

/** Connections as the control interface changes them; a change of targets is made when `persist` has it. */
export function routerPort(mesh: Mesh, persist: (targets: readonly string[]) => Promise<void>): RouterPort {
  return {
    async connect(targets, { replace }) {
      const errors = await mesh.connect(targets, { replace });
      await persist(mesh.status().targets);
      return errors.map(({ reason }) => reason);
    },
    async forget(targets) {
      mesh.forget(targets);
      await persist(mesh.status().targets);
    },
  };
}

/** What the data path adds to the report. */
export interface DatapathReport {
  /** Such as `vethwe-tap (via tap)`. */
  readonly interface: string;
  readonly macs: readonly { readonly mac: string; readonly peer: PeerName; readonly lastSeen: Date }[];
  readonly counters: Readonly<Record<string, number>>;
  readonly diagnostics: Readonly<Record<string, unknown>>;
}

/** The mesh as the report shows it. Lists come out in a stable order: ourselves first, then by name. */
export function routerReport(status: MeshStatus, datapath: DatapathReport | undefined): RouterReport {
  const nicknames = new Map(status.peers.map((peer) => [peer.name, peer.nickname]));
  return {
    Protocol: "weave",
    ProtocolMinVersion: status.minProtocolVersion,
    ProtocolMaxVersion: status.maxProtocolVersion,
    Encryption: status.encrypted,
    PeerDiscovery: status.discovery,
    Name: formatPeerName(status.name),
    NickName: status.nickname,
    Port: status.port,
    Peers: nullIfEmpty(peersOf(status)),
    UnicastRoutes: nullIfEmpty(
      [...status.routes.unicast].map(([to, via]) => ({ Dest: formatPeerName(to), Via: formatPeerName(via) })),
    ),
    BroadcastRoutes: nullIfEmpty(
      [...status.routes.broadcast].map(([source, via]) => ({
        Source: formatPeerName(source),
        Via: nullIfEmpty(via.map(formatPeerName)),
      })),
    ),
    Connections: nullIfEmpty(status.connections.map((connection) => connectionReport(connection, status, nicknames))),
    TerminationCount: status.terminationCount,
    Targets: nullIfEmpty([...status.targets]),
    OverlayDiagnostics: { ...datapath?.diagnostics },
    TrustedSubnets: [...status.trustedSubnets],
    Interface: datapath?.interface ?? "no overlay bridge",
    CaptureStats: datapath ? { ...datapath.counters } : null,
    MACs: nullIfEmpty(
      (datapath?.macs ?? []).map(({ mac, peer, lastSeen }) => ({
        Mac: mac,
        Name: formatPeerName(peer),
        NickName: nicknames.get(peer) ?? "",
        LastSeen: lastSeen.toISOString(),
      })),
    ),
  };
}

function peersOf(status: MeshStatus): PeerReport[] {
  const order = (name: PeerName) => (name === status.name ? -1 : name);
  return [...status.peers]
    .sort((a, b) => order(a.name) - order(b.name))
    .map((peer) => ({
      Name: formatPeerName(peer.name),
      NickName: peer.nickname,
      UID: peer.uid,
      ShortID: peer.shortId,
      Version: Number(peer.version),
      Connections: nullIfEmpty(
        peer.connections.map((link) => ({
          Name: formatPeerName(link.name),
          NickName: link.nickname,
          Address: link.address,
          Outbound: link.outbound,
          Established: link.established,
        })),
      ),
    }));
}

/** The info column of live connections: overlay, then the peer, and whether frames are sealed when a password is set (18.2). */
function connectionReport(
  connection: ConnectionStatus,
  status: MeshStatus,
  nicknames: ReadonlyMap<PeerName, string>,
): ConnectionReport {
  const { address, outbound, state, peer, attributes } = connection;
  if (peer === undefined)
    return { Address: address, Outbound: outbound, State: state, Info: connection.info, Attrs: null };
  const sealed = connection.encrypted ?? status.encrypted;
  const prefix = status.encrypted ? (sealed ? "encrypted" : "unencrypted").padEnd(12) : "";
  const overlay = String(attributes.name ?? "none").padEnd(6);
  const info = `${prefix}${overlay} ${formatPeerName(peer)}(${nicknames.get(peer) ?? ""})`;
  // The original's attributes only: scripts cut them by position. The others are in the overview of links.
  const { name = "none", mtu } = attributes;
  const Attrs = { name, ...(mtu !== undefined && { mtu }), ...(status.encrypted && sealed && { encrypted: true }) };
  return { Address: address, Outbound: outbound, State: state, Info: info, Attrs };
}

function nullIfEmpty<T>(list: T[]): T[] | null {
  return list.length > 0 ? list : null;
}
