import { formatPeerName, type PeerName } from "@weaved/gossip-mesh";
import type { RunningMesh } from "@weaved/gossip-mesh/node";
import type { HostLinks } from "@weaved/host-links/node";
import type { Allocator } from "@weaved/ipam-ring";
import type { Datapath, LinkStatus } from "@weaved/tun-datapath/node";
import type { LinkRow, Overview } from "../diagnostics/overview.ts";
import type { Report } from "../diagnostics/report.ts";
import { ipamStatusText } from "../diagnostics/status-text.ts";
import type { DiagnosticsPort } from "../http/ports.ts";
import type { NamesService } from "./names.ts";
import type { VpcService } from "./vpc.ts";

/** What an overview looks at. */
export interface DiagnosticsOptions {
  readonly mesh: RunningMesh;
  readonly datapath: Datapath | undefined;
  readonly ipam: Allocator | undefined;
  readonly dns: NamesService | undefined;
  readonly vpc: Pick<VpcService, "wayTo"> | undefined;
  readonly report: () => Report;
  readonly attachmentCount: () => number;
  readonly settings: unknown;
  readonly links: Pick<HostLinks, "firewallStatus">;
}

/** The state of this peer in words: overview, links, and which way a packet would take. */
export function createDiagnostics(options: DiagnosticsOptions): DiagnosticsPort {
  return {
    overview: async () => overviewOf(options),
    explain: async (from, to) => explain(options, from, to),
    settings: () => options.settings,
    firewall: () => options.links.firewallStatus(),
  };
}

function overviewOf({ mesh, datapath, ipam, dns, report, attachmentCount }: DiagnosticsOptions): Overview {
  const status = mesh.status();
  const now = report();
  const links = new Map((datapath?.status().links ?? []).map((link) => [link.peer, link]));
  return {
    ready: now.Ready,
    version: now.Version,
    name: formatPeerName(status.name),
    nickname: status.nickname,
    encrypted: status.encrypted,
    peers: status.peers.length,
    attachments: attachmentCount(),
    links: status.connections.map((connection) => linkRow(connection, mesh, links)),
    reasons: reasonsOf(status, ipam),
    ...(ipam && { addresses: addressesOf(now, status.name) }),
    ...(dns && {
      names: { domain: dns.names.domain, live: dns.names.entries().filter(({ tombstone }) => tombstone === 0).length },
    }),
  };
}

function addressesOf(report: Report, self: PeerName): NonNullable<Overview["addresses"]> {
  const ipam = report.IPAM!;
  const own = (ipam.Entries ?? [])
    .filter(({ Peer }) => Peer === formatPeerName(self))
    .reduce((sum, { Size }) => sum + Size, 0);
  return {
    range: ipam.Range,
    status: ipamStatusText(ipam),
    used: ipam.ActiveIPs,
    ownPercent: (own * 100) / ipam.RangeNumIPs,
  };
}

type Connection = ReturnType<RunningMesh["status"]>["connections"][number];

function linkRow(connection: Connection, mesh: RunningMesh, links: ReadonlyMap<PeerName, LinkStatus>): LinkRow {
  const { address, state, peer, info } = connection;
  const link = peer === undefined ? undefined : links.get(peer);
  return {
    peer: peer === undefined ? "" : formatPeerName(peer),
    nickname: (peer !== undefined && mesh.nicknameOf(peer)) || "?",
    address,
    state,
    mode: link?.overlay ?? "none",
    reason: link?.reason ?? info,
    encrypted: link?.encrypted ?? connection.encrypted ?? false,
    ...(link && { mtu: link.mtu, lossPercent: link.loss * 100 }),
    ...(link?.rttMs !== undefined && { rttMs: link.rttMs }),
  };
}

function reasonsOf(status: ReturnType<RunningMesh["status"]>, ipam: Allocator | undefined): Overview["reasons"] {
  const links = status.connections.flatMap(({ address, error }) =>
    error ? [{ code: error.code, text: `${address}: ${error.reason}` }] : [],
  );
  const waits = (ipam?.explain() ?? []).flatMap(({ reason, text, kind, ident }) =>
    reason ? [{ code: reason.code, text: `${kind} for ${ident}: ${text}` }] : [],
  );
  const conflicts = (ipam?.status().conflicts ?? []).map(({ code, message }) => ({ code, text: message }));
  return [...links, ...waits, ...conflicts];
}

/** Follows a packet from one address or name to another, as far as this peer can see. */
function explain(options: DiagnosticsOptions, from: string, to: string): { code: string; steps: string[] } {
  const source = addressOf(options, from);
  const target = addressOf(options, to);
  const steps = [
    `from ${from}${source && source !== from ? ` (${source})` : ""} to ${to}${target && target !== to ? ` (${target})` : ""}`,
  ];
  if (target === undefined)
    return { code: "UNKNOWN_NAME", steps: [...steps, `no address is known for ${to}: see weave status dns`] };
  if (!options.ipam)
    return {
      code: "NO_OWNER",
      steps: [...steps, "addresses are not allocated here, so frames are flooded until the other end answers"],
    };
  const owner = ownerOf(options.ipam, target);
  if (owner === undefined)
    return {
      code: "OUTSIDE",
      steps: [
        ...steps,
        `${target} is outside the range ${options.ipam.status().report.Range}: it leaves by the host, if exposed`,
      ],
    };
  const { mesh } = options;
  const name = `${formatPeerName(owner)}(${mesh.nicknameOf(owner) ?? "?"})`;
  if (owner === mesh.name)
    return { code: "LOCAL", steps: [...steps, `${target} belongs to this peer: it stays on the bridge`] };
  steps.push(`${target} belongs to ${name}`);
  const way = options.vpc?.wayTo(numberOf(target));
  if (way) steps.push(way.text);
  if (way?.native) return { code: "OK", steps };
  const hop = mesh.routes().unicast.get(owner);
  if (hop === undefined)
    return { code: "UNREACHABLE", steps: [...steps, `${name} cannot be reached: no established link leads there`] };
  if (hop !== owner) steps.push(`relayed by ${formatPeerName(hop)}(${mesh.nicknameOf(hop) ?? "?"}), the next hop`);
  const link = options.datapath?.status().links.find(({ peer }) => peer === hop);
  if (!link) return { code: "NO_LINK", steps: [...steps, "the next hop has no data path"] };
  const seal = link.encrypted ? "sealed" : "in clear";
  return {
    code: "OK",
    steps: [...steps, `over ${link.overlay} to ${link.remote}, ${seal}, MTU ${link.mtu} (${link.reason})`],
  };
}

function addressOf({ dns }: DiagnosticsOptions, what: string): string | undefined {
  if (/^\d+\.\d+\.\d+\.\d+$/.test(what)) return what;
  const full = what.endsWith(".") ? what : `${what}.${what.includes(".") ? "" : (dns?.names.domain ?? "")}`;
  return dns?.names.lookup(full)[0]?.toString();
}

function ownerOf(ipam: Allocator, address: string): PeerName | undefined {
  const number = numberOf(address);
  return ipam.ranges().find(({ start, end }) => number >= start && number < end)?.peer;
}

function numberOf(address: string): number {
  return address.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
}
