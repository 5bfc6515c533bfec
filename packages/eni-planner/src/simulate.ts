import { checkCount, checkFleet } from "./check.ts";
import { EniPlannerError } from "./errors.ts";
import { type FleetGroup, instanceNeed, poolOf } from "./need.ts";

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

/** RunInstances has a second bucket, of instances. */
const RUN_RESOURCES = { burst: 1000, refill: 2 };

/** What to simulate: all instances of a group at once. */
export interface ScaleInput {
  readonly group: FleetGroup;
  /** `out`: from `running` to `tasksPerInstance` tasks on each instance; `in`: the other way. */
  readonly direction: "out" | "in";
  /** Tasks on each instance that is there already. @defaultValue out: the instances start too; in: 0, all tasks end */
  readonly running?: number;
  /** Instances in one RunInstances call. @defaultValue 10 */
  readonly batch?: number;
  /** From RunInstances to a node that asks for interfaces. @defaultValue 40 */
  readonly bootSeconds?: number;
  /** Other callers' share of every bucket's refill: 0, or more, and below 1. @defaultValue 0 */
  readonly othersShare?: number;
}

/** How long it takes, at best: the clients are taken to wait in line, not to waste calls on being throttled. */
export interface ScaleResult {
  /** Seconds until half, 95 %, and all tasks have their address (out) or gave it back (in). */
  readonly p50: number;
  readonly p95: number;
  readonly last: number;
  readonly tasks: number;
  /** Tasks that the warm pools served, or whose addresses they keep. */
  readonly warm: number;
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

/** What one instance does: `tasks` at once after `wait`, then calls. */
interface Script {
  readonly wait: number;
  readonly atOnce: number;
  readonly calls: readonly Call[];
}

/** Attaching an interface takes up to ten seconds until addresses work, a prefix under one (EKS best practices). */
const ATTACH_SECONDS = 10;
const ASSIGN_SECONDS = 1;
/** The pool is looked at every 5 s, shrinks every 30 s; an address rests 30 s after its pod (VPC CNI). */
const LOOP_SECONDS = 5;
const SHRINK_SECONDS = 30;
const COOLDOWN_SECONDS = 30;

const ATTACH: readonly Call[] = [
  { action: "CreateNetworkInterface", seconds: 0, tasks: 0 },
  { action: "AttachNetworkInterface", seconds: ATTACH_SECONDS, tasks: 0 },
];

/** API calls that one simulation plays at most. */
const MAX_CALLS = 5_000_000;

/** @throws EniPlannerError `SETTING_INVALID` for input that has no end, or makes no sense */
function checkInput({ group, running, batch = 10, bootSeconds = 40, othersShare = 0 }: ScaleInput): void {
  checkFleet([group], 0);
  if (running !== undefined) checkCount("running", running);
  if (!(Number.isSafeInteger(batch) && batch >= 1))
    throw new EniPlannerError("SETTING_INVALID", `batch is ${batch}; expected a whole number, 1 or more`);
  if (!(bootSeconds >= 0 && bootSeconds <= 86_400))
    throw new EniPlannerError("SETTING_INVALID", `bootSeconds is ${bootSeconds}; expected 0 to 86400`);
  if (!(othersShare >= 0 && othersShare < 1))
    throw new EniPlannerError(
      "SETTING_INVALID",
      `othersShare is ${othersShare}; expected 0 or more, and below 1: others that use every call leave none`,
    );
}

/**
 * Plays a scale-out, or scale-in, against EC2's buckets. Deterministic.
 * @throws EniPlannerError `TYPE_UNKNOWN`, `SETTING_INVALID`
 */
export function simulateScale(input: ScaleInput): ScaleResult {
  checkInput(input);
  const { group, direction, batch = 10, bootSeconds = 40, othersShare = 0 } = input;
  const buckets = createBuckets(othersShare);
  const script = direction === "out" ? growth(group, input.running ?? 0) : shrinking(group, input.running ?? 0);
  if (script.calls.length * group.count > MAX_CALLS)
    throw new EniPlannerError(
      "SETTING_INVALID",
      `this fleet makes more than ${MAX_CALLS} calls; simulate a part of it`,
    );
  const boots = direction === "out" && input.running === undefined;
  const times: number[] = [];
  /** By time; EC2's buckets want calls in the order they come. */
  const queue = createQueue();
  let runAt = 0;
  for (let i = 0; i < group.count; i++) {
    // Instances of a batch come with its call.
    if (boots && i % batch === 0) {
      const last = Math.min(i + batch, group.count);
      const started = Math.max(0, last - RUN_RESOURCES.burst) / (RUN_RESOURCES.refill * (1 - othersShare));
      runAt = Math.max(buckets.take("RunInstances", 0), started) + bootSeconds;
    }
    for (let n = 0; n < script.atOnce; n++) times.push(runAt + (direction === "in" ? COOLDOWN_SECONDS : 0));
    queue.push({ at: runAt + (boots ? 0 : script.wait), step: 0 });
  }
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    const call = script.calls[next.step];
    if (call === undefined) continue;
    const done = buckets.take(call.action, next.at) + call.seconds;
    for (let i = 0; i < call.tasks; i++) times.push(done);
    queue.push({ at: done, step: next.step + 1 });
  }
  times.sort((a, b) => a - b);
  const at = (share: number) => Math.round((times[Math.max(0, Math.ceil(times.length * share) - 1)] ?? 0) * 10) / 10;
  const { calls, waited } = buckets;
  const warm = script.atOnce * group.count;
  return { p50: at(0.5), p95: at(0.95), last: at(1), tasks: times.length, warm, calls, waited };
}

