import { type Direction, type Policy, policyText, type Rule } from "../model.ts";
import { ruleName, tierName } from "../verdict-name.ts";
import type { OrderedTier } from "../world.ts";
import { conditionsOf } from "./conditions.ts";
import { nameFor } from "./names.ts";
import type { Statement, WantedRule } from "./ruleset.ts";
import { type SetSpec, setName } from "./sets.ts";

/** Chains together with the sets that their rules refer to. */
export interface Chains {
  readonly chains: Map<string, readonly WantedRule[]>;
  readonly specs: Map<string, SetSpec>;
}

/** A policy's chain of one direction. */
export interface PolicyChain {
  readonly name: string;
  readonly rules: readonly WantedRule[];
  readonly specs: ReadonlyMap<string, SetSpec>;
}

/** Makes or remembers the chain of a policy. */
export type PolicyChainOf = (policy: Policy, direction: Direction) => PolicyChain;

/**
 * Adds the chain that asks a list of tiers, and all that it needs; returns its name. Endpoints with the same list share it. It
 * returns when the packet is allowed, so that the other direction is asked, and drops it otherwise.
 *
 * A TCP packet of no connection is dropped first: after a connection is revoked, the kernel would take its next packet, of
 * either side, for the start of a new one.
 */
export function addTierChain(
  into: Chains,
  direction: Direction,
  tiers: readonly OrderedTier[],
  chainOf: PolicyChainOf,
): string {
  const [{ tier, policies }, ...rest] = tiers as [OrderedTier, ...OrderedTier[]];
  const name = tierChainName(direction, tiers);
  if (into.chains.has(name)) return name;
  const next = rest.length > 0 ? addTierChain(into, direction, rest, chainOf) : undefined;
  const onPass: Statement = next === undefined ? { do: "return" } : { do: "goto", chain: next };
  const rules: WantedRule[] = [
    { when: [{ kind: "midstream" }], actions: [{ do: "drop" }], comment: "TCP without a connection" },
    { when: [], actions: [{ do: "mark", mark: "judged" }] },
  ];
  for (const policy of policies.filter((one) => one[direction].length > 0)) {
    const chain = chainOf(policy, direction);
    into.chains.set(chain.name, chain.rules);
    for (const [set, spec] of chain.specs) into.specs.set(set, spec);
    rules.push(...ask(policy, direction, chain.name, onPass));
  }
  const comment = tierName(tier.name);
  if (tier.defaultAction === "deny") rules.push(...denial([], comment));
  else rules.push({ when: [], actions: [onPass], comment });
  into.chains.set(name, rules);
  return name;
}

function tierChainName(direction: Direction, tiers: readonly OrderedTier[]): string {
  const list = tiers.map(({ tier, policies }) => [
    tier.name,
    tier.defaultAction,
    ...policies.map((policy) => [policyText(policy.id), ...decisions(policy, direction)]),
  ]);
  return nameFor(direction === "ingress" ? "ti" : "te", JSON.stringify(list));
}

function decisions(policy: Policy, direction: Direction): string[] {
  return [...new Set(policy[direction].map(({ action }) => action))].sort();
}

function ask(policy: Policy, direction: Direction, chain: string, onPass: Statement): WantedRule[] {
  const decides = decisions(policy, direction);
  const rules: WantedRule[] = [{ when: [], actions: [{ do: "jump", chain }] }];
  if (decides.includes("allow")) rules.push({ when: [{ kind: "mark", mark: "allowed" }], actions: [{ do: "return" }] });
  if (decides.includes("pass")) rules.push({ when: [{ kind: "mark", mark: "passed" }], actions: [onPass] });
  return rules;
}

/** A policy's rules of one direction. They mark what they allow or pass and drop what they deny. */
export function policyChain(policy: Policy, direction: Direction): PolicyChain {
  const specs = new Map<string, SetSpec>();
  const name = (spec: SetSpec) => {
    const set = setName(spec);
    specs.set(set, spec);
    return set;
  };
  const rules = policy[direction].flatMap((rule, i) =>
    conditionsOf(rule, name).flatMap((when) => act(rule, when, ruleName(policy.id, direction, i))),
  );
  return { name: nameFor(direction === "ingress" ? "pi" : "pe", policyText(policy.id)), rules, specs };
}

function act({ action }: Rule, when: WantedRule["when"], comment: string): WantedRule[] {
  switch (action) {
    case "allow":
      return [{ when, actions: [{ do: "mark", mark: "allowed" }, { do: "return" }], comment }];
    case "pass":
      return [{ when, actions: [{ do: "mark", mark: "passed" }, { do: "return" }], comment }];
    case "log":
      return [{ when, actions: [{ do: "log", name: comment }], comment }];
    case "deny":
      return denial(when, comment);
  }
}

/** The log has a limit of its own, so that a flood is counted whole and logged in part. */
function denial(when: WantedRule["when"], comment: string): WantedRule[] {
  return [
    { when, actions: [{ do: "log", name: comment }] },
    { when, actions: [{ do: "drop" }], comment },
  ];
}
