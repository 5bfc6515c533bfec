import { existsSync } from "node:fs";
import { formatPeerName, type PeerName } from "@weaved/gossip-mesh";
import type { BridgeSpec } from "@weaved/host-links";
import { createHostLinks, type HostLinks } from "@weaved/host-links/node";
import { livenessPath } from "../attachments/reference.ts";
import type { Settings } from "../config/options.ts";
import type { Logger } from "../logging.ts";
import { mtuOf } from "./datapath.ts";

/** How often processes that no engine looks after are looked at, in milliseconds. */
export const sweepEveryMs = 1000;

/** Makes the bridge unless it is there, and keeps it. It stays when the daemon stops, so containers keep talking on this host. */
export async function startHost(settings: Settings, name: PeerName, logger: Logger): Promise<HostLinks> {
  const links = createHostLinks({ logger, procPath: settings["proc-path"] });
  await links.ensureBridge(bridgeOf(settings, name));
  return links;
}

/** The bridge as it is to be, addresses aside. In VPC mode the subnet lies mostly behind the VPC's router, not on the bridge. */
export function bridgeOf(settings: Settings, name: PeerName): Omit<BridgeSpec, "addresses"> {
  return {
    name: settings["weave-bridge"],
    mac: formatPeerName(name),
    mtu: mtuOf(settings),
    subnetRoute: !settings.awsvpc,
  };
}

/** Is the namespace of an attachment still there? */
export function isAlive(target: Parameters<typeof livenessPath>[0]): boolean {
  return existsSync(livenessPath(target));
}
