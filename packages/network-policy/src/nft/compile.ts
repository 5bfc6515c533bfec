import type { Family } from "@weaved/ip";
import { type Direction, type Endpoint, type Policy, policyText, type Rule } from "../model.ts";
import type { OrderedTier, World } from "../world.ts";
import { conditionsOf } from "./conditions.ts";
import { nameFor } from "./names.ts";
import type { MapName, RuleSet, Statement, WantedMap, WantedRule } from "./ruleset.ts";
import { type OwnersOf, SetBook, scanOwners } from "./sets.ts";

/** What to compile. */
export interface CompileInput {
  readonly world: World;
  /** Whether this host enforces the policies of an endpoint. @defaultValue every endpoint is local */
  readonly isLocal?: ((endpoint: Endpoint) => boolean) | undefined;
  /** How to find what a selector matches, such as a {@link Membership}'s. @defaultValue every endpoint is asked */
  readonly owners?: OwnersOf | undefined;
}

/**
 * The rules that enforce a world's policies at its local endpoints. Endpoints that no policy selects have none. Pure: the same
 * world gives the same rules, byte for byte.
 */
export function compile({ world, isLocal = () => true, owners = scanOwners }: CompileInput): RuleSet {
  const compiler = new Compiler(new SetBook(world, owners));
  const chainOf = (direction: Direction, family: Family): WantedMap => {
    const chains = new Map<string, string>();
    for (const endpoint of world.endpoints.filter(isLocal)) {
      const tiers = world.tiersOf(endpoint, direction);
      const addresses = endpoint.addresses.filter((address) => address.family === family);
      if (tiers.length === 0) continue;
      for (const address of addresses) chains.set(address.toString(), compiler.tierChain(direction, tiers));
    }
    return { family, chains: sorted(chains) };
  };
  const maps: Record<MapName, WantedMap> = {
    out4: chainOf("egress", 4),
    out6: chainOf("egress", 6),
    in4: chainOf("ingress", 4),
    in6: chainOf("ingress", 6),
  };
  return { sets: sorted(compiler.sets.sets), chains: sorted(compiler.chains), maps };
}

function sorted<T>(map: ReadonlyMap<string, T>): Map<string, T> {
  return new Map([...map].sort(([a], [b]) => (a < b ? -1 : 1)));
}

class Compiler {
  readonly sets: SetBook;
  readonly chains: Map<string, readonly WantedRule[]> = new Map();

  constructor(sets: SetBook) {
    this.sets = sets;
  }

  /**
   * The chain that asks a list of tiers. Endpoints with the same list share it. It returns when the packet is allowed, so that
   * the other direction is asked, and drops it otherwise. A TCP packet of no connection is dropped first: after a connection
   * is revoked, the kernel would take its next packet, of either side, for the start of a new one.
   */
  tierChain(direction: Direction, tiers: readonly OrderedTier[]): string {
    const [{ tier, policies }, ...rest] = tiers as [OrderedTier, ...OrderedTier[]];
    const list = tiers.map((one) => [
      one.tier.name,
      one.tier.defaultAction,
      ...one.policies.map(({ id }) => policyText(id)),
    ]);
    const name = nameFor(direction === "ingress" ? "ti" : "te", JSON.stringify(list));
    if (this.chains.has(name)) return name;
    this.chains.set(name, []);
    const onPass: Statement =
      rest.length > 0 ? { do: "goto", chain: this.tierChain(direction, rest) } : { do: "return" };
    const begin: WantedRule[] = [
      { when: [{ kind: "midstream" }], actions: [{ do: "drop" }], comment: "TCP without a connection" },
      { when: [], actions: [{ do: "mark", mark: "judged" }] },
    ];
    const asked = policies.flatMap((policy) => this.#ask(policy, direction, onPass));
    const end: WantedRule[] =
      tier.defaultAction === "pass"
        ? [{ when: [], actions: [onPass], comment: `default of tier ${tier.name}` }]
        : denial([], `default of tier ${tier.name}`);
    this.chains.set(name, [...begin, ...asked, ...end]);
    return name;
  }

  #ask(policy: Policy, direction: Direction, onPass: Statement): WantedRule[] {
    const decides = new Set(policy[direction].map(({ action }) => action));
    if (decides.size === 0) return [];
    const rules: WantedRule[] = [{ when: [], actions: [{ do: "jump", chain: this.#policyChain(policy, direction) }] }];
    if (decides.has("allow")) rules.push({ when: [{ kind: "mark", mark: "allowed" }], actions: [{ do: "return" }] });
    if (decides.has("pass")) rules.push({ when: [{ kind: "mark", mark: "passed" }], actions: [onPass] });
    return rules;
  }

  /** A policy's rules of one direction. It marks what it allows or passes and drops what it denies. */
  #policyChain(policy: Policy, direction: Direction): string {
    const name = nameFor(direction === "ingress" ? "pi" : "pe", policyText(policy.id));
    if (this.chains.has(name)) return name;
    const rules = policy[direction].flatMap((rule, i) =>
      conditionsOf(rule, this.sets).flatMap((when) => act(rule, when, `${policyText(policy.id)} ${direction} ${i}`)),
    );
    this.chains.set(name, rules);
    return name;
  }
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
