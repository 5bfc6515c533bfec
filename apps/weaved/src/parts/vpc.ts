import type { Overlay } from "@weaved/gossip-mesh";
import type { RunningMesh } from "@weaved/gossip-mesh/node";
import { createHostRunner } from "@weaved/host-links/node";
import type { Allocator } from "@weaved/ipam-ring";
import { rangesToCidrs } from "@weaved/vpc-routes";
import { createEc2Port, readHostIdentity, startReconciler } from "@weaved/vpc-routes/node";
import type { Border } from "../attachments/border.ts";
import type { Settings } from "../config/options.ts";
import type { Logger } from "../logging.ts";
import type { Metrics } from "../report/metrics.ts";

/**
 * The overlay of VPC mode, which sends nothing: the VPC's own routers carry the frames. A connection is established as soon as it
 * is confirmed (protocol notes, 15.1).
 */
export const vpcOverlay: Overlay = {
  names: "awsvpc",
  prepare(link) {
    const common = link.remoteFeatures.Overlays?.split(" ").includes("awsvpc");
    if (!common) throw new Error("no overlay in common: this peer is in VPC mode, the other one is not");
    return {
      confirm: () => link.onEstablished(),
      onControl() {},
      attributes: () => ({ name: "awsvpc" }),
      stop() {},
    };
  },
};

/** What VPC mode works on. */
export interface VpcPartOptions {
  readonly settings: Settings;
  readonly mesh: RunningMesh;
  readonly ipam: Allocator;
  readonly border: Border;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** VPC routes, kept. */
export interface VpcPart {
  /** Takes this host's routes out of the tables. */
  leave(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Keeps the VPC's route tables equal to the ring, and this host's own routes beside them. Where EC2 and the metadata service answer
 * follows the AWS tools' environment: `AWS_ENDPOINT_URL_EC2`, `AWS_EC2_METADATA_SERVICE_ENDPOINT`.
 */
export async function startVpc({ settings, mesh, ipam, border, logger, metrics }: VpcPartOptions): Promise<VpcPart> {
  const metadata = process.env.AWS_EC2_METADATA_SERVICE_ENDPOINT;
  const identity = await readHostIdentity({ ...(metadata && { endpoint: metadata.replace(/\/$/, "") }) });
  const endpoint = process.env.AWS_ENDPOINT_URL_EC2 ?? process.env.AWS_ENDPOINT_URL;
  const ec2 = await createEc2Port({ region: identity.region, ...(endpoint && { endpoint }) });
  const { eni, subnet, vpc } = identity;
  const self = { peer: mesh.name, eni, subnet, vpc };
  const reconciler = startReconciler({ ec2, self, within: [settings["ipalloc-range"]], logger, metrics });
  const hostRoutes = createHostRoutes(settings["weave-bridge"], logger);
  const update = () => {
    const ranges = ipam.ranges();
    const alive = new Set(mesh.status().peers.map(({ name }) => name));
    reconciler.update({ ranges, alive });
    hostRoutes(ranges.filter(({ peer }) => peer === mesh.name)).catch((error: Error) => logger.error(error.message));
  };
  const stop = [ipam.onRangesChanged(update), mesh.onPeerGone(update), mesh.onPeerSeen(update)];
  update();
  // The bridge answers for containers on other hosts, which lie in the same subnet but behind the router.
  await prepareBridge(settings["weave-bridge"]);
  border
    .expose({ addresses: [], masquerade: true })
    .catch((error: Error) => logger.warn(`the bridge has no address yet: ${error.message}`));
  return {
    leave: () => reconciler.close({ leave: true }),
    async close() {
      for (const undo of stop) undo();
      await reconciler.close();
      ec2.close();
    },
  };
}

async function prepareBridge(bridge: string): Promise<void> {
  const runner = createHostRunner();
  const settings = [
    `net.ipv4.conf.${bridge}.proxy_arp=1`,
    `net.ipv4.neigh.${bridge}.proxy_delay=0`,
    "net.ipv4.ip_forward=1",
  ];
  await runner.run({ argv: ["sysctl", "-q", "-w", ...settings] });
}

type Ranges = Parameters<typeof rangesToCidrs>[0];

/** Routes of this host to its own ranges, over the bridge. The result applies what is wanted now; new ones first. */
function createHostRoutes(bridge: string, logger: Logger): (ranges: Ranges) => Promise<void> {
  const runner = createHostRunner();
  let present: readonly string[] = [];
  return async (ranges) => {
    const wanted = rangesToCidrs(ranges).map(String);
    const before = present;
    present = wanted;
    for (const cidr of wanted.filter((one) => !before.includes(one))) {
      const { code, stderr } = await runner.run({
        argv: ["ip", "route", "replace", cidr, "dev", bridge, "scope", "link"],
      });
      if (code !== 0) logger.error(`cannot route ${cidr} over ${bridge}: ${stderr.trim()}`);
    }
    for (const cidr of before.filter((one) => !wanted.includes(one)))
      await runner.run({ argv: ["ip", "route", "delete", cidr, "dev", bridge] });
  };
}
