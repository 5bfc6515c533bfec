import type { Cidr } from "@weaved/ip";
import type { RouteTable } from "./ports.ts";
import type { Registry } from "./registry.ts";
import { countRoutes, isOurs } from "./routes.ts";

/**
 * Which tables get the routes.
 * - `own`: only the one this host's subnet uses, as the original does; enough while all members share it.
 * - `all`: every table that a subnet of the VPC can use: the main one and all with an association.
 * - a list of table ids.
 */
export type TablePolicy = "own" | "all" | readonly string[];

/** The table a subnet uses: the one associated with it, else the main one. */
export function tableOfSubnet(tables: readonly RouteTable[], subnet: string): RouteTable | undefined {
  return tables.find((table) => table.subnets.includes(subnet)) ?? tables.find((table) => table.main);
}

/** The tables a policy names, in a stable order. */
export function chooseTables(tables: readonly RouteTable[], policy: TablePolicy, subnet: string): RouteTable[] {
  const own = tableOfSubnet(tables, subnet);
  const chosen = tables.filter((table) => {
    if (policy === "own") return table === own;
    if (policy === "all") return table.main || table.subnets.length > 0;
    return policy.includes(table.id);
  });
  return chosen.sort((a, b) => (a.id < b.id ? -1 : 1));
}

/**
 * Routes that a cluster may have in every table: the smallest of what each table leaves after routes of others.
 * @param limit - routes per table and family
 * @param headroom - routes kept free for others
 */
export function routeBudget(
  tables: readonly RouteTable[],
  members: Registry,
  within: readonly Cidr[],
  limits: { readonly limit: number; readonly headroom: number; readonly family: 4 | 6 },
): number {
  const left = tables.map((table) => {
    const foreign = table.routes.filter((route) => !isOurs(route, members, within));
    return limits.limit - limits.headroom - countRoutes(foreign, limits.family);
  });
  return Math.max(0, Math.min(...left));
}
