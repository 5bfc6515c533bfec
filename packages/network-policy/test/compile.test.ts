import { Ip } from "@weaved/ip";
import { seededRandom } from "@weaved/sim";
import { describe, expect, it } from "vitest";
import { parseDocuments } from "../src/documents/index.ts";
import { compile, createWorld, diff, evaluate, type Policy, render, type WorldInput } from "../src/index.ts";
import { protocolNumber } from "../src/protocol.ts";
import { interpret } from "../src/testing/index.ts";
import { randomFlow, randomWorld } from "./support/worlds.ts";

/** `WORLDS=100000` for a soak, `SEED=n` to repeat one run. */
const WORLDS = Number(process.env.WORLDS ?? 200);
const SEED = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31));

describe("compile", () => {
  it(`gives rules that decide as evaluate does, in ${WORLDS} random worlds (SEED=${SEED})`, () => {
    const outcomes = { accept: 0, drop: 0 };
    for (let i = 0; i < WORLDS; i++) {
      const random = seededRandom(SEED + i);
      const input = randomWorld(random);
      const world = createWorld(input);
      const rules = compile({ world });
      for (let n = 0; n < 10; n++) {
        const flow = randomFlow(random, input);
        const judged = evaluate(world, flow);
        const { source, destination, sourcePort, destinationPort, icmp } = flow as Required<typeof flow>;
        const outcome = interpret(rules, {
          protocol: protocolNumber(flow.protocol)!,
          icmp,
          source: { address: source as never, port: sourcePort },
          destination: { address: destination as never, port: destinationPort },
        });
        outcomes[outcome.do]++;
        const denied = judged.egress?.allow === false ? judged.egress : judged.ingress;
        const direction = denied === judged.egress ? "egress" : "ingress";
        const by = denied?.by;
        const name =
          by?.kind === "rule"
            ? `Policy ${by.policy.name} ${direction} ${by.rule}`
            : by?.kind === "tier"
              ? `default of tier ${by.tier}`
              : "";
        const wanted = judged.allow ? { do: "accept" } : { do: "drop", comment: name };
        expect(outcome, `SEED=${SEED + i}, flow ${n}: ${JSON.stringify(flow)}`).toEqual(wanted);
      }
    }
    expect(Math.min(outcomes.accept, outcomes.drop)).toBeGreaterThan(WORLDS);
  }, 3_600_000);

  it("gives the same bytes whatever the order of policies, endpoints, sets, and tiers", () => {
    for (let i = 0; i < 200; i++) {
      const input = randomWorld(seededRandom(SEED + i));
      const reversed: WorldInput = {
        policies: [...input.policies].reverse(),
        tiers: [...input.tiers!].reverse(),
        endpoints: [...input.endpoints!].reverse(),
        networkSets: [...input.networkSets!].reverse(),
      };
      const text = (world: WorldInput) => render(compile({ world: createWorld(world) }));
      expect(text(reversed), `SEED=${SEED + i}`).toBe(text(input));
    }
  });

  it("makes no rule for endpoints that no policy selects or that live elsewhere", () => {
    const input = randomWorld(seededRandom(7));
    const none = compile({ world: createWorld({ ...input, policies: [] }) });
    expect([none.chains.size, none.sets.size, none.maps.in4.chains.size]).toEqual([0, 0, 0]);
    const elsewhere = compile({ world: createWorld(input), isLocal: () => false });
    expect(elsewhere.chains.size).toBe(0);
  });
});

describe("diff", () => {
  it("is empty when nothing changes", () => {
    const input = randomWorld(seededRandom(11));
    const rules = () => compile({ world: createWorld(input) });
    expect(diff(rules(), rules())).toBe("");
  });

  it("touches one element when one endpoint's label changes", () => {
    const endpoint = (id: number, app: string) => ({ id: `e${id}`, labels: { app }, addresses: [ip(id)] });
    const endpoints = Array.from({ length: 100 }, (_, i) => endpoint(2 * i + 1, "db"));
    const policy = createPolicy();
    const before = compile({
      world: createWorld({ policies: [policy], endpoints: [...endpoints, endpoint(250, "job")] }),
    });
    const after = compile({
      world: createWorld({ policies: [policy], endpoints: [...endpoints, endpoint(250, "web")] }),
    });
    expect(diff(before, after)).toMatch(/^add element inet weave-policy s4-[0-9a-f]{24} { 10\.32\.0\.250 }\n$/);
  });
});

function ip(last: number): Ip {
  return Ip.v4(0x0a200000 + last);
}

function createPolicy(): Policy {
  const { documents } = parseDocuments(
    "{name: p, selector: app == 'db', ingress: [{action: allow, from: {selector: app == 'web'}}]}",
  );
  const [document] = documents;
  if (document?.kind !== "policy") throw new Error("expected a policy");
  return document.policy;
}
