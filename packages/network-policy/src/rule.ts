import type { Ip } from "@weaved/ip";
import type { Match, PortMatch, PortRange, Rule } from "./model.ts";
import { ICMP, ICMPV6, TCP } from "./protocol.ts";
import type { Owner } from "./world.ts";

/** One end of a packet, as rules look at it. */
export interface FlowEnd {
  readonly address: Ip;
  readonly port?: number | undefined;
  readonly owners: readonly Owner[];
}

/** A packet that opens a connection, as rules look at it. */
export interface FlowFacts {
  readonly protocol: number;
  readonly icmp?: { readonly type: number; readonly code: number } | undefined;
  readonly source: FlowEnd;
  readonly destination: FlowEnd;
}

/** The first condition of a rule that a packet does not meet; `undefined` when the rule matches. */
export function mismatch(rule: Rule, flow: FlowFacts): string | undefined {
  const { protocol, icmp } = flow;
  if (rule.ipVersion !== undefined && rule.ipVersion !== flow.source.address.family) return "ipVersion";
  if (rule.protocol !== undefined && rule.protocol !== protocol) return "protocol";
  if (rule.notProtocol !== undefined && rule.notProtocol === protocol) return "notProtocol";
  if (rule.icmp && !isIcmp(rule.icmp, icmp)) return "icmp";
  if (rule.notIcmp && isIcmp(rule.notIcmp, icmp)) return "notICMP";
  const named = namedPortProtocol(rule);
  const source = endMismatch(rule.source, flow.source, named);
  if (source) return `source.${source}`;
  const destination = endMismatch(rule.destination, flow.destination, named);
  return destination && `destination.${destination}`;
}

/** The protocol that a rule's named ports have. Calico takes TCP where the rule names none with ports. */
export function namedPortProtocol({ protocol }: Rule): number {
  return protocol === 17 || protocol === 132 ? protocol : TCP;
}

function isIcmp(wanted: NonNullable<Rule["icmp"]>, icmp: FlowFacts["icmp"]): boolean {
  return icmp !== undefined && icmp.type === wanted.type && (wanted.code === undefined || icmp.code === wanted.code);
}

function endMismatch(match: Match, end: FlowEnd, protocol: number): string | undefined {
  const { selector, notSelector, nets, notNets, ports, notPorts } = match;
  const { address, owners } = end;
  if (nets && !nets.some((net) => net.contains(address))) return "nets";
  if (notNets?.some((net) => net.contains(address))) return "notNets";
  if (selector && !owners.some(({ labels }) => selector.matches(labels))) return "selector";
  if (notSelector && owners.some(({ labels }) => notSelector.matches(labels))) return "notSelector";
  if (ports && !ports.some((port) => isPort(port, end, protocol, match))) return "ports";
  if (notPorts?.some((port) => isPort(port, end, protocol, match))) return "notPorts";
  return undefined;
}

/** A named port belongs to an endpoint that the same end's selector matches, as Calico narrows it. */
function isPort(port: PortMatch, end: FlowEnd, protocol: number, { selector }: Match): boolean {
  if (end.port === undefined) return false;
  if (isRange(port)) return end.port >= port.first && end.port <= port.last;
  return end.owners.some((owner) => {
    const ports = "addresses" in owner ? (owner.ports ?? []) : [];
    const here = ports.some((one) => one.name === port.name && one.protocol === protocol && one.port === end.port);
    return here && (selector === undefined || selector.matches(owner.labels));
  });
}

export function isRange(port: PortMatch): port is PortRange {
  return "first" in port;
}

/** Whether a protocol has ICMP types. */
export function isIcmpProtocol(protocol: number | undefined): boolean {
  return protocol === ICMP || protocol === ICMPV6;
}
