import { describe, expect, it } from "vitest";
import { parseDocuments } from "../src/documents/index.ts";

const one = (text: string) => {
  const { documents, problems } = parseDocuments(text, "p.yaml");
  expect(problems).toEqual([]);
  return documents[0];
};
const problems = (text: string) => parseDocuments(text, "p.yaml").problems.map(({ text: line }) => line);

const OWN = `
name: db-from-web
order: 100
selector: app == 'db'
ingress:
  - action: allow
    protocol: tcp
    from: { selector: "app == 'web'" }
    ports: [5432, "6000:6100", metrics]
`;

describe("parseDocuments", () => {
  it("reads the plain form, and puts a low order into the operator tier", () => {
    const document = one(OWN);
    expect(document).toMatchObject({
      kind: "policy",
      policy: { id: { kind: "Policy", name: "db-from-web" }, tier: "operator", order: 100, types: ["ingress"] },
    });
  });

  it("reads a Kubernetes policy, and combines its namespace with its pods", () => {
    const document = one(`
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: { name: web, namespace: shop, resourceVersion: "7" }
spec:
  podSelector: { matchLabels: { app: web } }
  ingress:
    - from: [{ namespaceSelector: {} }, { ipBlock: { cidr: 10.0.0.0/8, except: [10.1.0.0/16] } }]
      ports: [{ port: 80 }, { port: 53, protocol: UDP, endPort: 60 }]
`);
    if (document?.kind !== "policy") throw new Error("expected a policy");
    expect(document.policy.selector.text).toBe('app == "web" && projectcalico.org/namespace == "shop"');
    expect(document.policy.ingress).toHaveLength(4);
  });

  it("reads every document of a file, a List too, and skips empty ones", () => {
    const list = `---\n---\nkind: NetworkPolicyList\napiVersion: v1\nitems:\n- ${OWN.trim().replaceAll("\n", "\n  ")}\n---\n${OWN}`;
    expect(parseDocuments(list).documents).toHaveLength(2);
  });

  it.each([
    [
      OWN.replace("'db'", "'db"),
      "p.yaml:4:18: db-from-web: selector: character 8 of the selector: the value has no closing '",
    ],
    [
      OWN.replace("app == 'db'", '"app = 1"'),
      "p.yaml:4:16: db-from-web: selector: character 5 of the selector: expected ==",
    ],
    [
      OWN.replace("5432", "70000"),
      "p.yaml:9:13: db-from-web: ingress[0].ports[0]: 70000 is not a valid port; expected 0 to 65535",
    ],
    [
      OWN.replace("order", "odrer"),
      "p.yaml:3:8: db-from-web: odrer: the field does not exist here; check its spelling",
    ],
    [
      OWN.replace("selector: app == 'db'", ""),
      "p.yaml:2:1: db-from-web: selector: the field is missing; all() selects every container",
    ],
    [
      OWN.replace("protocol: tcp", "protocol: icmp"),
      "p.yaml:7:15: db-from-web: ingress[0].protocol: ports need the protocol TCP, UDP, or SCTP",
    ],
    [
      OWN.replace('selector: "app', 'domains: ["*.x"], selector: "app'),
      "p.yaml:8:22: db-from-web: ingress[0].from.domains is not supported; list the addresses under nets instead",
    ],
    [
      OWN.replace("selector: \"app == 'web'\"", "nets: [10/8]"),
      'p.yaml:8:20: db-from-web: ingress[0].from.nets[0]: "10/8" is not a valid IPv4 CIDR; expected a form such as 10.32.0.0/12',
    ],
    ["name: [", "p.yaml:1:8: Flow sequence in block collection must be sufficiently indented and end with a ]"],
    ["name: x\nname: y", "p.yaml:2:1: Map keys must be unique"],
    ["- 1", "p.yaml:1:1: [1] is not a mapping"],
    ["apiVersion: v1\nkind: Pod", 'p.yaml:2:7: kind: "Pod" of "v1" is not supported; remove the document'],
  ])("names the file, the policy, the field, and the character (%#)", (text, expected) => {
    expect(problems(text)[0]).toBe(expected);
  });

  it.each([
    ["serviceAccounts", "{ names: [a] }"],
    ["services", "{ name: a, namespace: b }"],
    ["domains", "['*.example.com']"],
  ])("refuses Calico's %s by name, because ignoring it would open what it closes", (field, value) => {
    const text = `
apiVersion: projectcalico.org/v3
kind: GlobalNetworkPolicy
metadata: { name: g }
spec:
  egress: [{ action: Allow, destination: { ${field}: ${value} } }]
`;
    expect(problems(text)[0]).toContain(`spec.egress[0].destination.${field} is not supported; `);
  });

  it("refuses a small text that aliases expand to a huge value", () => {
    const levels = Array.from({ length: 9 }, (_, i) => `a${i + 1}: &a${i + 1} [${`*a${i},`.repeat(9)}]`);
    expect(problems(`a0: &a0 [1]\n${levels.join("\n")}`)[0]).toContain("alias");
  });
});
