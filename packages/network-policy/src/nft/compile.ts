import type { Direction, Endpoint } from "../model.ts";
import type { OrderedTier, Owner, World } from "../world.ts";
import { addTierChain, type Chains, type PolicyChainOf, policyChain } from "./chains.ts";
import type { MapName, RuleSet, WantedMap, WantedSet } from "./ruleset.ts";
import { fillSet, type SetSpec } from "./sets.ts";

/** What to compile. */
export interface CompileInput {
  readonly world: World;
  /** Whether this host enforces the policies of an endpoint. @defaultValue every endpoint is local */
  readonly isLocal?: ((endpoint: Endpoint) => boolean) | undefined;
}

/**
 * The rules that enforce a world's policies at its local endpoints. Endpoints that no policy selects have none. Pure: the same
 * world gives the same rules, byte for byte. {@link HostRules} gives the same ones faster when little changes.
 */
export function compile({ world, isLocal = () => true }: CompileInput): RuleSet {
  const owners: readonly Owner[] = [...world.endpoints, ...world.networkSets];
  return assemble({
    local: world.endpoints.filter(isLocal),
    judge: (endpoint, direction) => judgement(world.tiersOf(endpoint, direction), direction, policyChain),
    fill: (_, spec) =>
      fillSet(
        spec,
        owners.filter(({ labels }) => spec.selector.matches(labels)),
      ),
  });
}

/** The chain that judges an endpoint in one direction, with all that it needs. */
export interface Judgement extends Chains {
  readonly chain: string;
}

/** The rules of one endpoint's tiers; `undefined` when no policy concerns it. */
export function judgement(
  tiers: readonly OrderedTier[],
  direction: Direction,
  chainOf: PolicyChainOf,
): Judgement | undefined {
  if (tiers.length === 0) return undefined;
  const into: Chains = { chains: new Map(), specs: new Map() };
  return { ...into, chain: addTierChain(into, direction, tiers, chainOf) };
}

/** What {@link assemble} puts together. */
export interface Parts {
  readonly local: readonly Endpoint[];
  judge(endpoint: Endpoint, direction: Direction): Judgement | undefined;
  fill(name: string, spec: SetSpec): WantedSet;
}

/** A rule set with everything that the chains of local endpoints reach, in the order of names. */
export function assemble({ local, judge, fill }: Parts): RuleSet {
  const all: Chains = { chains: new Map(), specs: new Map() };
  const maps: Record<MapName, Map<string, string>> = {
    out4: new Map(),
    out6: new Map(),
    in4: new Map(),
    in6: new Map(),
  };
  for (const endpoint of local) {
    for (const [direction, map] of [
      ["egress", "out"],
      ["ingress", "in"],
    ] as const) {
      const judged = judge(endpoint, direction);
      if (!judged) continue;
      for (const [name, rules] of judged.chains) if (!all.chains.has(name)) all.chains.set(name, rules);
      for (const [name, spec] of judged.specs) all.specs.set(name, spec);
      for (const address of endpoint.addresses) maps[`${map}${address.family}`].set(address.toString(), judged.chain);
    }
  }
  const sets = sorted(all.specs).map(([name, spec]): [string, WantedSet] => [name, fill(name, spec)]);
  const mapOf = (name: MapName): WantedMap => ({
    family: name.endsWith("4") ? 4 : 6,
    chains: new Map(sorted(maps[name])),
  });
  return {
    sets: new Map(sets),
    chains: new Map(sorted(all.chains)),
    maps: { out4: mapOf("out4"), out6: mapOf("out6"), in4: mapOf("in4"), in6: mapOf("in6") },
  };
}

function sorted<T>(map: ReadonlyMap<string, T>): [string, T][] {
  return [...map].sort(([a], [b]) => (a < b ? -1 : 1));
}
