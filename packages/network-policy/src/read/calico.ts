import type { DocumentPath } from "../errors.ts";
import { DEFAULT_TIER, type Direction, type Match, type Policy, type Rule, type Tier } from "../model.ts";
import { hasPorts } from "../protocol.ts";
import { isIcmpProtocol } from "../rule.ts";
import { Selector } from "../selector/selector.ts";
import type { PolicyDocument } from "./document.ts";
import { Fields, invalid, type Unsupported } from "./fields.ts";
import { inNamespace, type Metadata, ofNamespaces, readMetadata, readSpec } from "./metadata.ts";
import { protocolField, readNet, readPort, selectorField } from "./values.ts";

const POLICY_UNSUPPORTED: Unsupported = {
  applyOnForward: "policies protect containers, not hosts",
  doNotTrack: "policies protect containers, not hosts",
  preDNAT: "policies protect containers, not hosts",
  serviceAccountSelector: "select by labels instead",
};
const RULE_UNSUPPORTED: Unsupported = { http: "match addresses and ports instead" };
const MATCH_UNSUPPORTED: Unsupported = {
  serviceAccounts: "select by labels instead",
  services: "select by labels instead",
  domains: "list the addresses under nets instead",
};

/** Calico's kinds of policies: whether they belong to a namespace, and whether they are staged. */
const POLICIES: Readonly<Record<string, { readonly scope: "namespaced" | "global"; readonly staged: boolean }>> = {
  NetworkPolicy: { scope: "namespaced", staged: false },
  GlobalNetworkPolicy: { scope: "global", staged: false },
  StagedNetworkPolicy: { scope: "namespaced", staged: true },
  StagedGlobalNetworkPolicy: { scope: "global", staged: true },
};

/** Reads a document of `projectcalico.org/v3`; `undefined` for a kind that this package does not know. */
export function readCalico(fields: Fields, kind: string): PolicyDocument | undefined {
  if (Object.hasOwn(POLICIES, kind)) return { kind: "policy", policy: readPolicy(fields, kind) };
  if (kind === "Tier") return { kind: "tier", tier: readTier(fields) };
  if (kind === "NetworkSet" || kind === "GlobalNetworkSet") return readNetworkSet(fields, kind);
  return undefined;
}

function readTier(fields: Fields): Tier {
  const { name } = readMetadata(fields, "global");
  const spec = readSpec(fields);
  const action = spec.oneOf("defaultAction", ["Deny", "Pass"]) ?? "Deny";
  const order = spec.number("order") ?? Number.POSITIVE_INFINITY;
  spec.end();
  fields.ignore("apiVersion", "kind", "status");
  fields.end();
  return { name, order, defaultAction: action === "Deny" ? "deny" : "pass" };
}

function readNetworkSet(fields: Fields, kind: string): PolicyDocument {
  const { name, namespace, labels } = readMetadata(fields, kind === "NetworkSet" ? "namespaced" : "global");
  const spec = readSpec(fields);
  const nets = spec.list("nets", readNet) ?? [];
  spec.end({ allowedEgressDomains: "list the addresses under nets instead" });
  fields.ignore("apiVersion", "kind");
  fields.end();
  const id = namespace === undefined ? `GlobalNetworkSet ${name}` : `NetworkSet ${namespace}/${name}`;
  return { kind: "networkSet", set: { id, labels, nets }, namespace };
}

function readPolicy(fields: Fields, kind: string): Policy {
  const { scope, staged } = POLICIES[kind]!;
  const metadata = readMetadata(fields, scope);
  const spec = readSpec(fields);
  const stagedAction = staged ? (spec.oneOf("stagedAction", ["Set", "Delete", "Learn", "Ignore"]) ?? "Set") : "Set";
  const ingress = spec.list("ingress", (value, path) => readRule(value, path, metadata.namespace)) ?? [];
  const egress = spec.list("egress", (value, path) => readRule(value, path, metadata.namespace)) ?? [];
  const types = spec.list("types", readType);
  const selector = policySelector(spec, metadata);
  const tier = spec.text("tier") || DEFAULT_TIER.name;
  const order = spec.number("order") ?? Number.POSITIVE_INFINITY;
  // Hints of Calico about when to program a policy: they change no verdict.
  spec.ignore("performanceHints");
  spec.end(POLICY_UNSUPPORTED);
  fields.ignore("apiVersion", "kind");
  fields.end();
  const { name, namespace } = metadata;
  return {
    id: { kind, name, namespace },
    tier,
    order,
    selector,
    types: types && types.length > 0 ? [...new Set(types)] : defaultTypes(ingress, egress),
    ingress,
    egress,
    staged: staged ? (stagedAction.toLowerCase() as Policy["staged"]) : undefined,
  };
}

