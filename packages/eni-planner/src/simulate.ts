import { limitsOf } from "./instances.ts";
import type { FleetGroup } from "./plan.ts";
import { instanceNeed } from "./plan.ts";
import { warmPool } from "./warm-pool.ts";

/**
 * EC2's token buckets, per account and region: [burst, refill a second] (EC2 developer guide, "request throttling").
 * Actions not listed are mutating: 50, 5.
 */
export const ec2Buckets: Readonly<Record<string, readonly [number, number]>> = {
  AssignPrivateIpAddresses: [100, 5],
  UnassignPrivateIpAddresses: [100, 5],
  CreateNetworkInterface: [100, 5],
  DeleteNetworkInterface: [100, 5],
  ModifyNetworkInterfaceAttribute: [100, 5],
  RunInstances: [5, 2],
  TerminateInstances: [100, 5],
  mutating: [50, 5],
};

/** What to simulate: a group that starts, or ends, at once. */
export interface ScaleInput {
  readonly group: FleetGroup;
  readonly direction: "out" | "in";
  /** Instances in one RunInstances call. @defaultValue 10 */
  readonly batch?: number;
  /** From RunInstances to a node that asks for interfaces. @defaultValue 40 */
  readonly bootSeconds?: number;
  /** Other callers' share of every bucket's refill, 0 to 1. @defaultValue 0 */
  readonly othersShare?: number;
}

/** How long it takes, at best: the clients are taken to wait in line, not to waste calls on being throttled. */
export interface ScaleResult {
  /** Seconds until half, 95 %, and all tasks have their address (out) or gave it back (in). */
  readonly p50: number;
  readonly p95: number;
  readonly last: number;
  readonly tasks: number;
  readonly calls: Readonly<Record<string, number>>;
  /** Seconds that calls waited for a token, by action: the largest is the bottleneck. */
  readonly waited: Readonly<Record<string, number>>;
}

/** One call and how long it takes beyond its answer; `tasks` have their address after it. */
interface Call {
  readonly action: string;
  readonly seconds: number;
  readonly tasks: number;
}

/** Attaching an interface takes up to ten seconds until addresses work, a prefix under one (EKS best practices). */
const ATTACH_SECONDS = 10;
const ASSIGN_SECONDS = 1;
/** An address rests 30 s after its pod; the pool shrinks every 30 s (VPC CNI). */
const COOLDOWN_SECONDS = 30;
const SHRINK_SECONDS = 30;

/** Plays a scale-out, or scale-in, against EC2's buckets. Deterministic. */
export function simulateScale(input: ScaleInput): ScaleResult {
  const { group, direction, batch = 10, bootSeconds = 40, othersShare = 0 } = input;
  const buckets = createBuckets(othersShare);
  const script = direction === "out" ? startCalls(group) : stopCalls(group);
  const begin = Array.from({ length: group.count }, (_, i) => {
    if (direction === "in") return group.scheme.startsWith("eks") ? COOLDOWN_SECONDS + SHRINK_SECONDS : 0;
    return i % batch === 0 ? buckets.take("RunInstances", 0) : 0;
  });
  // Instances of a batch come with its call.
  const queue = begin.map((at, i) => ({
    at: direction === "out" ? (begin[i - (i % batch)] ?? 0) + bootSeconds : at,
    step: 0,
  }));
  const times: number[] = [];
  while (queue.length > 0) {
    const next = takeEarliest(queue);
    const call = script[next.step];
    if (call === undefined) continue;
    const done = buckets.take(call.action, next.at) + call.seconds;
    for (let i = 0; i < call.tasks; i++) times.push(done);
    queue.push({ at: done, step: next.step + 1 });
  }
  times.sort((a, b) => a - b);
  const at = (share: number) => Math.round((times[Math.max(0, Math.ceil(times.length * share) - 1)] ?? 0) * 10) / 10;
  return {
    p50: at(0.5),
    p95: at(0.95),
    last: at(1),
    tasks: times.length,
    calls: buckets.calls,
    waited: buckets.waited,
  };
}

function takeEarliest<T extends { readonly at: number }>(queue: T[]): T {
  let best = 0;
  for (let i = 1; i < queue.length; i++) if ((queue[i] as T).at < (queue[best] as T).at) best = i;
  const [taken] = queue.splice(best, 1);
  return taken as T;
}

function createBuckets(othersShare: number) {
  const state = new Map<string, { tokens: number; at: number }>();
  const calls: Record<string, number> = {};
  const waited: Record<string, number> = {};
  return {
    calls,
    waited,
    /** When the call may go; calls come in the order of their time. */
    take(action: string, at: number): number {
      const name = ec2Buckets[action] === undefined ? "mutating" : action;
      const [burst, refill] = ec2Buckets[name] as readonly [number, number];
      const rate = refill * (1 - othersShare);
      const bucket = state.get(name) ?? { tokens: burst, at: 0 };
      const from = Math.max(at, bucket.at);
      const tokens = Math.min(burst, bucket.tokens + (from - bucket.at) * rate);
      const ready = tokens >= 1 ? from : from + (1 - tokens) / rate;
      state.set(name, { tokens: Math.max(0, tokens - 1), at: ready });
      calls[action] = (calls[action] ?? 0) + 1;
      waited[action] = Math.round(((waited[action] ?? 0) + ready - at) * 10) / 10;
      return ready;
    },
  };
}

function startCalls(group: FleetGroup): Call[] {
  const { tasks } = instanceNeed(group);
  const attach: Call[] = [
    { action: "CreateNetworkInterface", seconds: 0, tasks: 0 },
    { action: "AttachNetworkInterface", seconds: ATTACH_SECONDS, tasks: 0 },
  ];
  const withTasks = (list: readonly Call[], n: number) =>
    list.map((c, i) => (i === list.length - 1 ? { ...c, tasks: n } : c));
  const repeat = (n: number, list: readonly Call[]) => Array.from({ length: n }, () => list).flat();
  if (group.scheme === "ecs") return repeat(tasks, withTasks(attach, 1));
  if (group.scheme === "ecs-trunk") {
    const branch: Call[] = [
      { action: "CreateNetworkInterface", seconds: 0, tasks: 0 },
      { action: "AssociateTrunkInterface", seconds: ASSIGN_SECONDS, tasks: 1 },
    ];
    return [...attach, ...repeat(tasks, branch)];
  }
  const pool = warmPool(limitsOf(group.type), tasks, {
    ...group.warm,
    prefixDelegation: group.scheme === "eks-prefix",
  });
  let left = tasks;
  return pool.ipsPerEni.flatMap((ips, i) => {
    const served = Math.min(left, ips);
    left -= served;
    const modify: Call = { action: "ModifyNetworkInterfaceAttribute", seconds: 0, tasks: served };
    // The first interface is there: it only gets addresses.
    return i === 0
      ? [{ action: "AssignPrivateIpAddresses", seconds: ASSIGN_SECONDS, tasks: served }]
      : [...attach, modify];
  });
}

function stopCalls(group: FleetGroup): Call[] {
  const { tasks } = instanceNeed(group);
  if (!group.scheme.startsWith("ecs")) return [{ action: "UnassignPrivateIpAddresses", seconds: 0, tasks }];
  const first = group.scheme === "ecs" ? "DetachNetworkInterface" : "DisassociateTrunkInterface";
  const one: Call[] = [
    // The VPC CNI and ECS wait about two seconds between detaching and deleting.
    { action: first, seconds: 2, tasks: 0 },
    { action: "DeleteNetworkInterface", seconds: 0, tasks: 1 },
  ];
  return Array.from({ length: tasks }, () => one).flat();
}
