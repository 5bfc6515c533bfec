import { toJson } from "@weaved/go-template";

/**
 * The shape of `GET /report`, field names as the original has them (docs/protocol/control.md#18.3).
 *
 * Lists that are empty are `null` where the original says so, because scripts compare against it. Parts that are switched
 * off are `null` here, so that templates can ask for them; {@link reportJson} leaves them out.
 */

/** Everything a status text, a template, or a script can ask for. */
export interface Report {
  Ready: boolean;
  Version: string;
  VersionCheck: VersionCheck;
  Router: RouterReport | null;
  IPAM: IpamReport | null;
  DNS: DnsReport | null;
  Proxy: { Addresses: string[] | null } | null;
  Plugin: PluginReport | null;
}

/** There is no phone-home: `Enabled` is always false in what this daemon reports. */
export interface VersionCheck {
  Enabled: boolean;
  Success: boolean;
  NewVersion: string;
  /** RFC 3339. */
  NextCheckAt: string;
}

export interface RouterReport {
  Protocol: string;
  ProtocolMinVersion: number;
  ProtocolMaxVersion: number;
  Encryption: boolean;
  PeerDiscovery: boolean;
  Name: string;
  NickName: string;
  Port: number;
  Peers: PeerReport[] | null;
  UnicastRoutes: { Dest: string; Via: string }[] | null;
  BroadcastRoutes: { Source: string; Via: string[] | null }[] | null;
  Connections: ConnectionReport[] | null;
  TerminationCount: number;
  Targets: string[] | null;
  OverlayDiagnostics: Record<string, unknown> | null;
  TrustedSubnets: string[];
  Interface: string;
  CaptureStats: Record<string, number> | null;
  MACs: { Mac: string; Name: string; NickName: string; LastSeen: string }[] | null;
}

export interface PeerReport {
  Name: string;
  NickName: string;
  /** 64 bits: written as a bare number, which most JavaScript parsers round. */
  UID: bigint | number;
  ShortID: number;
  Version: number;
  Connections: PeerConnectionReport[] | null;
}

export interface PeerConnectionReport {
  Name: string;
  NickName: string;
  Address: string;
  Outbound: boolean;
  Established: boolean;
}

export interface ConnectionReport {
  Address: string;
  Outbound: boolean;
  /** established, pending, failed, waiting, connecting, retrying. */
  State: string;
  Info: string;
  Attrs: Record<string, string | number | boolean> | null;
}

export interface IpamReport {
  Paxos: { Elector: boolean; KnownNodes: number; Quorum: number } | null;
  Range: string;
  RangeNumIPs: number;
  ActiveIPs: number;
  DefaultSubnet: string;
  Entries: IpamEntryReport[] | null;
  PendingClaims: { Ident: string; CIDR: { Addr: string; PrefixLen: number } }[] | null;
  PendingAllocates: string[] | null;
}

export interface IpamEntryReport {
  Token: string;
  Size: number;
  Peer: string;
  Nickname: string;
  IsKnownPeer: boolean;
  Version: number;
}

export interface DnsReport {
  Domain: string;
  Upstream: string[] | null;
  Address: string;
  TTL: number;
  Entries: DnsEntryReport[] | null;
}

export interface DnsEntryReport {
  Hostname: string;
  Origin: string;
  ContainerID: string;
  Address: string;
  Version: number;
  Tombstone: number;
}

export interface PluginReport {
  Config: { EnableV2: boolean; [key: string]: unknown };
  DriverName: string;
  MeshDriverName: string | null;
}

/** The version check of a daemon that never asks anybody. */
export const noVersionCheck: VersionCheck = {
  Enabled: false,
  Success: false,
  NewVersion: "",
  NextCheckAt: "0001-01-01T00:00:00Z",
};

/** Go's spelling of JSON: parts that are off are left out, 64-bit numbers are bare. */
export function reportJson(report: Report, indent = 4): string {
  const sections = Object.fromEntries(Object.entries(report).filter(([, value]) => value !== null));
  return toJson(sections, indent);
}
