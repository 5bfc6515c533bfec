import type { ReconcilerOptions } from "../src/options.ts";
import type { OwnedRange } from "../src/ports.ts";
import { createReconciler, type Reconciler } from "../src/reconciler.ts";
import {
  createManualClock,
  createMemoryEc2,
  type ManualClock,
  type MemoryEc2,
  type MemoryEc2Options,
} from "../src/testing/index.ts";

/** Interface of host n, whose instance is `i-<n>`. */
export const eni = (n: number): string => `eni-${String(n).padStart(8, "0")}`;
/** `10.32.0.0/24` of peer 1, `10.32.1.0/24` of peer 2. */
export const ranges: readonly OwnedRange[] = [
  { start: 0x0a200000, end: 0x0a200100, peer: 1 },
  { start: 0x0a200100, end: 0x0a200200, peer: 2 },
];

/** A VPC in memory, hosts on it, time by hand. */
export function setUp(options: Partial<MemoryEc2Options> = {}): {
  readonly clock: ManualClock;
  readonly ec2: MemoryEc2;
  start(n: number, more?: Partial<ReconcilerOptions>): Reconciler;
  /** `destination interface` of the routes to interfaces. */
  destinations(table?: string): string[];
} {
  const clock = createManualClock();
  const ec2 = createMemoryEc2({
    tables: [
      { id: "rtb-1", main: true },
      { id: "rtb-2", subnets: ["s2"] },
    ],
    ...options,
  });
  const start = (n: number, more: Partial<ReconcilerOptions> = {}) => {
    ec2.addInterface({
      id: eni(n),
      subnetId: "s1",
      vpcId: "vpc-1",
      instance: `i-${n}`,
      status: "in-use",
      sourceDestCheck: false,
    });
    const self = { peer: n, eni: eni(n), subnet: "s1", vpc: "vpc-1" };
    return createReconciler({ ec2, clock, random: () => 0.5, self, within: ["10.32.0.0/12"], ...more });
  };
  const destinations = (id = "rtb-1") =>
    ec2
      .table(id)
      .routes.filter((r) => r.eni !== undefined)
      .map((r) => `${r.destination} ${r.eni}`);
  return { clock, ec2, start, destinations };
}
