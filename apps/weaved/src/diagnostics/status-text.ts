import { printableFields } from "../values/printable.ts";
import type {
  ConnectionReport,
  DnsReport,
  IpamReport,
  PeerReport,
  Report,
  RouterReport,
  VersionCheck,
} from "./report.ts";

/**
 * The texts of `weave status` and its sub-reports. Scripts parse them, so every blank is the original's
 * (docs/protocol/control.md#18.1 and docs/protocol/control.md#18.2; golden vectors in http-api.json).
 */

/** Sub-reports by the name that follows `/status/`. */
export const subReports: Readonly<Record<string, (report: Report) => string>> = {
  targets: (report) => targetsText(printableFields(report)),
  connections: (report) => connectionsText(printableFields(report)),
  peers: (report) => peersText(printableFields(report)),
  dns: (report) => dnsText(printableFields(report)),
  ipam: (report) => ipamText(printableFields(report)),
};

/** The text of `GET /status`: one block per service, labels right-aligned so that the colon is in column 16. */
export function statusText(given: Report): string {
  // Nicknames and host names are chosen by others: none may forge a line.
  const report = printableFields(given);
  const blocks = [line("Version", `${report.Version} (${versionCheckText(report.VersionCheck)})`)];
  if (report.Router) blocks.push(routerBlock(report.Router));
  if (report.IPAM) blocks.push(ipamBlock(report.IPAM));
  if (report.DNS) blocks.push(dnsBlock(report.DNS));
  if (report.Proxy) blocks.push(line("Service", "proxy") + line("Address", listText(report.Proxy.Addresses)));
  if (report.Plugin) {
    const { Config, DriverName } = report.Plugin;
    blocks.push(
      Config.EnableV2
        ? line("Service", "plugin (v2)")
        : line("Service", "plugin (legacy)") + line("DriverName", DriverName),
    );
  }
  return blocks.join("\n");
}

function line(label: string, value: string | number): string {
  return `${label.padStart(15)}: ${value}\n`;
}

function listText(list: readonly string[] | null): string {
  return list && list.length > 0 ? list.join(", ") : "none";
}

function versionCheckText(check: VersionCheck): string {
  if (!check.Enabled) return "version check update disabled";
  const next = `next check at ${check.NextCheckAt.slice(0, 19).replaceAll("-", "/").replace("T", " ")}`;
  if (!check.Success) return `failed to check latest version - see logs; ${next}`;
  if (check.NewVersion !== "") return `version ${check.NewVersion} available - please upgrade!`;
  return `up to date; ${next}`;
}

function routerBlock(router: RouterReport): string {
  const { ProtocolMinVersion: min, ProtocolMaxVersion: max } = router;
  const connections = countsText(
    countBy(router.Connections ?? [], (connection) => connection.State),
    connectionStates,
  );
  const ends = (router.Peers ?? []).flatMap((peer) => peer.Connections ?? []);
  const links = countsText(
    countBy(ends, (end) => (end.Established ? "established" : "pending")),
    ["established", "pending"],
  );
  return [
    line("Service", "router"),
    line("Protocol", `${router.Protocol} ${min === max ? max : `${min}..${max}`}`),
    line("Name", `${router.Name}(${router.NickName})`),
    line("Encryption", router.Encryption ? "enabled" : "disabled"),
    line("PeerDiscovery", router.PeerDiscovery ? "enabled" : "disabled"),
    line("Targets", (router.Targets ?? []).length),
    line("Connections", `${(router.Connections ?? []).length}${connections && ` (${connections})`}`),
    line("Peers", `${(router.Peers ?? []).length}${links && ` (with ${links} connections)`}`),
    line("TrustedSubnets", listText(router.TrustedSubnets)),
  ].join("");
}

const connectionStates = ["established", "pending", "retrying", "failed", "connecting"];

function countBy<T>(items: readonly T[], key: (item: T) => string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const item of items) counts.set(key(item), (counts.get(key(item)) ?? 0) + 1);
  return counts;
}

/** States outside the list are not printed: so does the original, and scripts add up what they see. */
function countsText(counts: ReadonlyMap<string, number>, order: readonly string[]): string {
  return order
    .filter((state) => counts.has(state))
    .map((state) => `${counts.get(state)} ${state}`)
    .join(", ");
}

