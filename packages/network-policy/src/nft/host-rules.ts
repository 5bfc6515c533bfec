import { PolicyError } from "../errors.ts";
import { Membership } from "../membership.ts";
import type { Direction, Endpoint, NetworkSet, Policy, PolicyId, Tier } from "../model.ts";
import { policyText } from "../model.ts";
import { createWorld, type OrderedTier, type Owner, orderTiers, selectTiers, type World } from "../world.ts";
import { type PolicyChain, policyChain } from "./chains.ts";
import { assemble, type Judgement, judgement } from "./compile.ts";
import type { RuleSet, WantedSet } from "./ruleset.ts";
import { fillSet, type SetSpec } from "./sets.ts";

/** An endpoint or a network set under a key that both share. */
interface Member {
  readonly id: string;
  readonly labels: Owner["labels"];
  readonly owner: Owner;
}

/**
 * The rules of one host, kept while policies, endpoints, and sets come, change, and go. The result depends on the state and not on
 * the order of changes: it equals {@link compile} of the same world. A change costs what it touches, and what it does not
 * touch is the same object as before, so that {@link diff} passes over it.
 */
export class HostRules {
  readonly #isLocal: (endpoint: Endpoint) => boolean;
  readonly #members = new Membership<Member>();
  /** Bounded by: the caller's policies, tiers, endpoints, and network sets. */
  readonly #policies = new Map<string, Policy>();
  readonly #tiers = new Map<string, Tier>();
  readonly #endpoints = new Map<string, Endpoint>();
  readonly #networkSets = new Map<string, NetworkSet>();
  /** Which endpoint has an address. Bounded by: addresses of endpoints. */
  readonly #byAddress = new Map<string, string>();
  /** Bounded by: local endpoints, twice. */
  readonly #judgements = new Map<string, Judgement | undefined>();
  /** Bounded by: sets of the last rules. */
  #sets = new Map<string, { readonly spec: SetSpec; readonly set: WantedSet }>();
  #chains = new WeakMap<Policy, Map<Direction, PolicyChain>>();
  #ordered: readonly OrderedTier[] | undefined;

  /** @param isLocal - whether this host enforces the policies of an endpoint */
  constructor(isLocal: (endpoint: Endpoint) => boolean) {
    this.#isLocal = isLocal;
  }

  /** Adds a policy or replaces the one of its kind and name. */
  setPolicy(policy: Policy): void {
    const before = this.#policies.get(policyText(policy.id));
    this.#policies.set(policyText(policy.id), policy);
    this.#forget(before, policy);
  }

  removePolicy(id: PolicyId): void {
    const before = this.#policies.get(policyText(id));
    this.#policies.delete(policyText(id));
    this.#forget(before);
  }

  setTier(tier: Tier): void {
    this.#tiers.set(tier.name, tier);
    this.#forgetAll();
  }

  removeTier(name: string): void {
    this.#tiers.delete(name);
    this.#forgetAll();
  }