/** From `running` tasks on an instance to all. The warm pool serves what it has at once. */
function growth(group: FleetGroup, running: number): Script {
  const { tasks } = instanceNeed(group);
  const more = Math.max(0, tasks - running);
  if (group.scheme === "ecs") return { wait: 0, atOnce: 0, calls: repeat(more, withTasks(ATTACH, 1)) };
  if (group.scheme === "ecs-trunk") {
    const branch: Call[] = [
      { action: "CreateNetworkInterface", seconds: 0, tasks: 0 },
      { action: "AssociateTrunkInterface", seconds: ASSIGN_SECONDS, tasks: 1 },
    ];
    // The trunk comes with the first task's instance.
    return { wait: 0, atOnce: 0, calls: [...(running === 0 ? ATTACH : []), ...repeat(more, branch)] };
  }
  const before = running === 0 ? undefined : poolOf(group, running);
  const after = poolOf(group, tasks);
  const atOnce = Math.min(more, before?.unusedIps ?? 0);
  let left = more - atOnce;
  const calls = after.ipsPerEni.flatMap((ips, i): Call[] => {
    const had = before?.ipsPerEni[i] ?? 0;
    if (ips <= had) return [];
    const served = Math.min(left, ips - had);
    left -= served;
    // The first interface is there: it only gets addresses, as does one that has some.
    if (i === 0 || had > 0) return [{ action: "AssignPrivateIpAddresses", seconds: ASSIGN_SECONDS, tasks: served }];
    return [...ATTACH, { action: "ModifyNetworkInterfaceAttribute", seconds: 0, tasks: served }];
  });
  return { wait: LOOP_SECONDS, atOnce, calls };
}

/** From all tasks on an instance to `remaining`. Addresses that the warm pool keeps cost no call. */
function shrinking(group: FleetGroup, remaining: number): Script {
  const { tasks } = instanceNeed(group);
  const fewer = Math.max(0, tasks - remaining);
  if (group.scheme.startsWith("ecs")) {
    const action = group.scheme === "ecs" ? "DetachNetworkInterface" : "DisassociateTrunkInterface";
    return { wait: 0, atOnce: 0, calls: repeat(fewer, removal(action, 1)) };
  }
  const before = poolOf(group, tasks);
  const after = poolOf(group, Math.min(remaining, tasks));
  const given = Math.min(fewer, Math.max(0, before.ips - after.ips));
  let left = given;
  const calls = before.ipsPerEni.flatMap((ips, i): Call[] => {
    const stays = after.ipsPerEni[i] ?? 0;
    if (ips <= stays) return [];
    const back = Math.min(left, ips - stays);
    left -= back;
    if (stays > 0 || i === 0) return [{ action: "UnassignPrivateIpAddresses", seconds: 0, tasks: back }];
    return removal("DetachNetworkInterface", back);
  });
  return { wait: COOLDOWN_SECONDS + SHRINK_SECONDS, atOnce: fewer - given, calls };
}

/** The VPC CNI and ECS wait about two seconds between detaching and deleting. */
function removal(action: string, tasks: number): Call[] {
  return [
    { action, seconds: 2, tasks: 0 },
    { action: "DeleteNetworkInterface", seconds: 0, tasks },
  ];
}

function withTasks(calls: readonly Call[], tasks: number): Call[] {
  return calls.map((call, i) => (i === calls.length - 1 ? { ...call, tasks } : call));
}

function repeat(times: number, calls: readonly Call[]): Call[] {
  return Array.from({ length: times }, () => calls).flat();
}

interface Turn {
  readonly at: number;
  readonly step: number;
}

/** A binary heap: a fleet makes 100,000 calls. */
function createQueue(): { push(turn: Turn): void; pop(): Turn | undefined } {
  const heap: Turn[] = [];
  const at = (i: number) => heap[i]?.at ?? Number.POSITIVE_INFINITY;
  const swap = (i: number, j: number) => {
    [heap[i], heap[j]] = [heap[j] as Turn, heap[i] as Turn];
  };
  return {
    push(turn) {
      heap.push(turn);
      for (let i = heap.length - 1; i > 0 && at(i) < at((i - 1) >> 1); i = (i - 1) >> 1) swap(i, (i - 1) >> 1);
    },
    pop() {
      const first = heap[0];
      const last = heap.pop();
      if (last === undefined || heap.length === 0) return first;
      heap[0] = last;
      for (let i = 0; ; ) {
        const child = at(2 * i + 1) <= at(2 * i + 2) ? 2 * i + 1 : 2 * i + 2;
        if (at(child) >= at(i)) return first;
        swap(i, child);
        i = child;
      }
    },
  };
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
