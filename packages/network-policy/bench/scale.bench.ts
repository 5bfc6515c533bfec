/**
 * 1,000 policies, 5,000 endpoints, 200 of them local: what a full start and the change of one label cost in this process.
 * Run: `npm run bench scale`.
 */
import { Ip } from "@weaved/ip";
import {
  compile,
  createWorld,
  diff,
  type Endpoint,
  HostRules,
  labelsIn,
  type Policy,
  readDocument,
  render,
} from "../src/index.ts";

const policies = Array.from({ length: 1000 }, (_, i): Policy => {
  const document = readDocument({
    name: `p${i}`,
    selector: `app == 'a${i}'`,
    ingress: [
      { action: "allow", protocol: "tcp", from: { selector: `app == 'a${(i + 1) % 1000}'` }, ports: [80, 443] },
      { action: "allow", protocol: "udp", from: { selector: `tier == 't${i % 50}'` }, ports: [53] },
    ],
  });
  if (document.kind !== "policy") throw new Error("expected a policy");
  return document.policy;
});
const endpoint = (i: number, app: number): Endpoint => ({
  id: `e${i}`,
  labels: labelsIn("default", { app: `a${app}`, tier: `t${i % 50}` }),
  addresses: [Ip.v4(0x0a200000 + i)],
});
const endpoints = Array.from({ length: 5000 }, (_, i) => endpoint(i, i % 1000));
const isLocal = ({ id }: Endpoint) => Number(id.slice(1)) < 200;

function time<T>(name: string, run: () => T): T {
  const cpu = process.cpuUsage();
  const result = run();
  const { user, system } = process.cpuUsage(cpu);
  console.log(`${name}: ${((user + system) / 1000).toFixed(1)} ms of CPU`);
  return result;
}

const rules = new HostRules(isLocal);
let before = time("all rules from nothing", () => {
  for (const policy of policies) rules.setPolicy(policy);
  for (const one of endpoints) rules.setEndpoint(one);
  return rules.rules();
});
const text = time("text of all rules", () => render(before));
console.log(`${text.length} bytes, ${before.chains.size} chains, ${before.sets.size} sets`);
for (let round = 0; round < 10; round++) {
  time(`a label of ${round % 2 === 0 ? "a remote" : "a local"} endpoint changes: rules and difference`, () => {
    rules.setEndpoint(endpoint(round % 2 === 0 ? 300 + round : 7 + round, 7));
    const after = rules.rules();
    console.log(`${diff(before, after).length} bytes of difference`);
    before = after;
  });
}
time("the plain way, compile of the whole world", () =>
  compile({ world: createWorld({ policies, endpoints }), isLocal }),
);