function policySelector(spec: Fields, { namespace }: Metadata): Selector {
  const own = selectorField(spec, "selector") ?? Selector.all;
  if (namespace !== undefined) return Selector.and(own, inNamespace(namespace));
  const ofNamespace = selectorField(spec, "namespaceSelector");
  return ofNamespace ? Selector.and(own, ofNamespaces(ofNamespace)) : own;
}

/** Calico's rule for policies without `types`. */
export function defaultTypes(ingress: readonly Rule[], egress: readonly Rule[]): Direction[] {
  if (egress.length === 0) return ["ingress"];
  return ingress.length === 0 ? ["egress"] : ["ingress", "egress"];
}

function readType(value: unknown, path: DocumentPath): Direction {
  if (value === "Ingress") return "ingress";
  if (value === "Egress") return "egress";
  throw invalid(path, `${JSON.stringify(value)} is not one of Ingress, Egress`);
}

function readRule(value: unknown, path: DocumentPath, namespace: string | undefined): Rule {
  const fields = new Fields(value, path);
  const action = fields.oneOf("action", ["Allow", "Deny", "Pass", "Log"]);
  if (!action) throw invalid(fields.at("action"), "the field is missing");
  const version = fields.raw("ipVersion");
  if (version !== undefined && version !== 4 && version !== 6) throw invalid(fields.at("ipVersion"), "expected 4 or 6");
  const rule: Rule = {
    action: action.toLowerCase() as Rule["action"],
    ipVersion: version,
    protocol: protocolField(fields, "protocol"),
    notProtocol: protocolField(fields, "notProtocol"),
    icmp: readIcmp(fields, "icmp"),
    notIcmp: readIcmp(fields, "notICMP"),
    source: readMatch(fields, "source", namespace),
    destination: readMatch(fields, "destination", namespace),
  };
  fields.ignore("metadata");
  fields.end(RULE_UNSUPPORTED);
  return checkRule(rule, path);
}

export function readIcmp(fields: Fields, name: string): Rule["icmp"] {
  const icmp = fields.object(name);
  if (!icmp) return undefined;
  const type = icmp.integer("type", 0, 254);
  const code = icmp.integer("code", 0, 255);
  icmp.end();
  if (type !== undefined) return { type, code };
  if (code !== undefined) throw invalid(icmp.at("type"), "a code needs a type");
  return undefined;
}

/**
 * Refuses combinations that no packet or no firewall understands.
 * @throws PolicyError `DOCUMENT_INVALID`
 */
export function checkRule(rule: Rule, path: DocumentPath): Rule {
  if ((rule.icmp || rule.notIcmp) && !isIcmpProtocol(rule.protocol)) {
    throw invalid([...path, "protocol"], "an ICMP type needs the protocol ICMP or ICMPv6");
  }
  for (const side of ["source", "destination"] as const) {
    const { ports, notPorts } = rule[side];
    if ((ports || notPorts) && !hasPorts(rule.protocol)) {
      throw invalid([...path, "protocol"], "ports need the protocol TCP, UDP, or SCTP");
    }
  }
  return rule;
}

function readMatch(rule: Fields, name: string, namespace: string | undefined): Match {
  const fields = rule.object(name);
  if (!fields) return {};
  const own = selectorField(fields, "selector");
  const not = selectorField(fields, "notSelector");
  const spaces = selectorField(fields, "namespaceSelector");
  const match = {
    ...foldSelectors(
      own,
      not,
      spaces ? ofNamespaces(spaces) : namespace === undefined ? undefined : inNamespace(namespace),
      spaces !== undefined,
    ),
    nets: nonEmpty(fields.list("nets", readNet)),
    notNets: nonEmpty(fields.list("notNets", readNet)),
    ports: nonEmpty(fields.list("ports", readPort)),
    notPorts: nonEmpty(fields.list("notPorts", readPort)),
  };
  fields.end(MATCH_UNSUPPORTED);
  return match;
}

/**
 * One selector for an end. As soon as any of its selectors is given, the end is limited to endpoints of the namespaces.
 * A negated selector narrows the positive one where there is one: then it speaks of the endpoint that matched, else of any.
 */
export function foldSelectors(
  own: Selector | undefined,
  not: Selector | undefined,
  spaces: Selector | undefined,
  spacesGiven: boolean,
): Pick<Match, "selector" | "notSelector"> {
  const limited = spaces && (own || not || spacesGiven);
  const positive = limited ? Selector.and(spaces, own ?? Selector.all) : own;
  if (!positive) return { selector: undefined, notSelector: not };
  return { selector: not ? Selector.and(positive, not.not()) : positive, notSelector: undefined };
}

export function nonEmpty<T>(list: readonly T[] | undefined): readonly T[] | undefined {
  return list === undefined || list.length === 0 ? undefined : list;
}
