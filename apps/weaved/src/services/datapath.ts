import { formatPeerName, type PeerName } from "@weaved/gossip-mesh";
import type { RunningMesh } from "@weaved/gossip-mesh/node";
import { type Datapath, startDatapath } from "@weaved/tun-datapath/node";
import type { Settings } from "../config/options.ts";
import type { Metrics } from "../diagnostics/metrics.ts";
import type { Logger } from "../logging.ts";
import type { DatapathReport } from "./router.ts";

/** The device through which frames of the bridge reach user space; the original's is called vethwe-pcap. */
const tapName = "vethwe-tap";

/** Default MTU when the kernel forwards: what fits an internet path of 1460 bytes with VXLAN and ESP headers, as the original's. */
const kernelMtu = 1376;
/** Default MTU when only user space forwards: frames are cut there. A TAP device takes 14 bytes less than the original's 65535. */
const userspaceMtu = 65521;

/** The MTU of bridge, TAP, and containers. */
export function mtuOf(settings: Settings): number {
  if (settings.mtu > 0) return settings.mtu;
  return settings["no-fastdp"] ? userspaceMtu : kernelMtu;
}

/** Starts the switch between this host's bridge and the other peers. The bridge must be there. */
export async function startFrames(
  settings: Settings,
  name: PeerName,
  logger: Logger,
  metrics: Metrics,
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
    logger,
    metrics,
    ...(settings.host && { host: settings.host }),
  });
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
