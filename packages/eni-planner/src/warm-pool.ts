import { maxPods } from "./density.ts";
import { EniPlannerError } from "./errors.ts";
import { type InstanceLimits, limitsOf } from "./instances.ts";

/** The VPC CNI's settings; a missing one is not set. */
export interface WarmPoolSettings {
  /** Whole spare interfaces. @defaultValue 1 */
  readonly warmEniTarget?: number;
  /** Spare addresses; with `minimumIpTarget`, replaces the other two targets. */
  readonly warmIpTarget?: number;
  /** Addresses to have at least. */
  readonly minimumIpTarget?: number;
  /** Spare whole /28 prefixes, with prefix delegation. @defaultValue 1 */
  readonly warmPrefixTarget?: number;
  /** Assign /28 prefixes, not addresses. @defaultValue whether `warmPrefixTarget` is set */
  readonly prefixDelegation?: boolean;
  /** Interfaces to use at most. @defaultValue the type's limit */
  readonly maxEni?: number;
  /** The kubelet's cap. @defaultValue the type's formula */
  readonly maxPods?: number;
}

/** A node at rest with so many pods. */
export interface WarmPool {
  readonly type: string;
  readonly pods: number;
  /** Pods that have no address: the node is full, or a setting is a ceiling. */
  readonly pending: number;
  readonly mode: "addresses" | "prefixes";
  readonly enis: number;
  /** Addresses for pods, used or not. */
  readonly ips: number;
  readonly unusedIps: number;
  readonly ipsPerEni: readonly number[];
  readonly prefixes: number;
  readonly unusedPrefixes: number;
  readonly prefixesPerEni: readonly number[];
  /** What the node takes from its subnet: the interfaces' own addresses too. */
  readonly subnetAddresses: number;
  readonly warnings: readonly string[];
}

interface Node {
  readonly unit: 1 | 16;
  /** Units an interface can hold: addresses or prefixes. */
  readonly slots: number;
  readonly maxEnis: number;
  readonly maxPods: number;
  /** Units on each attached interface. */
  readonly units: number[];
}

const total = (node: Node) => node.units.reduce((a, b) => a + b, 0) * node.unit;

/**
 * Where the VPC CNI's pool comes to rest (semantics read from its code, release 1.23):
 * - an interface is filled before another is attached; the primary one is there always;
 * - with an address target, `short = max(WARM - free, MIN - total, 0)`, where a missing target counts as 0;
 * - without, interfaces are added whole while fewer than `warmEniTarget` interfaces' worth of addresses is free;
 * - with prefixes, `ceil(short / 16)` of them, at least one; or so many that `warmPrefixTarget` are untouched.
 * @throws EniPlannerError `TYPE_UNKNOWN`; `SETTING_INVALID` for a negative or fractional number, or prefixes on Xen
 */
export function warmPool(
  typeOrLimits: string | InstanceLimits,
  pods: number,
  settings: WarmPoolSettings = {},
): WarmPool {
  const limits = typeof typeOrLimits === "string" ? limitsOf(typeOrLimits) : typeOrLimits;
  check({ pods, ...settings });
  const prefixes = settings.prefixDelegation ?? settings.warmPrefixTarget !== undefined;
  if (prefixes && limits.kind === "xen") {
    throw new EniPlannerError("SETTING_INVALID", `${limits.type} is a Xen type: prefixes need Nitro or bare metal`);
  }
  const maxEnis = Math.max(1, Math.min(limits.enis, settings.maxEni ?? limits.enis));
  const slots = limits.ipv4PerEni - 1;
  const cap = settings.maxPods ?? (prefixes ? maxEnis * slots * 16 : maxPods(limits));
  const node: Node = { unit: prefixes ? 16 : 1, slots, maxEnis, maxPods: cap, units: [0] };
  const byIp = settings.warmIpTarget !== undefined || settings.minimumIpTarget !== undefined;
  let running = 0;
  // Pods wait for addresses, so growth and placement take turns until neither moves.
  for (let before = -1; before !== total(node) + running; ) {
    before = total(node) + running;
    running = Math.min(pods, total(node), cap);
    if (byIp) growByAddresses(node, running, settings);
    else if (prefixes) growByPrefixes(node, running, settings.warmPrefixTarget ?? 1);
    else growByInterfaces(node, running, settings.warmEniTarget ?? 1);
  }
  return describe(limits.type, node, { pods, running }, warnings(settings, limits, byIp, prefixes));
}

