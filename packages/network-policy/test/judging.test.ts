import { toIp } from "@weaved/ip";
import { describe, expect, it } from "vitest";
import { parseDocuments, parseTests } from "../src/documents/index.ts";
import { createWorld, deniedConnections, lint, type Policy, runAssertions, withStaged } from "../src/index.ts";

const policiesOf = (text: string): Policy[] => {
  const { documents, problems } = parseDocuments(text);
  expect(problems).toEqual([]);
  return documents.flatMap((one) => (one.kind === "policy" ? [one.policy] : []));
};
const TESTS = `
endpoints:
  - { name: web-1, labels: { app: web }, addresses: [10.32.0.1, "fd00::1"] }
  - { name: db-1, labels: { app: db }, addresses: [10.32.0.2], ports: [{ name: pg, port: 5432 }] }
tests:
  - { name: web reaches the database, from: web-1, to: db-1, port: 5432/tcp, expect: allow, by: Policy db ingress 0 }
  - { from: 192.0.2.1, to: db-1, port: 5432/tcp, expect: deny }
  - { name: ping, from: web-1, to: db-1, icmp: {}, expect: deny, by: default of tier default }
`;
const DB =
  "{name: db, selector: app == 'db', ingress: [{action: allow, protocol: tcp, from: {selector: app == 'web'}, ports: [pg]}]}";

describe("runAssertions", () => {
  const { endpoints, assertions } = parseTests(TESTS);

  it("passes what policies say, and names what decided", () => {
    const results = runAssertions(createWorld({ policies: policiesOf(DB), endpoints }), assertions);
    expect(results.map(({ name, passed, found }) => `${name}: ${passed}, ${found}`)).toEqual([
      "web reaches the database: true, allowed by no policy (egress) and Policy db ingress 0 (ingress)",
      "192.0.2.1 to db-1 5432/tcp: true, denied by default of tier default (ingress)",
      "ping: true, denied by default of tier default (ingress)",
    ]);
  });

  it("fails when another rule decides, or the other verdict comes out", () => {
    const results = runAssertions(createWorld({ policies: [], endpoints }), assertions);
    expect(results.map(({ passed }) => passed)).toEqual([false, false, false]);
  });

  it.each([
    [
      "tests: [{ from: nobody, to: 10.0.0.1, port: 1/tcp, expect: deny }]",
      't.yaml:1:17: tests[0].from: "nobody" is neither an endpoint of the file nor an IP address',
    ],
    ["tests: [{ from: 10.0.0.1, to: 10.0.0.2, port: 1, expect: deny }]", "t.yaml:1:47: tests[0].port: 1 is not a text"],
    ["tests: [{ from: 10.0.0.1, to: 10.0.0.2, port: 1/tcp }]", "t.yaml:1:9: tests[0].expect: the field is missing"],
    ["tests: []", "t.yaml:1:8: tests: expected at least one test"],
    ["tests: {", "t.yaml:1:9: Flow map in block collection must be sufficiently indented and end with a }"],
  ])("refuses %s with its place", (text, message) => {
    expect(() => parseTests(text, "t.yaml")).toThrow(message);
  });
});

describe("deniedConnections", () => {
  it("finds exactly the connections that a change of policies denies", () => {
    const { endpoints } = parseTests(TESTS);
    const to = { destination: "10.32.0.2", protocol: "tcp", destinationPort: 5432 };
    const connections = ["10.32.0.1", "192.0.2.1"].map((source, id) => ({ ...to, source, id }));
    expect(deniedConnections(createWorld({ policies: [], endpoints }), connections)).toEqual([]);
    expect(deniedConnections(createWorld({ policies: policiesOf(DB), endpoints }), connections)).toEqual([
      { connection: connections[1], by: "default of tier default" },
    ]);
  });
});

describe("withStaged", () => {
  it("previews a new policy, a replacement, and a deletion", () => {
    const staged = (kind: string, name: string, action: string) =>
      `{apiVersion: projectcalico.org/v3, kind: ${kind}, metadata: {name: ${name}}, spec: {${action} selector: all()}}`;
    const policies = policiesOf(
      [
        staged("GlobalNetworkPolicy", "a", ""),
        staged("GlobalNetworkPolicy", "b", ""),
        staged("StagedGlobalNetworkPolicy", "b", "stagedAction: Delete,"),
        staged("StagedGlobalNetworkPolicy", "c", ""),
        staged("StagedGlobalNetworkPolicy", "a", "stagedAction: Ignore,"),
        "{name: d, selector: all(), mode: staged}",
      ].join("\n---\n"),
    );
    expect(
      createWorld({ policies })
        .tiers.flatMap((tier) => tier.policies)
        .map(({ id }) => id.name),
    ).toEqual(["a", "b"]);
    expect(withStaged(policies).map(({ id }) => id.name)).toEqual(["a", "c", "d"]);
  });
});

describe("lint", () => {
  it("finds what is valid and probably not meant", () => {
    const policies = policiesOf(`
name: odd
selector: app == 'dbb'
types: [ingress]
ingress: [{ action: allow }, { action: deny, protocol: tcp, ports: [postgres] }]
egress: [{ action: allow }]
`);
    const endpoints = [{ id: "a", labels: { app: "db" }, addresses: [toIp("10.0.0.1")] }];
    expect(lint(createWorld({ policies, endpoints })).map(({ policy, text }) => `${policy}: ${text}`)).toEqual([
      'Policy odd: selector app == "dbb" selects none of 1 endpoints; check its labels',
      "Policy odd: Policy odd ingress 1 is never reached; rule 0 matches everything",
      "Policy odd: its egress rules have no effect; add egress to its types",
      "Policy odd: no endpoint has a port called postgres; give the port's number or name the port",
    ]);
    expect(lint(createWorld({ policies: policiesOf(DB) }))).toEqual([]);
  });
});
