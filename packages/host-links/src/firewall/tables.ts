import { ownerChain, tableNames } from "../names.ts";
import type { FirewallSpec } from "../types.ts";
import { type Guard, guardChains } from "./guard.ts";
import { filterChains } from "./rules.ts";
import { chain, replaceTable } from "./text.ts";
import { checkFirewall } from "./validate.ts";

/** Whose tables they are. */
export interface Ownership {
  readonly prefix: string;
  readonly owner: string;
}

/**
 * The complete rule file of the `inet` table. `nft -f` applies it atomically: no moment without rules, and all or nothing.
 *
 * @throws LinksError LINKS_INVALID when a rule cannot be expressed
 */
export function firewallRules(spec: FirewallSpec, { prefix, owner }: Ownership): string {
  checkFirewall(spec);
  return replaceTable(tableNames(prefix).inet, chain(ownerChain(owner), undefined, []) + filterChains(spec));
}

/** The complete rule file of the `bridge` table. */
export function guardRules(guard: Guard, { prefix, owner }: Ownership): string {
  return replaceTable(tableNames(prefix).bridge, chain(ownerChain(owner), undefined, []) + guardChains(guard));
}

/** The rule file that deletes both tables; it applies whether or not they exist. */
export function noFirewallRules(prefix: string): string {
  const { inet, bridge } = tableNames(prefix);
  return replaceTable(inet, undefined) + replaceTable(bridge, undefined);
}