  /**
   * Adds an endpoint or replaces the one of its id.
   * @throws PolicyError `WORLD_INVALID` when another endpoint has one of its addresses
   */
  setEndpoint(endpoint: Endpoint): void {
    const { id, addresses } = endpoint;
    const taken = addresses.find((address) => (this.#byAddress.get(address.toString()) ?? id) !== id);
    if (taken) {
      const other = this.#byAddress.get(taken.toString());
      throw new PolicyError(
        "WORLD_INVALID",
        `${id} cannot have the address ${taken}; ${other} has it, remove that first`,
      );
    }
    this.removeEndpoint(id, endpoint);
    for (const address of addresses) this.#byAddress.set(address.toString(), id);
    this.#endpoints.set(id, endpoint);
    this.#setMember(`endpoint ${id}`, endpoint);
  }

  /** Removes an endpoint; nothing happens when there is none of this id. */
  removeEndpoint(id: string, replacement?: Endpoint): void {
    for (const address of this.#endpoints.get(id)?.addresses ?? []) this.#byAddress.delete(address.toString());
    for (const direction of ["ingress", "egress"]) this.#judgements.delete(`${direction} ${id}`);
    this.#endpoints.delete(id);
    if (!replacement) this.#removeMember(`endpoint ${id}`);
  }

  setNetworkSet(set: NetworkSet): void {
    this.#networkSets.set(set.id, set);
    this.#setMember(`set ${set.id}`, set);
  }

  removeNetworkSet(id: string): void {
    this.#networkSets.delete(id);
    this.#removeMember(`set ${id}`);
  }

  /** The state, for {@link evaluate}. */
  world(): World {
    return createWorld({
      policies: [...this.#policies.values()],
      tiers: [...this.#tiers.values()],
      endpoints: [...this.#endpoints.values()],
      networkSets: [...this.#networkSets.values()],
    });
  }

  /**
   * The rules for the state as it is now.
   * @throws PolicyError `WORLD_INVALID` when a policy is in a tier that does not exist
   */
  rules(): RuleSet {
    const used = new Map<string, { readonly spec: SetSpec; readonly set: WantedSet }>();
    const local = [...this.#endpoints.values()].filter(this.#isLocal).sort((a, b) => (a.id < b.id ? -1 : 1));
    const rules = assemble({
      local,
      judge: (endpoint, direction) => this.#judge(endpoint, direction),
      fill: (name, spec) => {
        const owners = () => this.#members.watch(spec.selector).map(({ owner }) => owner);
        const entry = this.#sets.get(name) ?? { spec, set: fillSet(spec, owners()) };
        used.set(name, entry);
        return entry.set;
      },
    });
    this.#release(used);
    this.#sets = used;
    return rules;
  }

  #judge(endpoint: Endpoint, direction: Direction): Judgement | undefined {
    const key = `${direction} ${endpoint.id}`;
    if (this.#judgements.has(key)) return this.#judgements.get(key);
    this.#ordered ??= orderTiers([...this.#policies.values()], [...this.#tiers.values()]);
    const chainOf = (policy: Policy, of: Direction) => this.#chainOf(policy, of);
    const judged = judgement(selectTiers(this.#ordered, endpoint, direction), direction, chainOf);
    this.#judgements.set(key, judged);
    return judged;
  }

  #chainOf(policy: Policy, direction: Direction): PolicyChain {
    const known = this.#chains.get(policy) ?? new Map<Direction, PolicyChain>();
    const chain = known.get(direction) ?? policyChain(policy, direction);
    this.#chains.set(policy, known.set(direction, chain));
    return chain;
  }

  /** Selectors that no set uses any more are not followed further. */
  #release(used: ReadonlyMap<string, { readonly spec: SetSpec }>): void {
    const kept = new Set([...used.values()].map(({ spec }) => spec.selector.text));
    for (const { spec } of this.#sets.values()) if (!kept.has(spec.selector.text)) this.#members.unwatch(spec.selector);
  }

  #setMember(id: string, owner: Owner): void {
    const before = this.#members.get(id);
    this.#members.set({ id, labels: owner.labels, owner });
    this.#forgetSets(before?.labels, owner.labels);
  }

  #removeMember(id: string): void {
    const before = this.#members.get(id);
    this.#members.remove(id);
    this.#forgetSets(before?.labels);
  }

  /** Sets in which an owner was or is. */
  #forgetSets(...labels: readonly (Owner["labels"] | undefined)[]): void {
    for (const [name, { spec }] of this.#sets) {
      if (labels.some((one) => one !== undefined && spec.selector.matches(one))) this.#sets.delete(name);
    }
  }

  /** Judgements of endpoints that one of the policies selects. */
  #forget(...policies: readonly (Policy | undefined)[]): void {
    this.#ordered = undefined;
    for (const { id, labels } of this.#endpoints.values()) {
      if (!policies.some((policy) => policy?.selector.matches(labels))) continue;
      for (const direction of ["ingress", "egress"]) this.#judgements.delete(`${direction} ${id}`);
    }
  }

  #forgetAll(): void {
    this.#ordered = undefined;
    this.#judgements.clear();
  }
}
