/**
 * Talks to EC2: the SDK behind a port, instance metadata, the reconciler on the system's clock.
 *
 * @packageDocumentation
 */
import type { ReconcilerOptions } from "../options.ts";
import { createReconciler, type Reconciler } from "../reconciler.ts";
import { systemClock, systemRandom } from "./system.ts";

export type { PaceOptions } from "../backoff.ts";
export type { OwnershipUpdate, ReconcilerOptions } from "../options.ts";
export type { Preview } from "../preview.ts";
export type { Reconciler } from "../reconciler.ts";
export type { Problem, ReconcilerStatus, TableStatus } from "../status.ts";
export { createEc2Port, type Ec2Options, type SdkEc2 } from "./ec2.ts";
export { type HostIdentity, type MetadataOptions, readHostIdentity } from "./metadata.ts";
export { type Credentials, readRouteQuota } from "./quota.ts";

/** A {@link Reconciler} on the system's clock. Nothing is read or written before its first `update`. */
export function startReconciler(
  options: Omit<ReconcilerOptions, "clock" | "random"> & Partial<Pick<ReconcilerOptions, "clock" | "random">>,
): Reconciler {
  return createReconciler({ clock: systemClock, random: systemRandom, ...options });
}
