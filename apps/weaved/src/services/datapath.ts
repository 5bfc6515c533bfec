import { formatPeerName, type PeerName } from "@weaved/gossip-mesh";
import type { RunningMesh } from "@weaved/gossip-mesh/node";
import type { PlaintextPolicy } from "@weaved/tun-datapath";
import { type Datapath, removeKernelPaths, startDatapath } from "@weaved/tun-datapath/node";
import type { Settings } from "../config/options.ts";
import type { Metrics } from "../diagnostics/metrics.ts";
import type { Logger } from "../logging.ts";
import type { DatapathReport } from "./router.ts";

/** The device through which frames of the bridge reach user space; the original's is called vethwe-pcap. */
const tapName = "vethwe-tap";

/** Bridge ports that lead to other hosts. */
export function tunnelNames(settings: Settings): string[] {
  return [tapName, `vx-${settings["weave-bridge"]}`.slice(0, 15)];
}

/** Default MTU when the kernel forwards: what fits an internet path of 1460 bytes with VXLAN and ESP headers, as the original's. */
const kernelMtu = 1376;
/** Default MTU when only user space forwards: frames are cut there. A TAP device takes 14 bytes less than the original's 65535. */
const userspaceMtu = 65521;

/** The MTU of bridge, TAP, and containers. */
export function mtuOf(settings: Settings): number {
  if (settings.mtu > 0) return settings.mtu;
  return settings["no-fastdp"] ? userspaceMtu : kernelMtu;
}

/** Where frames may travel unencrypted: everywhere without a password, else at most between peers that trust their subnet. */
function plaintextPolicy(settings: Settings, isProtected: boolean): PlaintextPolicy {
  if (!isProtected) return "allowed";
  return settings["trusted-subnets"] === "" ? "never" : "trusted";
}

/** What the data path is started with besides the settings. */
interface DatapathContext {
  readonly name: PeerName;
  /** Whether the network has a password. */
  readonly isProtected: boolean;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** Starts the switch between this host's bridge and the other peers. The bridge must be there. */
export async function startFrames(
  settings: Settings,
  { name, isProtected, logger, metrics }: DatapathContext,
): Promise<Datapath> {
  const overlays = (["vxlan", "sleeve-gso", "sleeve"] as const).filter(
    (overlay) => !(overlay === "vxlan" && settings["no-fastdp"]) && !(overlay === "sleeve-gso" && settings["no-gso"]),
  );
  return startDatapath({
    name,
    port: settings.port,
    device: { kind: "tap", name: tapName, bridge: settings["weave-bridge"] },
    overlays,
    mtu: mtuOf(settings),
    ownedOnly: settings.awsvpc,
    plaintext: plaintextPolicy(settings, isProtected),
    logger,
    metrics,
    ...(settings.host && { host: settings.host }),
  });
}

/**
 * Gives up the data path in VPC mode, where routes carry frames without it. Nothing that an earlier life left in the kernel goes on
 * forwarding. Rejects with the cause if that cannot be ensured.
 */
export async function doWithoutFrames(settings: Settings, cause: Error): Promise<undefined> {
  await removeKernelPaths({ bridge: settings["weave-bridge"], port: settings.port }).catch(() => {
    throw cause;
  });
  return undefined;
}

/** Keeps the data path's tables equal to what the mesh knows. */
export function followMesh(datapath: Datapath, mesh: RunningMesh): () => void {
  const push = () => datapath.setRoutes(mesh.routes());
  const stop = [mesh.onRoutesChanged(push), mesh.onPeerGone((peer) => datapath.forgetPeer(peer.name))];
  push();
  return () => {
    for (const undo of stop) undo();
  };
}

/** The data path as the report shows it. */
export function framesReport(datapath: Datapath): DatapathReport {
  const { links, macs, counters } = datapath.status();
  return {
    interface: `${tapName} (via tap)`,
    macs: macs.map(({ mac, peer, lastSeen }) => ({ mac, peer, lastSeen: new Date(lastSeen) })),
    counters,
    diagnostics: { links: links.map((link) => ({ ...link, peer: formatPeerName(link.peer) })) },
  };
}
