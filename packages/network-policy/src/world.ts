import type { Ip } from "@weaved/ip";
import { PolicyError } from "./errors.ts";
import {
  DEFAULT_TIER,
  type Direction,
  type Endpoint,
  type NetworkSet,
  OPERATOR_TIER,
  type Policy,
  policyText,
  type Tier,
} from "./model.ts";

/** What policies are evaluated against: the whole state, in any order. */
export interface WorldInput {
  readonly policies: readonly Policy[];
  /** The tiers `operator` and `default` are added when absent. */
  readonly tiers?: readonly Tier[];
  readonly endpoints?: readonly Endpoint[];
  readonly networkSets?: readonly NetworkSet[];
}

/** A tier with its enforced policies in order. */
export interface OrderedTier {
  readonly tier: Tier;
  readonly policies: readonly Policy[];
}

/** A checked and ordered state. Build one for many evaluations with {@link createWorld}. */
export interface World {
  readonly tiers: readonly OrderedTier[];
  readonly staged: readonly Policy[];
  readonly endpoints: readonly Endpoint[];
  readonly networkSets: readonly NetworkSet[];
  /** The endpoint that has an address. */
  endpointAt(address: Ip): Endpoint | undefined;
  /** Everything with labels to which an address belongs. */
  ownersOf(address: Ip): readonly Owner[];
  /** The tiers that concern an endpoint, each with the policies that select it for a direction. */
  tiersOf(endpoint: Endpoint, direction: Direction): readonly OrderedTier[];
}

/** An endpoint or a network set. */
export type Owner = Endpoint | NetworkSet;

/**
 * Checks and orders a state.
 * @throws PolicyError `WORLD_INVALID` when a tier is missing, or when two policies, tiers, endpoints share a name or an address
 */
export function createWorld(input: WorldInput): World {
  const { policies, endpoints = [], networkSets = [] } = input;
  const tiers = orderTiers(policies, input.tiers ?? []);
  unique(
    "endpoints",
    endpoints.map(({ id }) => id),
  );
  unique(
    "network sets",
    networkSets.map(({ id }) => id),
  );
  unique(
    "policies",
    policies.map(({ id }) => policyText(id)),
  );
  unique(
    "endpoints with the address",
    endpoints.flatMap(({ addresses }) => addresses.map(String)),
  );
  const byAddress = new Map(
    endpoints.flatMap((one) => one.addresses.map((address) => [String(address), one] as const)),
  );
  /** Bounded by: endpoints of the world, twice. */
  const applied = new Map<string, readonly OrderedTier[]>();
  return {
    tiers,
    staged: policies.filter(({ staged }) => staged),
    endpoints,
    networkSets,
    endpointAt: (address) => byAddress.get(address.toString()),
    ownersOf(address) {
      const endpoint = byAddress.get(address.toString());
      const sets = networkSets.filter(({ nets }) => nets.some((net) => net.contains(address)));
      return endpoint ? [endpoint, ...sets] : sets;
    },
    tiersOf(endpoint, direction) {
      const key = `${direction} ${endpoint.id}`;
      const known = applied.get(key) ?? selectTiers(tiers, endpoint, direction);
      applied.set(key, known);
      return known;
    },
  };
}

/** The tiers in which enforced policies select labels for a direction, with those policies. */
export function selectTiers(
  tiers: readonly OrderedTier[],
  { labels }: Pick<Endpoint, "labels">,
  direction: Direction,
): OrderedTier[] {
  return tiers.flatMap(({ tier, policies }) => {
    const here = policies.filter(({ types, selector }) => types.includes(direction) && selector.matches(labels));
    return here.length === 0 ? [] : [{ tier, policies: here }];
  });
}

/** Enforced policies by tier, both in order. */
export function orderTiers(policies: readonly Policy[], given: readonly Tier[]): OrderedTier[] {
  unique(
    "tiers",
    given.map(({ name }) => name),
  );
  const missed = [OPERATOR_TIER, DEFAULT_TIER].filter((one) => !given.some(({ name }) => name === one.name));
  const tiers = [...given, ...missed];
  const missing = policies.find(({ tier }) => !tiers.some(({ name }) => name === tier));
  if (missing) {
    const text = `${policyText(missing.id)} is in the tier ${missing.tier}, which does not exist; create it first`;
    throw new PolicyError("WORLD_INVALID", text);
  }
  const sorted = [...tiers].sort((a, b) => byOrder(a.order, b.order) || (a.name < b.name ? -1 : 1));
  return sorted.map((tier) => ({
    tier,
    policies: policies.filter((one) => one.tier === tier.name && !one.staged).sort(comparePolicies),
  }));
}

/** Order first; ties are decided by the text `name/namespace/kind`, as in Calico 3.34. */
export function comparePolicies(a: Policy, b: Policy): number {
  const text = ({ id }: Policy) => `${id.name}/${id.namespace ?? ""}/${id.kind}`;
  return byOrder(a.order, b.order) || (text(a) < text(b) ? -1 : text(a) > text(b) ? 1 : 0);
}

/** Infinity equals itself, which a subtraction would not say. */
function byOrder(a: number, b: number): number {
  return a === b ? 0 : a < b ? -1 : 1;
}

function unique(what: string, names: readonly string[]): void {
  const seen = new Set<string>();
  for (const name of names) {
    if (seen.has(name)) throw new PolicyError("WORLD_INVALID", `there are two ${what} ${name}; remove one`);
    seen.add(name);
  }
}
