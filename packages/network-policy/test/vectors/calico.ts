import assert from "node:assert/strict";
import { toIp } from "@weaved/ip";
import type { ShapedCase, ShapeSuite } from "../../../../test/vectors/suite.ts";
import {
  createWorld,
  type Decider,
  type Endpoint,
  evaluate,
  type Labels,
  labelsIn,
  type NetworkSet,
  type PolicyDocument,
  readDocument,
  type Verdict,
  type World,
} from "../../src/index.ts";
import { protocolNumber } from "../../src/protocol.ts";
import { allHave, onlyFields } from "./strict.ts";

interface Workload {
  readonly namespace: string;
  readonly name: string;
  readonly labels: Labels;
  readonly ips: readonly string[];
  readonly ports?: readonly { readonly name: string; readonly protocol: string; readonly port: number }[];
}

type Where = { readonly endpoint: string } | { readonly ip: string };

interface CalicoVerdict {
  readonly allow: boolean;
  readonly by: object;
  readonly via?: readonly object[];
}

interface CalicoFlow {
  readonly from: Where;
  readonly to: Where;
  readonly ipVersion?: 4 | 6;
  readonly protocol: string | number;
  readonly port?: number;
  readonly sourcePort?: number;
  readonly icmp?: { readonly type: number; readonly code: number };
  readonly ingress: CalicoVerdict | null;
  readonly egress: CalicoVerdict | null;
}

interface CalicoWorld {
  readonly name: string;
  readonly namespaces: readonly { readonly name: string; readonly labels?: Labels }[];
  readonly resources: readonly { readonly kind: string; readonly metadata: { readonly name: string } }[];
  readonly endpoints: readonly Workload[];
  readonly flows: readonly CalicoFlow[];
}

/** Worlds of Calico resources with flows: the verdict at each end and the rule that decides it. */
export const calicoShape: ShapeSuite = {
  kind: "calico",
  matches: ({ cases }) => allHave(cases, ["resources", "endpoints", "flows"]),
  cases: (file) => {
    onlyFields(file, ["about", "cases"], "the file");
    return (file.cases as readonly CalicoWorld[]).map(
      (one): ShapedCase => ({ name: one.name, check: () => checkWorld(one) }),
    );
  },
};

function checkWorld(one: CalicoWorld): void {
  onlyFields(one, ["name", "namespaces", "resources", "endpoints", "flows"], "the case");
  assert.ok(one.flows.length > 0, "the case has no flows");
  const world = worldOf(one);
  for (const [i, flow] of one.flows.entries()) {
    onlyFields(flow, FLOW_FIELDS, `flow ${i}`);
    const { ingress, egress } = evaluate(world, {
      source: addressOf(one, flow.from, flow.ipVersion),
      destination: addressOf(one, flow.to, flow.ipVersion),
      protocol: flow.protocol,
      sourcePort: flow.sourcePort,
      destinationPort: flow.port,
      icmp: flow.icmp,
    });
    assert.deepEqual(asCalico(ingress, flow.to), flow.ingress, `flow ${i}, ingress`);
    assert.deepEqual(asCalico(egress, flow.from), flow.egress, `flow ${i}, egress`);
  }
}

const FLOW_FIELDS = [
  ...["from", "to", "ipVersion", "protocol", "port", "sourcePort", "icmp", "ingress", "egress"],
] as const;

function worldOf({ namespaces, resources, endpoints }: CalicoWorld): World {
  const ofNamespace = new Map(namespaces.map(({ name, labels }) => [name, labels ?? {}]));
  const documents = resources.filter(({ kind }) => kind !== "Profile").map((resource) => readDocument(resource));
  for (const profile of resources.filter(({ kind }) => kind === "Profile")) checkProfile(profile, ofNamespace);
  const of = <K extends PolicyDocument["kind"]>(kind: K) =>
    documents.filter((one): one is Extract<PolicyDocument, { kind: K }> => one.kind === kind);
  return createWorld({
    policies: of("policy").map(({ policy }) => policy),
    tiers: of("tier").map(({ tier }) => tier),
    networkSets: of("networkSet").map(
      ({ set, namespace }): NetworkSet =>
        namespace === undefined ? set : { ...set, labels: labelsIn(namespace, set.labels, ofNamespace.get(namespace)) },
    ),
    endpoints: endpoints.map(
      ({ namespace, name, labels, ips, ports = [] }): Endpoint => ({
        id: `${namespace}/${name}`,
        labels: labelsIn(namespace, labels, ofNamespace.get(namespace)),
        addresses: ips.map((ip) => toIp(ip)),
        ports: ports.map(({ name: port, protocol, port: number }) => ({
          name: port,
          protocol: protocolNumber(protocol)!,
          port: number,
        })),
      }),
    ),
  });
}

/** A namespace's profile allows everything and gives its labels; another profile would need an evaluator of profiles. */
function checkProfile(profile: object, ofNamespace: ReadonlyMap<string, Labels>): void {
  const { metadata, spec } = profile as { metadata: { name: string }; spec: object };
  const namespace = metadata.name.replace(/^kns\./, "");
  const inherited = Object.entries(labelsIn(namespace, {}, ofNamespace.get(namespace)));
  const labelsToApply = Object.fromEntries(inherited.filter(([key]) => key.startsWith("pcns.")));
  assert.deepEqual(spec, { egress: [{ action: "Allow" }], ingress: [{ action: "Allow" }], labelsToApply });
}

function addressOf({ endpoints }: CalicoWorld, where: Where, version: 4 | 6 = 4): string {
  if ("ip" in where) return where.ip;
  const found = endpoints.find(({ namespace, name }) => `${namespace}/${name}` === where.endpoint);
  return found!.ips.find((ip) => toIp(ip).family === version)!;
}

function asCalico(verdict: Verdict | undefined, where: Where): CalicoVerdict | null {
  if (!verdict) return null;
  const namespace = "endpoint" in where ? where.endpoint.split("/")[0] : "";
  const via = verdict.via.map((one) => decider(one, namespace));
  return { allow: verdict.allow, by: decider(verdict.by, namespace), ...(via.length > 0 && { via }) };
}

function decider(by: Decider, namespace: string | undefined): object {
  if (by.kind === "tier") return { kind: "Tier", tier: by.tier, rule: "default" };
  if (by.kind === "unprotected") return { kind: "Profile", policy: `kns.${namespace}`, rule: "profile" };
  const { kind, name, namespace: of } = by.policy;
  return { kind, tier: by.tier, policy: name, ...(of !== undefined && { namespace: of }), rule: by.rule };
}
