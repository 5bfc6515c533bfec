import { type EcsTasks, ecsTasks, whyNoEcsTrunk } from "./ecs.ts";
import { type InstanceLimits, limitsOf, tableDate, vcpusOf } from "./instances.ts";

/** A figure of a type: `null` where the type cannot do it, `"unknown"` where the table does not say. */
export type Figure = number | null | "unknown";

/** Pods per EKS node by scheme. */
export interface EksPods {
  /** Secondary addresses, the VPC CNI's default: E x (I - 1) + 2. */
  readonly maxPods: number;
  /** The primary interface gives no addresses to pods: (E - 1) x (I - 1) + 2. */
  readonly customNetworking: number;
  /** A /28 in each slot: E x (I - 1) x 16 + 2. Nitro or bare metal. */
  readonly prefixDelegation: Figure;
  readonly prefixCustomNetworking: Figure;
  /** What the max-pods calculator recommends: at most 110, or 250 with more than 30 vCPUs. */
  readonly recommended: number;
  readonly recommendedPrefixDelegation: Figure;
  /** Security groups for pods: the trunk takes one interface, branches come on top. */
  readonly securityGroups: { readonly standard: number; readonly branch: number } | null | "unknown";
  /** IPv6: one /80 a node, so the kubelet's cap decides. */
  readonly ipv6: Figure;
}

/** How many tasks or pods an instance holds, with the reasons. */
export interface Density {
  readonly type: string;
  readonly asOf: string;
  readonly limits: InstanceLimits;
  readonly vcpus: number;
  readonly ecs: EcsTasks;
  readonly eks: EksPods;
  /** ECS tasks with an address of each family; `null`: no IPv6. The VPC CNI gives pods one family or the other. */
  readonly dualStack: EcsTasks | null | "unknown";
  /** The calculation, one step a line. */
  readonly explain: readonly string[];
}

/** aws-node and kube-proxy use the host's network. */
const HOST_PODS = 2;
/** Addresses in a delegated /28. */
const PREFIX = 16;

/** The VPC CNI's plain formula. */
export function maxPods(limits: InstanceLimits): number {
  return limits.enis * (limits.ipv4PerEni - 1) + HOST_PODS;
}

/** The recommended cap of pods on a node. */
export function podCap(vcpus: number): 110 | 250 {
  return vcpus <= 30 ? 110 : 250;
}

/**
 * Density of a type, by name or by limits.
 * @param vcpus - @defaultValue by the type's name
 * @throws EniPlannerError `TYPE_UNKNOWN`
 */
export function densityOf(typeOrLimits: string | InstanceLimits, vcpus?: number): Density {
  const limits = typeof typeOrLimits === "string" ? limitsOf(typeOrLimits) : typeOrLimits;
  const cpus = vcpus ?? vcpusOf(limits.type);
  const ecs = ecsTasks(limits);
  const eks = eksPods(limits, podCap(cpus));
  const explain = explainDensity(limits, cpus, ecs, eks);
  const dualStack = limits.ipv6PerEni === 0 ? null : limits.ipv6PerEni === undefined ? "unknown" : ecs;
  return { type: limits.type, asOf: tableDate, limits, vcpus: cpus, ecs, eks, dualStack, explain };
}

/** The smallest count of a group of types, as EKS managed node groups do with mixed ones. */
export function mixedMaxPods(types: readonly string[]): number {
  return Math.min(...types.map((type) => maxPods(limitsOf(type))));
}

function eksPods(limits: InstanceLimits, cap: number): EksPods {
  const slots = limits.ipv4PerEni - 1;
  const plain = maxPods(limits);
  const custom = (limits.enis - 1) * slots + HOST_PODS;
  const withPrefixes = (enis: number): Figure => prefixFigure(limits, enis * slots * PREFIX + HOST_PODS);
  const prefix = withPrefixes(limits.enis);
  return {
    maxPods: plain,
    customNetworking: custom,
    prefixDelegation: prefix,
    prefixCustomNetworking: withPrefixes(limits.enis - 1),
    recommended: Math.min(plain, cap),
    recommendedPrefixDelegation: typeof prefix === "number" ? Math.min(prefix, cap) : prefix,
    securityGroups: securityGroupsFor(limits, custom),
    ipv6: limits.ipv6PerEni === 0 ? null : limits.ipv6PerEni === undefined ? "unknown" : prefixFigure(limits, cap),
  };
}

