import type { VpcRoutesErrorCode } from "./errors.ts";
import type { OwnedPrefix } from "./plan.ts";
import type { PolicyDocument } from "./policy.ts";
import type { OwnedRange } from "./ports.ts";
import type { RouteConflict, RouteStep } from "./steps.ts";

/** One managed table after a pass. */
export interface TableStatus {
  readonly id: string;
  /** Routes of everybody. */
  readonly routes: number;
  /** Routes of this cluster's members. */
  readonly ours: number;
  /** Routes of the plan that are not there yet, most of them other hosts' to create. */
  readonly missing: number;
}

/** What people should know. */
export interface Problem {
  readonly code: VpcRoutesErrorCode;
  readonly message: string;
  /** With `PERMISSION_MISSING`: the smallest policy for this host, to be attached to its role. */
  readonly policy?: PolicyDocument;
}

/** What a {@link Reconciler} knows and did. */
export interface ReconcilerStatus {
  readonly passes: number;
  readonly tables: readonly TableStatus[];
  /** Where the limit is known from: the caller, Service Quotas, or a refusal. */
  readonly limit: {
    readonly routes: number | undefined;
    readonly from: "configured" | "quota" | "learned" | "unknown";
  };
  readonly budget: number;
  /** Ranges that this host's subnet reaches through its table, as last read. */
  readonly native: readonly OwnedRange[];
  /** Ranges of others that need the overlay. */
  readonly overlay: readonly OwnedRange[];
  /** The same for IPv6. */
  readonly nativePrefixes: readonly OwnedPrefix[];
  readonly overlayPrefixes: readonly OwnedPrefix[];
  /** Steps of the last pass that took effect. */
  readonly applied: readonly RouteStep[];
  readonly conflicts: readonly RouteConflict[];
  /** Members swept in the last pass. */
  readonly swept: readonly string[];
  readonly members: number;
  readonly throttled: number;
  readonly sourceDestCheck: "off" | "on" | "unknown";
  /** What passes can do without, such as an optional permission. */
  readonly problems: readonly Problem[];
  /** The last pass changed something or could not do all: another follows soon. */
  readonly unsettled: boolean;
  /** Other hosts have still to register or to make routes of the plan: passes follow, ever more slowly. */
  readonly waiting: boolean;
  /** What stopped the last pass. */
  readonly error?: Problem;
}

/** Before the first pass. */
export function emptyStatus(): ReconcilerStatus {
  return {
    passes: 0,
    tables: [],
    limit: { routes: undefined, from: "unknown" },
    budget: 0,
    native: [],
    overlay: [],
    nativePrefixes: [],
    overlayPrefixes: [],
    applied: [],
    conflicts: [],
    swept: [],
    members: 0,
    throttled: 0,
    sourceDestCheck: "unknown",
    problems: [],
    unsettled: false,
    waiting: false,
  };
}
