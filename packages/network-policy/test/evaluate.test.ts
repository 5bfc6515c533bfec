import { toIp } from "@weaved/ip";
import { describe, expect, it } from "vitest";
import { parseDocuments } from "../src/documents/index.ts";
import { createWorld, type Endpoint, evaluate, labelsIn, type Policy, type Tier } from "../src/index.ts";

const endpoint = (id: string, app: string, ...addresses: string[]): Endpoint => ({
  id,
  labels: labelsIn("default", { app }),
  addresses: addresses.map((address) => toIp(address)),
});
const endpoints = [endpoint("web", "web", "10.32.0.1", "fd00::1"), endpoint("db", "db", "10.32.0.2", "fd00::2")];

function policiesOf(text: string): { policies: Policy[]; tiers: Tier[] } {
  const { documents, problems } = parseDocuments(text);
  expect(problems).toEqual([]);
  return {
    policies: documents.flatMap((one) => (one.kind === "policy" ? [one.policy] : [])),
    tiers: documents.flatMap((one) => (one.kind === "tier" ? [one.tier] : [])),
  };
}
const webToDb = (text: string, more = {}) => {
  const world = createWorld({ ...policiesOf(text), endpoints });
  const flow = { source: "10.32.0.1", destination: "10.32.0.2", protocol: "tcp", destinationPort: 80, ...more };
  return evaluate(world, flow);
};

describe("evaluate", () => {
  it("allows what no policy concerns, and says so", () => {
    expect(webToDb("").ingress).toMatchObject({ allow: true, by: { kind: "unprotected" } });
  });

  it("names the tier when policies select an endpoint and none of their rules decides", () => {
    const { allow, ingress, egress } = webToDb("{name: a, selector: app == 'db', types: [ingress]}");
    expect({ allow, by: ingress?.by }).toEqual({ allow: false, by: { kind: "tier", tier: "default" } });
    expect(egress).toMatchObject({ allow: true, by: { kind: "unprotected" } });
  });

  it("lets an operator's policy deny before an application's policy allows", () => {
    const allow = "{name: app, selector: app == 'db', ingress: [{action: allow}]}";
    const operator = "{name: op, order: 10, selector: all(), ingress: [{action: deny, protocol: tcp, ports: [80]}]}";
    expect(webToDb(allow).allow).toBe(true);
    const judged = webToDb(`${allow}\n---\n${operator}`);
    expect(judged.ingress?.by).toEqual({
      kind: "rule",
      policy: { kind: "Policy", name: "op" },
      tier: "operator",
      rule: 0,
    });
    const other = webToDb(`${allow}\n---\n${operator}`, { destinationPort: 81 });
    expect(other.ingress).toMatchObject({ allow: true, via: [{ kind: "tier", tier: "operator" }] });
  });

  it("ignores a staged policy in its verdict", () => {
    expect(webToDb("{name: a, mode: staged, selector: all(), ingress: [{action: deny}]}").allow).toBe(true);
  });

  it("logs without deciding", () => {
    const { ingress } = webToDb("{name: a, selector: all(), ingress: [{action: log}, {action: allow}]}");
    expect(ingress).toMatchObject({ allow: true, by: { rule: 1 }, logged: [{ rule: 0 }] });
  });

  it("judges both families with one selector", () => {
    const text = `{name: a, selector: app == 'db', ingress: [{action: allow, from: {selector: "app == 'web'"}}]}`;
    expect(webToDb(text, { source: "fd00::1", destination: "fd00::2" }).allow).toBe(true);
    expect(webToDb(text, { source: "fd00::9", destination: "fd00::2" }).allow).toBe(false);
  });

  it("gives the first condition that does not hold of each rule it looked at", () => {
    const text = `{name: a, selector: app == 'db', ingress: [
      {action: allow, protocol: udp}, {action: allow, from: {nets: [10.0.0.0/16]}}, {action: allow, protocol: tcp, ports: [443]}]}`;
    expect(webToDb(text).ingress?.trace.map((step) => step.mismatch)).toEqual([
      "protocol",
      "source.nets",
      "destination.ports",
    ]);
  });

  it.each([
    [{ protocol: "tpc" }, '"tpc" is not a valid protocol'],
    [{ destination: "fd00::2" }, "10.32.0.1 and fd00::2 are not of one family"],
  ])("refuses a flow that cannot exist: %j", (more, message) => {
    expect(() => webToDb("", more)).toThrow(message);
  });
});

describe("createWorld", () => {
  it.each([
    ["{name: a, tier: x, selector: all()}", "Policy a is in the tier x, which does not exist; create it first"],
    ["{name: a, selector: all()}\n---\n{name: a, selector: has(b)}", "there are two policies Policy a; remove one"],
  ])("refuses %j", (text, message) => {
    expect(() => createWorld({ ...policiesOf(text), endpoints })).toThrow(message);
  });

  it("refuses two endpoints of one address, because an address is an identity", () => {
    const twice = [...endpoints, endpoint("other", "web", "10.32.0.2")];
    expect(() => createWorld({ policies: [], endpoints: twice })).toThrow("two endpoints with the address 10.32.0.2");
  });
});
