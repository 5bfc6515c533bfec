import { type DocumentPath, quote } from "../errors.ts";
import { DEFAULT_TIER, type Direction, type Match, type Policy, type PortMatch, type Rule } from "../model.ts";
import { protocolNumber, TCP } from "../protocol.ts";
import type { SelectorNode } from "../selector/node.ts";
import { Selector } from "../selector/selector.ts";
import { Fields, invalid } from "./fields.ts";
import { inNamespace, ofNamespaces, readMetadata, readSpec } from "./metadata.ts";
import { portNumber, readNet } from "./values.ts";

/** The place of Kubernetes policies among others of the default tier, as Calico gives it. */
const ORDER = 1000;

/** Reads a `NetworkPolicy` of `networking.k8s.io/v1`: allow rules for the pods it selects. */
export function readKubernetes(fields: Fields): Policy {
  const { name, namespace = "default" } = readMetadata(fields, "namespaced");
  const spec = readSpec(fields);
  const pods = readLabelSelector(spec, "podSelector") ?? Selector.all;
  const ingress = (spec.list("ingress", (value, path) => readRules(value, path, "from", namespace)) ?? []).flat();
  const hasEgress = spec.has("egress");
  const egress = (spec.list("egress", (value, path) => readRules(value, path, "to", namespace)) ?? []).flat();
  const types = spec.list("policyTypes", readType);
  spec.end();
  fields.ignore("apiVersion", "kind", "status");
  fields.end();
  return {
    id: { kind: "NetworkPolicy.networking.k8s.io", name, namespace },
    tier: DEFAULT_TIER.name,
    order: ORDER,
    selector: Selector.and(pods, inNamespace(namespace)),
    types: types && types.length > 0 ? [...new Set(types)] : hasEgress ? ["ingress", "egress"] : ["ingress"],
    ingress,
    egress,
  };
}

function readType(value: unknown, path: DocumentPath): Direction {
  if (value === "Ingress") return "ingress";
  if (value === "Egress") return "egress";
  throw invalid(path, `${quote(value)} is not one of Ingress, Egress`);
}

/** One entry of `ingress` or `egress`: a rule for each pair of peer and protocol. */
function readRules(value: unknown, path: DocumentPath, peers: "from" | "to", namespace: string): Rule[] {
  const fields = new Fields(value, path);
  const matches = fields.list(peers, (item, place) => readPeer(item, place, namespace)) ?? [];
  const ports = fields.list("ports", readPort) ?? [];
  fields.end();
  const ends = matches.length === 0 ? [{}] : matches;
  const services: readonly Service[] = ports.length === 0 ? [{}] : groupPorts(ports);
  return ends.flatMap((end) =>
    services.map(({ protocol, ports: list }): Rule => {
      const source = peers === "from" ? end : {};
      const destination = { ...(peers === "to" ? end : {}), ports: list };
      return { action: "allow", protocol, source, destination };
    }),
  );
}

/** A protocol with ports; without ports it is every port of the protocol. */
interface Service {
  readonly protocol?: number;
  readonly ports?: readonly PortMatch[] | undefined;
}

function groupPorts(ports: readonly { readonly protocol: number; readonly port: PortMatch | undefined }[]): Service[] {
  const protocols = [...new Set(ports.map(({ protocol }) => protocol))];
  return protocols.map((protocol) => {
    const list = ports.filter((one) => one.protocol === protocol).map(({ port }) => port);
    const given = list.filter((port) => port !== undefined);
    return { protocol, ports: given.length < list.length ? undefined : given };
  });
}

function readPort(value: unknown, path: DocumentPath): { protocol: number; port: PortMatch | undefined } {
  const fields = new Fields(value, path);
  const name = fields.oneOf("protocol", ["TCP", "UDP", "SCTP"]);
  const protocol = name === undefined ? TCP : protocolNumber(name)!;
  const raw = fields.raw("port");
  const end = fields.raw("endPort");
  fields.end();
  if (typeof raw === "string" && end === undefined) {
    if (/^(?=.*[a-z])[a-z0-9-]{1,15}$/i.test(raw)) return { protocol, port: { name: raw } };
    throw invalid(fields.at("port"), `${quote(raw)} is not a valid name of a port`);
  }
  if (raw === undefined && end === undefined) return { protocol, port: undefined };
  if (typeof raw !== "number") throw invalid(fields.at("port"), `${quote(raw)} is not a port`);
  const first = portNumber(raw, fields.at("port"));
  if (end === undefined) return { protocol, port: { first, last: first } };
  if (typeof end !== "number") throw invalid(fields.at("endPort"), `${quote(end)} is not a port`);
  const last = portNumber(end, fields.at("endPort"));
  if (last < first) throw invalid(fields.at("endPort"), `${last} is less than port ${first}`);
  return { protocol, port: { first, last } };
}

function readPeer(value: unknown, path: DocumentPath, namespace: string): Match {
  const fields = new Fields(value, path);
  const block = fields.object("ipBlock");
  const pods = readLabelSelector(fields, "podSelector");
  const spaces = readLabelSelector(fields, "namespaceSelector");
  fields.end();
  if (block) {
    if (pods || spaces) throw invalid(path, "ipBlock cannot be combined with selectors");
    return readBlock(block);
  }
  if (!pods && !spaces) throw invalid(path, "expected podSelector, namespaceSelector, or ipBlock");
  const where = spaces ? ofNamespaces(spaces) : inNamespace(namespace);
  return { selector: Selector.and(where, pods ?? Selector.all) };
}

function readBlock(block: Fields): Match {
  const cidr = readNet(block.needText("cidr"), block.at("cidr"));
  const except = block.list("except", readNet) ?? [];
  block.end();
  const outside = except.findIndex((one) => !cidr.contains(one) || cidr.equals(one));
  if (outside >= 0) throw invalid([...block.at("except"), outside], `${except[outside]} is not inside ${cidr}`);
  return { nets: [cidr], notNets: except.length === 0 ? undefined : except };
}

/** A Kubernetes label selector; an empty one matches everything. */
function readLabelSelector(parent: Fields, name: string): Selector | undefined {
  const fields = parent.object(name);
  if (!fields) return undefined;
  const terms: SelectorNode[] = Object.entries(fields.texts("matchLabels")).map(([key, value]) => ({
    kind: "text",
    key,
    operator: "==",
    value,
  }));
  terms.push(...(fields.list("matchExpressions", readExpression) ?? []));
  fields.end();
  return Selector.and(...terms.map((term) => Selector.of(term)));
}

function readExpression(value: unknown, path: DocumentPath): SelectorNode {
  const fields = new Fields(value, path);
  const key = fields.needText("key");
  const operator = fields.oneOf("operator", ["In", "NotIn", "Exists", "DoesNotExist"]);
  const values = fields.list("values", readText) ?? [];
  fields.end();
  if (!operator) throw invalid(fields.at("operator"), "the field is missing");
  const needs = operator === "In" || operator === "NotIn";
  if (needs !== values.length > 0) {
    throw invalid(fields.at("values"), needs ? "expected at least one value" : `${operator} does not take values`);
  }
  if (!needs) {
    const has: SelectorNode = { kind: "has", key };
    return operator === "Exists" ? has : { kind: "not", inner: has };
  }
  return { kind: "set", key, operator: operator === "In" ? "in" : "not in", values: [...new Set(values)].sort() };
}

function readText(value: unknown, path: DocumentPath): string {
  if (typeof value === "string") return value;
  throw invalid(path, `${quote(value)} is not a text`);
}
