import type { Cidr, Family, Ip } from "@weaved/ip";
import type { Labels } from "./selector/node.ts";
import type { Selector } from "./selector/selector.ts";

/** Which end of a connection a policy protects: `ingress` the destination, `egress` the source. */
export type Direction = "ingress" | "egress";

/** What a matching rule does. `pass` continues in the next tier; `log` does not decide. */
export type Action = "allow" | "deny" | "pass" | "log";

/** Ports from `first` to `last`, both inclusive. */
export interface PortRange {
  readonly first: number;
  readonly last: number;
}

/** A port of a rule: numbers, or the name that endpoints give to a port. */
export type PortMatch = PortRange | { readonly name: string };

/** Conditions on one end of a packet. All that are present must hold. */
export interface Match {
  /** The address belongs to an endpoint or network set that matches. */
  readonly selector?: Selector | undefined;
  /** The address does not belong to any endpoint or network set that matches. */
  readonly notSelector?: Selector | undefined;
  readonly nets?: readonly Cidr[] | undefined;
  readonly notNets?: readonly Cidr[] | undefined;
  readonly ports?: readonly PortMatch[] | undefined;
  readonly notPorts?: readonly PortMatch[] | undefined;
}

/** An ICMP type and, perhaps, its code. */
export interface IcmpMatch {
  readonly type: number;
  readonly code?: number | undefined;
}

/** One rule of a policy. All conditions that are present must hold. */
export interface Rule {
  readonly action: Action;
  readonly ipVersion?: Family | undefined;
  /** IP protocol number. */
  readonly protocol?: number | undefined;
  readonly notProtocol?: number | undefined;
  readonly icmp?: IcmpMatch | undefined;
  readonly notIcmp?: IcmpMatch | undefined;
  readonly source: Match;
  readonly destination: Match;
}

/** What identifies a policy. */
export interface PolicyId {
  /** `Policy` for our own documents, else the kind of the document. */
  readonly kind: string;
  readonly name: string;
  /** Absent for policies of no namespace. */
  readonly namespace?: string | undefined;
}

/** A policy in the one model that every language is translated to. */
export interface Policy {
  readonly id: PolicyId;
  readonly tier: string;
  /** Lower comes first; Infinity comes last. */
  readonly order: number;
  /** Which endpoints the policy protects. */
  readonly selector: Selector;
  /** Directions in which it protects them. */
  readonly types: readonly Direction[];
  readonly ingress: readonly Rule[];
  readonly egress: readonly Rule[];
  /** A staged policy is evaluated for reports only: it previews what this change to the enforced ones would do. */
  readonly staged?: "set" | "delete" | "learn" | "ignore" | undefined;
}

/** A group of policies. Tiers are asked in order; within one, the first rule that decides ends the tier. */
export interface Tier {
  readonly name: string;
  /** Lower comes first; Infinity comes last. */
  readonly order: number;
  /** What happens when policies of the tier select an endpoint and none of their rules decides. */
  readonly defaultAction: "deny" | "pass";
}

/** A port that an endpoint gives a name. */
export interface NamedPort {
  readonly name: string;
  /** IP protocol number. */
  readonly protocol: number;
  readonly port: number;
}

/** A container. */
export interface Endpoint {
  /** Unique in the world. */
  readonly id: string;
  readonly labels: Labels;
  readonly addresses: readonly Ip[];
  readonly ports?: readonly NamedPort[] | undefined;
}

/** Addresses outside the container network that have labels, so that selectors find them. */
export interface NetworkSet {
  /** Unique in the world. */
  readonly id: string;
  readonly labels: Labels;
  readonly nets: readonly Cidr[];
}

/** The tier of policies that name none. */
export const DEFAULT_TIER: Tier = { name: "default", order: 1_000_000, defaultAction: "deny" };

/** The tier of plain policies of an order below 1000: what it does not decide, later tiers decide. */
export const OPERATOR_TIER: Tier = { name: "operator", order: 100, defaultAction: "pass" };

/** The label that holds an endpoint's namespace, and the prefix of labels that its namespace has (both Calico's). */
export const NAMESPACE_LABEL = "projectcalico.org/namespace";
export const NAMESPACE_PREFIX = "pcns.";

/** Labels of an endpoint together with those it inherits from its namespace; its own win. */
export function labelsIn(namespace: string, labels: Labels, ofNamespace: Labels = {}): Labels {
  const inherited: Record<string, string> = { [`${NAMESPACE_PREFIX}projectcalico.org/name`]: namespace };
  for (const [key, value] of Object.entries(ofNamespace)) inherited[NAMESPACE_PREFIX + key] = value;
  return { ...inherited, ...labels, [NAMESPACE_LABEL]: namespace };
}

/** `Kind namespace/name` for messages; the text is unique for each policy. */
export function policyText({ kind, name, namespace }: PolicyId): string {
  return `${kind} ${namespace === undefined ? "" : `${namespace}/`}${name}`;
}
