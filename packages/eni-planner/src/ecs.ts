import type { InstanceLimits } from "./instances.ts";

/** awsvpc tasks per instance. */
export interface EcsTasks {
  readonly plain: number;
  /** With trunking; `null`: not possible, `"unknown"`: the table lacks the limit of this type. */
  readonly trunked: number | null | "unknown";
}

/** Families that EKS can trunk but ECS lists as unsupported (ECS developer guide, 2023). */
const NO_ECS_TRUNK_FAMILIES = new Set(
  (
    "c5n d3 d3en g3 g3s g4dn i3 i3en inf1 m5dn m5n m5zn mac1 r5b r5n r5dn u-6tb1 u-9tb1 u-12tb1 z1d " + "t2 t3 t3a t4g"
  ).split(" "),
);
const NO_ECS_TRUNK_TYPES = new Set(
  "a1.metal c5.metal c5a.8xlarge c5ad.8xlarge c5d.metal m5.metal p3dn.24xlarge r5.metal r5.8xlarge r5d.metal".split(
    " ",
  ),
);

/** Published figures above the formula: EKS's table stops at 120 branches, the VLAN ids of a trunk; ECS's does not. */
const PUBLISHED: Readonly<Record<string, number>> = {
  "i4i.16xlarge": 248,
  "i4i.32xlarge": 498,
  "i4i.metal": 498,
  "trn1n.32xlarge": 242,
};

/** Why ECS cannot trunk on a type, or undefined if it can, or if the table does not say. */
export function whyNoEcsTrunk(limits: InstanceLimits): string | undefined {
  if (limits.trunking === false) return "this type cannot trunk";
  const family = limits.type.split(".")[0] ?? "";
  const listed = NO_ECS_TRUNK_FAMILIES.has(family) || NO_ECS_TRUNK_TYPES.has(limits.type);
  return listed ? "ECS lists this type as unsupported for trunking" : undefined;
}

/**
 * ECS awsvpc tasks. Plain: one interface each, the primary one excepted. Trunked: ECS's budget of interfaces is the branch
 * limit plus the ordinary ones, of which the primary and the trunk are not for tasks.
 */
export function ecsTasks(limits: InstanceLimits): EcsTasks {
  const plain = limits.totalEnis - 1;
  if (whyNoEcsTrunk(limits) !== undefined) return { plain, trunked: null };
  const published = PUBLISHED[limits.type];
  if (published !== undefined) return { plain, trunked: published };
  const { branchInterfaces, totalEnis } = limits;
  return { plain, trunked: branchInterfaces === undefined ? "unknown" : branchInterfaces + totalEnis - 2 };
}
