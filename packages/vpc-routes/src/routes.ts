import type { Cidr } from "@weaved/ip";
import { toBlock } from "./address.ts";
import type { Route } from "./ports.ts";
import type { Registry } from "./registry.ts";

/** Canonical text of a destination; prefix list ids stay as they are. */
export function canonical(destination: string): string {
  return destination.startsWith("pl-") ? destination : toBlock(destination).toString();
}

/** Whether members of the cluster manage a route. */
export function isOurs(route: Route, members: Registry, within: readonly Cidr[]): boolean {
  return route.eni !== undefined && members.has(route.eni) && isInside(route, within);
}

/** Whether somebody created the route inside the container network. */
export function isInside(route: Route, within: readonly Cidr[]): boolean {
  if (route.origin !== "CreateRoute" || route.destination.startsWith("pl-")) return false;
  const cidr = toBlock(route.destination);
  return within.some((block) => block.contains(cidr));
}

/** What a route leads to, for people. */
export function holderOf(route: Route): string {
  return route.eni ?? route.gateway ?? route.instance ?? "unknown";
}

/** The family of a canonical destination. Prefix lists count as IPv4. */
export function familyOf(destination: string): 4 | 6 {
  return destination.includes(":") ? 6 : 4;
}

/** How many routes of a family count against the quota: a prefix list with all its entries, a propagated route not at all. */
export function countRoutes(routes: readonly Route[], family: 4 | 6): number {
  return routes
    .filter((route) => !isPropagated(route) && familyOf(route.destination) === family)
    .reduce((sum, { entries = 1 }) => sum + entries, 0);
}

/** A virtual private gateway or a route server announced the route: EC2 prefers a static one of the same destination. */
export function isPropagated({ origin }: Route): boolean {
  return origin === "EnableVgwRoutePropagation" || origin === "Advertisement";
}

/** One route for each destination: the one that EC2 uses where a static and a propagated one exist. */
export function effectiveRoutes(routes: readonly Route[]): Route[] {
  const used = new Map<string, Route>();
  for (const route of routes) {
    const destination = canonical(route.destination);
    const known = used.get(destination);
    if (known === undefined || (isPropagated(known) && !isPropagated(route))) used.set(destination, route);
  }
  return [...used.values()];
}
