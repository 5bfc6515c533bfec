import { networkInterfaces } from "node:os";
import type { RunningMesh } from "@weaved/gossip-mesh/node";
import { createHostRunner } from "@weaved/host-links/node";
import { subtractRanges } from "@weaved/ip";
import type { Allocator } from "@weaved/ipam-ring";
import type { Datapath } from "@weaved/tun-datapath/node";
import { rangesToCidrs, stillNative } from "@weaved/vpc-routes";
import { createEc2Port, readHostIdentity, startReconciler } from "@weaved/vpc-routes/node";
import type { Exposures } from "../attachments/exposures.ts";
import type { Settings } from "../config/options.ts";
import type { Metrics } from "../diagnostics/metrics.ts";
import type { Logger } from "../logging.ts";

/** What VPC mode works on. */
export interface VpcServiceOptions {
  readonly settings: Settings;
  readonly mesh: RunningMesh;
  readonly ipam: Allocator;
  readonly exposures: Exposures;
  /** Carries what has no route in the tables. Absent: nothing does, as in the original's mode. */
  readonly datapath: Datapath | undefined;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** VPC routes, kept. */
export interface VpcService {
  /** How an address of another host is reached from here, in words. */
  wayTo(address: number): { readonly native: boolean; readonly text: string };
  /** Takes this host's routes out of the tables. */
  leave(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Keeps the VPC's route tables equal to the ring, and this host's own routes beside them. What has no room in the tables goes by the
 * data path. Where EC2 and the metadata service answer follows the AWS tools' environment: `AWS_ENDPOINT_URL_EC2`,
 * `AWS_EC2_METADATA_SERVICE_ENDPOINT`.
 */
export async function startVpc(options: VpcServiceOptions): Promise<VpcService> {
  const { settings, mesh, ipam, exposures, datapath, logger, metrics } = options;
  const identity = await readHostIdentity();
  const endpoint = process.env.AWS_ENDPOINT_URL_EC2 ?? process.env.AWS_ENDPOINT_URL;
  const { eni, subnet, vpc, region, account } = identity;
  const ec2 = await createEc2Port({ region, ...(endpoint && { endpoint }) });
  const reconciler = startReconciler({
    ec2,
    self: { peer: mesh.name, eni, subnet, vpc },
    within: [settings["ipalloc-range"]],
    place: { region, account },
    whenChecked: datapath ? "overlay" : "route",
    ...(settings["awsvpc-routes"] > 0 && { limit: settings["awsvpc-routes"] }),
    logger,
    metrics,
  });
  const hostRoutes = createHostRoutes(settings["weave-bridge"], logger);
  /**
   * What the VPC was not seen to carry. Every range starts here, and returns here when it changes hands; while EC2 does not
   * answer, ranges that were seen to be native stay so, and none is added.
   */
  const carried = () => {
    const others = ipam.ranges().filter(({ peer }) => peer !== mesh.name);
    return subtractRanges(others, stillNative(reconciler.status().native, others));
  };
  // Ranges with a route over the bridge are asked for there; for all others the bridge answers, and the VPC forwards.
  const follow = () => {
    const own = ipam.ranges().filter(({ peer }) => peer === mesh.name);
    const onBridge = [...own, ...(datapath ? carried() : [])].sort((a, b) => a.start - b.start);
    datapath?.setAddressOwners(onBridge);
    hostRoutes(onBridge).catch((error: Error) => logger.error(error.message));
  };
  const update = () => {
    const alive = new Set(mesh.status().peers.map(({ name }) => name));
    reconciler.update({ ranges: ipam.ranges(), alive });
    follow();
  };
  const stop = [
    ipam.onRangesChanged(update),
    mesh.onPeerGone(update),
    mesh.onPeerSeen(update),
    reconciler.onChange(follow),
  ];
  update();
  await prepareHost(settings["weave-bridge"], identity.mac);
  exposures
    .expose({ addresses: [], masquerade: true })
    .catch((error: Error) => logger.warn(`the bridge has no address yet: ${error.message}`));
  return {
    wayTo(address) {
      const { error, problems, passes } = reconciler.status();
      const byOverlay = carried().some(({ start, end }) => address >= start && address < end);
      if (!byOverlay) return { native: true, text: "natively: this host's VPC route table leads to the owner" };
      const trouble = error ?? problems[0];
      const reason = trouble?.message ?? (passes === 0 ? "the route tables have not been read yet" : undefined);
      const how = datapath ? "by the overlay" : "nowhere, without a data path";
      return { native: false, text: `${how}: ${reason ?? "this host's VPC route table has no route to it"}` };
    },
    leave: () => reconciler.close({ leave: true }),
    async close() {
      for (const undo of stop) undo();
      await reconciler.close();
      ec2.close();
    },
  };
}

/**
 * The bridge answers for containers on other hosts, which lie in the same subnet but behind the router. A packet may come by the VPC
 * whose answer goes by the overlay, so the uplink must not insist on one way for both.
 */
async function prepareHost(bridge: string, mac: string): Promise<void> {
  const runner = createHostRunner();
  const settings = [
    `net.ipv4.conf.${bridge}.proxy_arp=1`,
    `net.ipv4.neigh.${bridge}.proxy_delay=0`,
    "net.ipv4.ip_forward=1",
  ];
  const uplink = Object.entries(networkInterfaces()).find(([, all]) => all?.some((one) => one.mac === mac))?.[0];
  if (uplink !== undefined) settings.push(`net.ipv4.conf.${uplink}.rp_filter=2`);
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
