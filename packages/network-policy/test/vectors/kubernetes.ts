import assert from "node:assert/strict";
import { toIp } from "@weaved/ip";
import type { ShapedCase, ShapeSuite } from "../../../../test/vectors/suite.ts";
import {
  createWorld,
  type Endpoint,
  evaluate,
  type Labels,
  labelsIn,
  readDocument,
  type World,
} from "../../src/index.ts";
import { allHave, onlyFields } from "./strict.ts";

interface Pod {
  readonly namespace: string;
  readonly name: string;
  readonly labels: Labels;
  readonly ip: string;
}

interface Step {
  readonly namespaces: Readonly<Record<string, Labels>>;
  readonly pods: readonly Pod[];
  readonly policies: readonly unknown[];
  /** `TCP 80` -> a row for each source, a letter for each destination. */
  readonly allowed: Readonly<Record<string, readonly string[]>>;
}

interface KubernetesCase {
  readonly description: string;
  readonly tags: readonly string[];
  readonly steps: readonly Step[];
}

/** Kubernetes policies: who reaches whom, as a table for each protocol and port. */
export const kubernetesShape: ShapeSuite = {
  kind: "kubernetes",
  matches: ({ outside, cases }) => Array.isArray(outside) && allHave(cases, ["description", "steps"]),
  cases: (file) => {
    onlyFields(file, ["about", "outside", "cases"], "the file");
    return (file.cases as readonly KubernetesCase[]).map(
      (one): ShapedCase => ({ name: one.description, check: () => checkCase(one, file.outside as string[]) }),
    );
  },
};

function checkCase(one: KubernetesCase, outside: readonly string[]): void {
  onlyFields(one, ["description", "tags", "steps"], "the case");
  assert.ok(one.steps.length > 0, "the case has no steps");
  for (const [i, step] of one.steps.entries()) {
    onlyFields(step, ["namespaces", "pods", "policies", "allowed"], `step ${i}`);
    const world = worldOf(step);
    const hosts = [...step.pods.map(({ ip }) => ip), ...outside];
    for (const [service, rows] of Object.entries(step.allowed)) checkTable(world, { hosts, service, rows, step: i });
  }
}

/** Containers name their ports `serve-80-tcp`. Namespaces have the labels of the case and no others. */
function worldOf({ namespaces, pods, policies, allowed }: Step): World {
  const ports = Object.keys(allowed).map((service) => {
    const [protocol = "", port = ""] = service.split(" ");
    const number = { TCP: 6, UDP: 17, SCTP: 132 }[protocol];
    return { name: `serve-${port}-${protocol.toLowerCase()}`, protocol: number!, port: Number(port) };
  });
  const endpoints = pods.map(({ namespace, name, labels, ip }): Endpoint => {
    const own = labelsIn(namespace, labels, namespaces[namespace]);
    return { id: `${namespace}/${name}`, labels: own, addresses: [toIp(ip)], ports };
  });
  const documents = policies.map((policy, i) => readDocument(complete(policy as Named, i)));
  return createWorld({ endpoints, policies: documents.flatMap((one) => (one.kind === "policy" ? [one.policy] : [])) });
}

type Named = { readonly metadata?: { readonly name?: string } };

/** The recorder left some policies without kind and some without a name, which an API server would have added or refused. */
function complete(policy: Named, i: number): object {
  const given = { apiVersion: "networking.k8s.io/v1", kind: "NetworkPolicy", ...policy };
  return { ...given, metadata: { ...policy.metadata, name: policy.metadata?.name || `unnamed-${i}` } };
}

interface Table {
  readonly hosts: readonly string[];
  readonly service: string;
  readonly rows: readonly string[];
  readonly step: number;
}

function checkTable(world: World, { hosts, service, rows, step }: Table): void {
  const [protocol = "", port = ""] = service.split(" ");
  const found = rows.map((row, from) =>
    [...row]
      .map((letter, to) => {
        if (letter === "-") return "-";
        assert.match(letter, /[01]/, `step ${step} has an unknown letter ${letter}`);
        const flow = { source: hosts[from]!, destination: hosts[to]!, protocol, destinationPort: Number(port) };
        return evaluate(world, { ...flow, sourcePort: 40_000 }).allow ? "1" : "0";
      })
      .join(""),
  );
  assert.equal(rows.length, hosts.length, `step ${step} has a table of another size`);
  assert.deepEqual(found, rows, `step ${step}, ${service}`);
}
