import { Ip } from "@weaved/ip";
import { seededRandom } from "@weaved/sim";
import { describe, expect, it } from "vitest";
import {
  compile,
  createWorld,
  type Endpoint,
  HostRules,
  type NetworkSet,
  type Policy,
  render,
  type Tier,
} from "../src/index.ts";
import { randomWorld } from "./support/worlds.ts";

const HISTORIES = Number(process.env.HISTORIES ?? 20);
const SEED = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31));
const isLocal = ({ id }: Endpoint) => id < "e3";

/** What a test knows about the state, as plainly as possible. */
interface State {
  readonly policies: Map<string, Policy>;
  readonly tiers: Map<string, Tier>;
  readonly endpoints: Map<string, Endpoint>;
  readonly networkSets: Map<string, NetworkSet>;
}

/** Changes one random thing to what another random world has, or removes it. */
function change(state: State, rules: HostRules, random: () => number): void {
  const next = randomWorld(random);
  const remove = random() < 0.25;
  const what = Math.floor(random() * 4);
  const policy = next.policies[0];
  const [tier, endpoint, set] = [
    next.tiers![0],
    next.endpoints![Math.floor(random() * next.endpoints!.length)]!,
    next.networkSets![0],
  ];
  if (what === 0 && policy && (remove || state.tiers.has(policy.tier) || policy.tier === "default")) {
    if (remove) rules.removePolicy(policy.id);
    else rules.setPolicy(policy);
    if (remove) state.policies.delete(policy.id.name);
    else state.policies.set(policy.id.name, policy);
  } else if (what === 1 && tier && ![...state.policies.values()].some((one) => one.tier === tier.name && remove)) {
    if (remove) rules.removeTier(tier.name);
    else rules.setTier(tier);
    if (remove) state.tiers.delete(tier.name);
    else state.tiers.set(tier.name, tier);
  } else if (what === 2) {
    if (remove) rules.removeEndpoint(endpoint.id);
    else rules.setEndpoint(endpoint);
    if (remove) state.endpoints.delete(endpoint.id);
    else state.endpoints.set(endpoint.id, endpoint);
  } else if (what === 3 && set) {
    if (remove) rules.removeNetworkSet(set.id);
    else rules.setNetworkSet(set);
    if (remove) state.networkSets.delete(set.id);
    else state.networkSets.set(set.id, set);
  }
}

describe("HostRules", () => {
  it(`equal the rules compiled from nothing after every change of ${HISTORIES} random histories (SEED=${SEED})`, () => {
    let withRules = 0;
    for (let history = 0; history < HISTORIES; history++) {
      const random = seededRandom(SEED + history);
      const state: State = { policies: new Map(), tiers: new Map(), endpoints: new Map(), networkSets: new Map() };
      const rules = new HostRules(isLocal);
      for (let step = 0; step < 25; step++) {
        change(state, rules, random);
        const world = createWorld({
          policies: [...state.policies.values()],
          tiers: [...state.tiers.values()],
          endpoints: [...state.endpoints.values()],
          networkSets: [...state.networkSets.values()],
        });
        const found = rules.rules();
        withRules += found.sets.size > 0 ? 1 : 0;
        const wanted = render(compile({ world, isLocal }));
        if (render(found) !== wanted) expect(render(found), `SEED=${SEED + history}, step ${step}`).toBe(wanted);
      }
    }
    expect(withRules).toBeGreaterThan(HISTORIES);
  });

  it("keeps what a change does not touch as the same object", () => {
    const rules = new HostRules(() => true);
    const { policies } = randomWorld(seededRandom(3));
    for (const policy of policies) rules.setPolicy({ ...policy, tier: "default" });
    const endpoint = (id: string, app: string): Endpoint => ({ id, labels: { app }, addresses: [Ip.v4(id.length)] });
    rules.setEndpoint(endpoint("a", "a"));
    rules.setEndpoint(endpoint("bb", "b"));
    const before = rules.rules();
    rules.setEndpoint(endpoint("bb", "b"));
    const after = rules.rules();
    expect(before.chains.size).toBeGreaterThan(0);
    const same = [...before.chains].filter(([name, list]) => after.chains.get(name) === list);
    expect(same.length).toBeGreaterThan(0);
    expect(render(after)).toBe(render(before));
  });

  it("refuses an address that another endpoint has, and keeps the one that had it first", () => {
    const rules = new HostRules(() => true);
    rules.setEndpoint({ id: "a", labels: {}, addresses: [Ip.parse("10.0.0.1")] });
    const thief = { id: "b", labels: {}, addresses: [Ip.parse("10.0.0.1")] };
    expect(() => rules.setEndpoint(thief)).toThrow("b cannot have the address 10.0.0.1; a has it, remove that first");
    expect(rules.world().endpointAt(Ip.parse("10.0.0.1"))?.id).toBe("a");
    rules.removeEndpoint("a");
    expect(() => rules.setEndpoint(thief)).not.toThrow();
  });
});