function ipamBlock(ipam: IpamReport): string {
  return [
    line("Service", "ipam"),
    line("Status", ipamStatusText(ipam)),
    line("Range", ipam.Range),
    line("DefaultSubnet", ipam.DefaultSubnet),
  ].join("");
}

/** State of address allocation in the words of the original: `ready`, `priming`, `awaiting consensus (...)`. */
export function ipamStatusText(ipam: IpamReport): string {
  const entries = ipam.Entries ?? [];
  if (entries.length > 0) {
    if (!entries.some((entry) => entry.Size > 0 && entry.IsKnownPeer)) {
      return "all IP ranges owned by unreachable peers - use 'rmpeer' if they are dead";
    }
    return (ipam.PendingAllocates ?? []).length > 0 ? "waiting for IP(s) to become available" : "ready";
  }
  if (!ipam.Paxos) return "idle";
  if (!ipam.Paxos.Elector) return "priming";
  return `awaiting consensus (quorum: ${ipam.Paxos.Quorum}, known: ${ipam.Paxos.KnownNodes})`;
}

function dnsBlock(dns: DnsReport): string {
  return [
    line("Service", "dns"),
    line("Domain", dns.Domain),
    line("Upstream", listText(dns.Upstream)),
    line("TTL", dns.TTL),
    line("Entries", (dns.Entries ?? []).filter((entry) => entry.Tombstone === 0).length),
  ].join("");
}

function targetsText(report: Report): string {
  return (report.Router?.Targets ?? []).map((target) => `${target}\n`).join("");
}

function connectionsText(report: Report): string {
  return (report.Router?.Connections ?? []).map((connection) => `${connectionText(connection)}\n`).join("");
}

function connectionText({ Outbound, Address, State, Info, Attrs }: ConnectionReport): string {
  // Attributes follow each other without a separator: the original's template does so, and its readers expect it.
  const attributes = Object.entries(Attrs ?? {})
    .filter(([key]) => key !== "name")
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${key}=${value}`)
    .join("");
  return `${Outbound ? "->" : "<-"} ${Address.padEnd(21)} ${State.padEnd(11)} ${Info} ${attributes}`;
}

function peersText(report: Report): string {
  return (report.Router?.Peers ?? []).map(peerText).join("");
}

function peerText(peer: PeerReport): string {
  const links = (peer.Connections ?? []).map(({ Outbound, Address, Name, NickName, Established }) => {
    const remote = `${Name}(${NickName})`.padEnd(37);
    return `   ${Outbound ? "->" : "<-"} ${Address.padEnd(21)} ${remote} ${Established ? "established" : "pending"}\n`;
  });
  return `${peer.Name}(${peer.NickName})\n${links.join("")}`;
}

function dnsText(report: Report): string {
  if (!report.DNS) return "";
  const suffix = `.${report.DNS.Domain}`;
  return (report.DNS.Entries ?? [])
    .filter((entry) => entry.Tombstone === 0)
    .map(({ Hostname, Address, ContainerID, Origin }) => {
      const short = Hostname.endsWith(suffix) ? Hostname.slice(0, -suffix.length) : Hostname;
      return `${short.padEnd(12)} ${Address.padEnd(15)} ${ContainerID.slice(0, 12).padStart(12)} ${Origin}\n`;
    })
    .join("");
}

function ipamText(report: Report): string {
  if (!report.IPAM) return "";
  const ipam = report.IPAM;
  const peers = new Map<string, { nickname: string; reachable: boolean; addresses: number }>();
  for (const { Peer, Nickname, IsKnownPeer, Size } of ipam.Entries ?? []) {
    const known = peers.get(Peer);
    if (known) known.addresses += Size;
    else peers.set(Peer, { nickname: Nickname, reachable: IsKnownPeer, addresses: Size });
  }
  const rows: string[] = [];
  for (const [name, { nickname, reachable, addresses }] of peers) {
    const ours = name === report.Router?.Name;
    const remark = ours ? `(${ipam.ActiveIPs} active)` : reachable ? "" : "- unreachable!";
    const share = ((addresses * 100) / ipam.RangeNumIPs).toFixed(1).padStart(4, "0");
    const text = `${`${name}(${nickname})`.padEnd(37)} ${String(addresses).padStart(8)} IPs (${share}% of total) ${remark}\n`;
    if (ours) rows.unshift(text);
    else rows.push(text);
  }
  return rows.join("");
}