/** Prefixes need Nitro or bare metal. */
function prefixFigure({ kind }: InstanceLimits, figure: number): Figure {
  if (kind === "unknown") return "unknown";
  return kind === "xen" ? null : figure;
}

function securityGroupsFor({ trunking, branchInterfaces }: InstanceLimits, standard: number) {
  if (trunking === false) return null;
  if (trunking === undefined || branchInterfaces === undefined) return "unknown";
  return { standard, branch: branchInterfaces };
}

function explainDensity(limits: InstanceLimits, vcpus: number, ecs: EcsTasks, eks: EksPods): string[] {
  const { type, enis, totalEnis, cards, ipv4PerEni } = limits;
  const slots = ipv4PerEni - 1;
  const lines = [
    `${type} has ${totalEnis} network interfaces with ${ipv4PerEni} IPv4 addresses each (table of ${tableDate}).`,
  ];
  if (totalEnis !== enis) {
    lines.push(
      `They are on ${cards} network cards; the VPC CNI uses the default card only: ${enis} interfaces. ECS uses all.`,
    );
  }
  lines.push(
    `ECS awsvpc: one interface is the instance's own, each task takes one: ${totalEnis} - 1 = ${ecs.plain} tasks.`,
  );
  if (ecs.trunked === null) lines.push(`ECS with trunking: not possible, ${whyNoEcsTrunk(limits)}.`);
  else if (ecs.trunked === "unknown")
    lines.push(`ECS with trunking: not known, branch interfaces of this type are not in the table of ${tableDate}.`);
  else {
    const formula = (limits.branchInterfaces ?? 0) + totalEnis - 2;
    const budget = ecs.trunked + 2;
    lines.push(
      `ECS with trunking: an interface budget of ${budget}, less the primary and the trunk: ${budget} - 2 = ${ecs.trunked} tasks` +
        (formula === ecs.trunked ? "." : ` (as published; the EKS table stops at ${formula}).`),
    );
  }
  lines.push(
    `EKS: the first address of an interface is not for pods: ${enis} x (${ipv4PerEni} - 1) + 2 on the host's network = ${eks.maxPods} pods.`,
  );
  lines.push(
    `EKS with custom networking: the primary interface is out: ${enis - 1} x ${slots} + 2 = ${eks.customNetworking} pods.`,
  );
  if (eks.prefixDelegation === null)
    lines.push(`EKS with prefixes: not possible, needs Nitro or bare metal (this is ${limits.kind}).`);
  else if (eks.prefixDelegation === "unknown")
    lines.push("EKS with prefixes: not known, the table does not say whether this type is Nitro.");
  else lines.push(`EKS with prefixes: a /28 in each slot: ${enis} x ${slots} x 16 + 2 = ${eks.prefixDelegation} pods.`);
  if (eks.securityGroups === "unknown")
    lines.push("EKS with security groups for pods: not known, the table does not say how many branches this type has.");
  else if (eks.securityGroups !== null) {
    const { standard, branch } = eks.securityGroups;
    lines.push(
      `EKS with security groups for pods: the trunk takes one interface: ${standard} standard pods, ${branch} branch pods.`,
    );
  }
  lines.push(explainDualStack(limits, eks));
  lines.push(`The recommended cap with ${vcpus} vCPUs is ${podCap(vcpus)} pods, whatever the addresses allow.`);
  return lines;
}

function explainDualStack({ ipv6PerEni }: InstanceLimits, { ipv6 }: EksPods): string {
  if (ipv6PerEni === 0) return "Dual stack: not possible, no IPv6.";
  if (ipv6PerEni === undefined) return "Dual stack: not known, the table does not say whether this type has IPv6.";
  const pods = ipv6 === "unknown" ? "an unknown number of" : (ipv6 ?? "no");
  return (
    "Dual stack: ECS tasks get an address of each family on the same interface, so as many; " +
    `EKS pods have one family: ${pods} pods with IPv6.`
  );
}
