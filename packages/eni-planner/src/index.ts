/**
 * How many tasks or pods an AWS instance, subnet, fleet can hold.
 *
 * @example
 * ```ts
 * import { densityOf } from "@weaved/eni-planner";
 * const { ecs, eks } = densityOf("c5.large");
 * console.log(ecs.plain, ecs.trunked, eks.maxPods); // 2 10 29
 * ```
 * @packageDocumentation
 */
export { type Density, densityOf, type EksPods, type Figure, maxPods, mixedMaxPods } from "./density.ts";
export { type EcsTasks, ecsTasks } from "./ecs.ts";
export { EniPlannerError, type EniPlannerErrorCode } from "./errors.ts";
export { expectedCleanPrefixes, type Fragmentation, measureFragmentation } from "./fragmentation.ts";
export { type InstanceLimits, instanceTypes, limitsOf, tableDate } from "./instances.ts";
export {
  type CheapestInput,
  type CheapType,
  cheapestTypes,
  type FleetGroup,
  type InstanceNeed,
  type Scheme,
} from "./need.ts";
export type { LeftOut } from "./placement.ts";
export {
  type AddressPlan,
  type PlanInput,
  planAddresses,
  type SubnetForecast,
  withSecondaryRange,
  type ZoneForecast,
} from "./plan.ts";
export { printPlan } from "./print.ts";
export type { PlanSubnet } from "./room.ts";
export {
  fleetOf,
  reportVpc,
  runningIn,
  type SavedVpc,
  type SubnetReport,
  type SubnetRole,
  subnetsOf,
} from "./saved-vpc.ts";
export { type ScaleInput, type ScaleResult, simulateScale } from "./simulate.ts";
export { type SecondaryRange, secondaryRange, usableAddresses, usablePrefixes } from "./subnet.ts";
export { subnetChart } from "./svg.ts";
export { type WarmPool, type WarmPoolSettings, warmPool } from "./warm-pool.ts";
