/**
 * Keeps AWS VPC route tables equal to who owns which addresses.
 *
 * This entry point is pure: ranges to routes, a budget, steps, paths, policies. `@weaved/vpc-routes/node` talks to EC2.
 *
 * @example
 * ```ts
 * import { planRoutes } from "@weaved/vpc-routes";
 * const plan = planRoutes({ ranges: [{ start: 0x0a200000, end: 0x0a280000, peer: 1 }], within: ["10.32.0.0/12"] });
 * console.log(plan.routes[0]?.destination); // 10.32.0.0/13
 * ```
 * @packageDocumentation
 */
export { VpcRoutesError, type VpcRoutesErrorCode } from "./errors.ts";
export { nativeRanges, stillNative } from "./lookup.ts";
export { type CidrProblem, findCidrProblems } from "./overlap.ts";
export { choosePath, type NatInput, needsNat, type Path, type PathInput, type PathMode } from "./path.ts";
export { type OwnedPrefix, type PlanInput, type PlannedRoute, planRoutes, type RoutePlan } from "./plan.ts";
export { iamPolicy, type PolicyDocument, type PolicyInput, partitionOf } from "./policy.ts";
export type {
  Clock,
  Ec2Port,
  Logger,
  Metrics,
  NetworkInterface,
  OwnedRange,
  PeerName,
  Random,
  Route,
  RouteTable,
} from "./ports.ts";
export { printPlan } from "./print.ts";
export {
  type AddressRange,
  type Block,
  biggestBlock,
  diffRanges,
  mergeRanges,
  type RouteUpdate,
  rangesToCidrs,
} from "./ranges.ts";
export { type Registry, readRegistry } from "./registry.ts";
export { planTable, type RouteConflict, type RouteStep, type TableInput, type TablePlan } from "./steps.ts";
export { type TablePolicy, tableOfSubnet } from "./tables.ts";