/** Adds units to the first interfaces with room, then to new ones. */
function add(node: Node, count: number): void {
  for (let left = count, i = 0; left > 0 && i < node.maxEnis; i++) {
    const has = node.units[i] ?? 0;
    const more = Math.min(left, node.slots - has);
    node.units[i] = has + more;
    left -= more;
  }
}

function growByAddresses(node: Node, used: number, settings: WarmPoolSettings): void {
  const { warmIpTarget: warm = 0, minimumIpTarget: minimum = 0 } = settings;
  const have = total(node);
  const short = Math.max(warm - (have - used), minimum - have, 0);
  // The first prefix is assigned whatever the targets are.
  const first = node.unit === 16 && have === 0 ? 1 : 0;
  add(node, Math.max(first, Math.ceil(short / node.unit)));
}

function growByPrefixes(node: Node, used: number, warm: number): void {
  const prefixes = total(node) / 16;
  const free = prefixes - Math.ceil(used / 16);
  const noneFree = warm === 0 && total(node) === used ? 1 : 0;
  const first = prefixes === 0 ? 1 : 0;
  add(node, Math.max(first, noneFree, warm - free, 0));
}

function growByInterfaces(node: Node, used: number, warm: number): void {
  // An interface is filled entirely when it is attached; the primary one is there from the start.
  if (node.units[0] === 0) add(node, node.slots);
  const free = total(node) - used;
  const low = free < node.slots * warm || (free === 0 && warm === 0);
  if (low && total(node) < node.maxPods && node.units.length < node.maxEnis) add(node, node.slots);
}

function describe(
  type: string,
  node: Node,
  { pods, running }: { readonly pods: number; readonly running: number },
  notes: readonly string[],
): WarmPool {
  const ips = total(node);
  const prefixes = node.unit === 16 ? ips / 16 : 0;
  const pending = pods - running;
  const stuck = pending > 0 ? [`${pending} pods stay pending: no address for them on this node`] : [];
  return {
    type,
    pods,
    pending,
    mode: node.unit === 16 ? "prefixes" : "addresses",
    enis: node.units.length,
    ips,
    unusedIps: ips - running,
    ipsPerEni: node.units.map((units) => units * node.unit),
    prefixes,
    unusedPrefixes: node.unit === 16 ? prefixes - Math.ceil(running / 16) : 0,
    prefixesPerEni: node.unit === 16 ? [...node.units] : [],
    subnetAddresses: node.units.length + ips,
    warnings: [...notes, ...stuck],
  };
}

function warnings(settings: WarmPoolSettings, limits: InstanceLimits, byIp: boolean, prefixes: boolean): string[] {
  const notes: string[] = [];
  const { warmIpTarget, minimumIpTarget, warmEniTarget, warmPrefixTarget } = settings;
  if (minimumIpTarget !== undefined && (warmIpTarget ?? 0) === 0) {
    notes.push("MINIMUM_IP_TARGET without WARM_IP_TARGET is a ceiling: the node gets no address beyond the minimum");
  }
  if (byIp && (warmEniTarget ?? 0) > 0) notes.push("WARM_ENI_TARGET is ignored beside an address target");
  if (byIp && (warmPrefixTarget ?? 0) > 0) notes.push("WARM_PREFIX_TARGET is ignored beside an address target");
  if (prefixes && !byIp && warmPrefixTarget === 0)
    notes.push("WARM_PREFIX_TARGET=0 is not supported: pods wait for each prefix");
  if (minimumIpTarget !== undefined && !prefixes && minimumIpTarget > limits.enis * (limits.ipv4PerEni - 1)) {
    notes.push("MINIMUM_IP_TARGET is more than the node can hold");
  }
  return notes;
}

function check(numbers: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(numbers)) {
    if (typeof value !== "number") continue;
    if (!Number.isInteger(value) || value < 0)
      throw new EniPlannerError("SETTING_INVALID", `${name} is ${value}: need 0 or more`);
  }
}
