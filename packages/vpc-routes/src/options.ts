import type { CidrInput } from "@weaved/ip";
import type { PaceOptions } from "./backoff.ts";
import type { OwnedPrefix, PlanInput } from "./plan.ts";
import type { Clock, Ec2Port, Logger, Metrics, OwnedRange, PeerName, Random } from "./ports.ts";
import type { TablePolicy } from "./tables.ts";

/** What a {@link Reconciler} is made from. */
export interface ReconcilerOptions {
  readonly ec2: Ec2Port;
  readonly clock: Clock;
  readonly random: Random;
  /** This host: its peer name, the interface that routes lead to, that interface's subnet and VPC. */
  readonly self: { readonly peer: PeerName; readonly eni: string; readonly subnet: string; readonly vpc: string };
  /** CIDRs of the container network; no route outside is ever touched. */
  readonly within: readonly CidrInput[];
  /** Clusters of different names do not touch each other's routes. @defaultValue "default" */
  readonly cluster?: string;
  /** Region and account of this host, for the policies in problems. @defaultValue every region, every account */
  readonly place?: { readonly region?: string; readonly account?: string };
  /** @defaultValue "all" */
  readonly tables?: TablePolicy;
  /** Routes per table and family. @defaultValue read from Service Quotas, else learned from the first refusal */
  readonly limit?: number;
  /** Routes per table kept free for others. @defaultValue 0 */
  readonly headroom?: number;
  /** @defaultValue by budget: see {@link PlanInput.aggregate} */
  readonly aggregate?: PlanInput["aggregate"];
  /** @defaultValue 1.5 */
  readonly stickiness?: number;
  /** Take over black holes inside `within` that nobody registered. @defaultValue false */
  readonly adoptBlackholes?: boolean;
  /**
   * While the source/destination check is on, EC2 drops every packet of a container here. `route`: routes are made all the same,
   * as Weave Net did, for somebody may be about to switch it off. `overlay`: this host has no routes, so all encapsulate.
   * @defaultValue "route"
   */
  readonly whenChecked?: "route" | "overlay";
  /** Switch the source/destination check of our interface off when it is on. @defaultValue false */
  readonly fixSourceDestCheck?: boolean;
  /** Between passes while nothing changes: each is one DescribeRouteTables. @defaultValue 600000 */
  readonly idleMs?: number;
  /** From a change to the pass that verifies it; EC2 reads may be that old. @defaultValue 10000 */
  readonly settleMs?: number;
  /** From an update to the pass that acts on it, so that a burst of updates is one pass. @defaultValue 1000 */
  readonly debounceMs?: number;
  readonly pace?: PaceOptions;
  readonly logger?: Logger;
  readonly metrics?: Metrics;
}

/** What the ring and gossip know. */
export interface OwnershipUpdate {
  readonly ranges: readonly OwnedRange[];
  readonly prefixes?: readonly OwnedPrefix[];
  /** Peers that gossip can reach. Absent: unknown. */
  readonly alive?: ReadonlySet<PeerName>;
  /** See {@link PlanInput.traffic}. */
  readonly traffic?: ReadonlyMap<PeerName, number>;
  /** Interfaces of peers, by gossip: they count as members even where no table may be tagged. */
  readonly interfaces?: ReadonlyMap<string, PeerName>;
}
