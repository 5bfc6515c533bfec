import { limitsAsOf, limitsTable } from "./data/limits.ts";
import { EniPlannerError } from "./errors.ts";

/** What EC2 allows on one instance of a type. */
export interface InstanceLimits {
  readonly type: string;
  /** Interfaces on the default network card: what pod density uses. */
  readonly enis: number;
  /** Interfaces on all cards: what ECS counts, what DescribeInstanceTypes calls the maximum. */
  readonly totalEnis: number;
  readonly cards: number;
  /** IPv4 addresses of one interface, its primary one included. */
  readonly ipv4PerEni: number;
  /** 0: no IPv6. Undefined: not known; every type known to have IPv6 has as many as IPv4. */
  readonly ipv6PerEni: number | undefined;
  /** Branch interfaces as the EKS resource controller counts them. Undefined: the type is not in its table. */
  readonly branchInterfaces: number | undefined;
  /** Undefined: unknown, which the VPC CNI takes for yes. */
  readonly trunking: boolean | undefined;
  readonly kind: "nitro" | "xen" | "metal" | "unknown";
}

/** Day of the table of types. Newer types are missing: see `scripts/refresh.mjs`. */
export const tableDate: string = limitsAsOf;

/** Bounded by: types in the generated table. */
let table: Map<string, InstanceLimits> | undefined;

/** All types by name. */
export function instanceTypes(): ReadonlyMap<string, InstanceLimits> {
  table ??= parse(limitsTable);
  return table;
}

/** @throws EniPlannerError `TYPE_UNKNOWN` */
export function limitsOf(type: string): InstanceLimits {
  const limits = instanceTypes().get(type);
  if (limits !== undefined) return limits;
  const why = `instance type ${JSON.stringify(type)} is not in the table of ${tableDate}`;
  throw new EniPlannerError("TYPE_UNKNOWN", `${why}; pass its limits, or refresh the table`);
}

/**
 * Default vCPUs by the naming rule: `large` has 2, `xlarge` 4, `Nxlarge` 4N. Bare metal without a size is taken for more
 * than 30. Good for the one question asked of it: 30 or fewer?
 */
export function vcpusOf(type: string): number {
  const known = EXCEPTIONS[type];
  if (known !== undefined) return known;
  const size = type.split(".")[1] ?? "";
  const metal = /^metal-(\d+)xl$/.exec(size);
  if (metal) return 4 * Number(metal[1]);
  if (size.startsWith("metal")) return 96;
  const many = /^(\d+)xlarge$/.exec(size);
  if (many) return 4 * Number(many[1]);
  return size === "xlarge" ? 4 : size === "large" ? 2 : size === "medium" ? 1 : 2;
}

/** Sizes whose names say 32 or more vCPUs, or hide fewer (EC2 instance types page). */
const EXCEPTIONS: Readonly<Record<string, number>> = {
  "a1.metal": 16,
  "hs1.8xlarge": 16,
  "mac1.metal": 12,
  "mac2.metal": 8,
  "mac2-m2.metal": 8,
  "mac2-m2pro.metal": 12,
  "mac2-m1ultra.metal": 20,
  "mac-m4.metal": 10,
  "mac-m4pro.metal": 14,
};

function parse(text: string): Map<string, InstanceLimits> {
  const types = new Map<string, InstanceLimits>();
  const optional = (field: string | undefined) => (field === "?" ? undefined : Number(field));
  for (const line of text.trim().split("\n")) {
    const [fields = "", names = ""] = line.split(": ");
    const [enis, totalEnis, cards, ipv4, ipv6, branch, trunk, kind] = fields.split(" ");
    for (const type of names.split(" ")) {
      types.set(type, {
        type,
        enis: Number(enis),
        totalEnis: Number(totalEnis),
        cards: Number(cards),
        ipv4PerEni: Number(ipv4),
        ipv6PerEni: optional(ipv6),
        branchInterfaces: optional(branch),
        trunking: trunk === "?" ? undefined : trunk === "y",
        kind: kind as InstanceLimits["kind"],
      });
    }
  }
  return types;
}
