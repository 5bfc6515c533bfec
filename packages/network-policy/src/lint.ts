import { type Direction, type Match, type Policy, policyText, type Rule } from "./model.ts";
import { ruleName } from "./verdict-name.ts";
import type { World } from "./world.ts";

/** Something that is valid and probably not meant. */
export interface LintFinding {
  /** Which policy. */
  readonly policy: string;
  /** `rule 2 of ingress is never reached; ...`, in one line. */
  readonly text: string;
}

/** Looks for policies that do not do what their author probably means. Endpoints are those known now: give none to skip what needs them. */
export function lint(world: World): LintFinding[] {
  const policies = [...world.tiers.flatMap((tier) => tier.policies), ...world.staged];
  return policies.flatMap((policy) =>
    [...unselected(policy, world), ...unreached(policy), ...ignoredRules(policy), ...unknownPorts(policy, world)].map(
      (text) => ({
        policy: policyText(policy.id),
        text,
      }),
    ),
  );
}

function unselected({ selector }: Policy, { endpoints }: World): string[] {
  if (endpoints.length === 0 || endpoints.some(({ labels }) => selector.matches(labels))) return [];
  return [`selector ${selector} selects none of ${endpoints.length} endpoints; check its labels`];
}

/** Rules after one that decides about everything. */
function unreached(policy: Policy): string[] {
  return policy.types.flatMap((direction) => {
    const rules = policy[direction];
    const last = rules.findIndex((rule) => rule.action !== "log" && matchesAll(rule));
    if (last < 0 || last === rules.length - 1) return [];
    return [`${ruleName(policy.id, direction, last + 1)} is never reached; rule ${last} matches everything`];
  });
}

function matchesAll(rule: Rule): boolean {
  const conditions = [rule.ipVersion, rule.protocol, rule.notProtocol, rule.icmp, rule.notIcmp];
  const open = (match: Match) => Object.values(match).every((value) => value === undefined);
  return conditions.every((one) => one === undefined) && open(rule.source) && open(rule.destination);
}

function ignoredRules(policy: Policy): string[] {
  const ignored = (["ingress", "egress"] as const satisfies readonly Direction[]).filter(
    (direction) => policy[direction].length > 0 && !policy.types.includes(direction),
  );
  return ignored.map((direction) => `its ${direction} rules have no effect; add ${direction} to its types`);
}

/** Named ports that no endpoint has, so that the rule never matches. */
function unknownPorts(policy: Policy, { endpoints }: World): string[] {
  if (endpoints.length === 0) return [];
  const known = new Set(endpoints.flatMap(({ ports }) => (ports ?? []).map(({ name }) => name)));
  const rules = policy.types.flatMap((direction) => policy[direction]);
  const asked = rules.flatMap(({ source, destination }) => [...(source.ports ?? []), ...(destination.ports ?? [])]);
  const names = new Set(asked.flatMap((port) => ("name" in port && !known.has(port.name) ? [port.name] : [])));
  return [...names].map((name) => `no endpoint has a port called ${name}; give the port's number or name the port`);
}
