import { formatPeerName } from "@weaved/gossip-mesh";
import type { RunningMesh } from "@weaved/gossip-mesh/node";
import type { FirewallSpec } from "@weaved/host-links";
import { blocksOfRange, Ip } from "@weaved/ip";
import type { Allocator, OwnedRange } from "@weaved/ipam-ring";
import type { Settings } from "../config/options.ts";
import type { Logger } from "../logging.ts";
import { isLoopback } from "../values/listen-address.ts";
import { tunnelNames } from "./datapath.ts";

/** What the rules follow. */
export interface FirewallSources {
  readonly settings: Settings;
  readonly mesh: Pick<RunningMesh, "name" | "status" | "onPeerSeen" | "onPeerGone" | "onRoutesChanged">;
  readonly ipam: Pick<Allocator, "ranges" | "onRangesChanged"> | undefined;
}

/** Changes of the mesh come in bursts. Milliseconds. */
const settleMs = 1000;

/** The rules of this host, exposures and services aside. */
export function firewallOf({ settings, mesh, ipam }: FirewallSources): FirewallSpec {
  const ranges = ipam?.ranges() ?? [];
  const blocks = (of: (range: OwnedRange) => boolean) => ranges.filter(of).flatMap(cidrsOf);
  return {
    bridge: settings["weave-bridge"],
    engineBridges: [settings["docker-bridge"] || "docker0"],
    // TCP and UDP of the mesh, and the port above for the data path, as in Weave Net.
    guardedPorts: [settings.port, settings.port + 1],
    loopbackPorts: loopbackPorts(settings),
    keepSource: settings["no-masq-local"] ? blocks(({ peer }) => peer === mesh.name) : [],
    antiSpoofing: {
      mode: settings["anti-spoof"],
      reserved: {
        addresses: [...blocks(({ peer }) => peer !== mesh.name), ...peerAddresses(mesh)],
        macs: peerMacs(mesh),
      },
      tunnels: tunnelNames(settings),
    },
    ...(settings["no-dns"] ? {} : { dnsPort: portOf(settings["dns-listen-address"]) }),
  };
}

/** Puts the rules in place again when ranges or peers change. Returns how to stop. */
export function followFirewall(sources: FirewallSources, refresh: () => Promise<void>, logger: Logger): () => void {
  let last = JSON.stringify(firewallOf(sources));
  let timer: NodeJS.Timeout | undefined;
  const look = () => {
    timer = undefined;
    const now = JSON.stringify(firewallOf(sources));
    if (now === last) return;
    last = now;
    refresh().catch((error: Error) => {
      // Looked at again with the next change, and by the repair of host-links.
      last = "";
      logger.error(`cannot put the firewall rules in place: ${error.message}`);
    });
  };
  const changed = () => {
    timer ??= setTimeout(look, settleMs).unref();
  };
  const { mesh, ipam } = sources;
  const stop = [mesh.onPeerSeen(changed), mesh.onPeerGone(changed), mesh.onRoutesChanged(changed)];
  if (ipam) stop.push(ipam.onRangesChanged(changed));
  return () => {
    clearTimeout(timer);
    for (const undo of stop) undo();
  };
}

/** Ports of the control interface that must not be reached from elsewhere. */
function loopbackPorts(settings: Settings): number[] {
  const addresses = [settings["http-addr"], settings["status-addr"], settings["metrics-addr"]];
  const ports = addresses.filter((address) => isLoopback(address) && !address.startsWith("/")).map(portOf);
  return [...new Set(ports)];
}

function portOf(address: string): number {
  return Number(/:(\d+)$/.exec(address)?.[1] ?? 53);
}

function cidrsOf({ start, end }: OwnedRange): string[] {
  return blocksOfRange(Ip.v4(start), Ip.v4(end - 1)).map(String);
}

/** Addresses of hosts that we have a link with. What a member says about links of others is not believed here. */
function peerAddresses(mesh: FirewallSources["mesh"]): string[] {
  const hosts = mesh
    .status()
    .connections.filter(({ state }) => state === "established")
    .map(({ address }) => Ip.tryParse(address.replace(/:\d+$/, "").replace(/^\[(.*)\]$/, "$1"))?.toString());
  return [...new Set(hosts.flatMap((host) => host ?? []))].sort();
}

/** The bridge of a peer has the peer's name as its MAC, here as in Weave Net. */
function peerMacs(mesh: FirewallSources["mesh"]): string[] {
  const others = mesh.status().peers.filter(({ name }) => name !== mesh.name);
  return others.map(({ name }) => formatPeerName(name)).sort();
}
