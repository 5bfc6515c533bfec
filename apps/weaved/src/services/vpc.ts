import { networkInterfaces } from "node:os";
import type { RunningMesh } from "@weaved/gossip-mesh/node";
import type { HostLinks } from "@weaved/host-links/node";
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
  readonly links: Pick<HostLinks, "setBridgeRoutes" | "prepareRouting">;
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
  const { settings, links, mesh, ipam, exposures, datapath, logger, metrics } = options;
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
  const bridge = settings["weave-bridge"];
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
    links
      .setBridgeRoutes(bridge, rangesToCidrs(onBridge).map(String))
      .catch((error: Error) => logger.error(error.message));
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
  await links.prepareRouting({ bridge, ...uplinkOf(identity.mac) });
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

/** The interface that has the MAC of this instance's network interface. */
function uplinkOf(mac: string): { readonly uplink?: string } {
  const uplink = Object.entries(networkInterfaces()).find(([, all]) => all?.some((one) => one.mac === mac))?.[0];
  return uplink === undefined ? {} : { uplink };
}
