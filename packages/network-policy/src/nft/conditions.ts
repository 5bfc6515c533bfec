import { type Cidr, type Family, mergeCidrs } from "@weaved/ip";
import type { Match, PortMatch, PortRange, Rule } from "../model.ts";
import { isRange, namedPortProtocol } from "../rule.ts";
import { Selector } from "../selector/selector.ts";
import type { Condition, End } from "./ruleset.ts";
import type { SetSpec } from "./sets.ts";

/** Gives the name of a set that a rule refers to. */
export type SetNamer = (spec: SetSpec) => string;

/**
 * A rule as lists of conditions: the rule matches when all conditions of one list hold. There is more than one list where a
 * rule concerns both families by address, and where ports are given by number and by name.
 */
export function conditionsOf(rule: Rule, set: SetNamer): Condition[][] {
  const common = commonConditions(rule);
  if (!isByFamily(rule)) return expand(common, rule, undefined, set);
  const families = ([4, 6] as const).filter((family) => (rule.ipVersion ?? family) === family);
  return families.flatMap((family) => expand([{ kind: "family", family }, ...common], rule, family, set));
}

function commonConditions({ protocol, notProtocol, icmp, notIcmp }: Rule): Condition[] {
  const list: Condition[] = [];
  if (protocol !== undefined) list.push({ kind: "protocol", is: true, protocol });
  if (notProtocol !== undefined) list.push({ kind: "protocol", is: false, protocol: notProtocol });
  if (icmp) list.push({ kind: "icmp", is: true, ...icmp });
  if (notIcmp) list.push({ kind: "icmp", is: false, ...notIcmp });
  return list;
}

/** Whether a rule looks at addresses or at the family, which nftables does per family. */
function isByFamily(rule: Rule): boolean {
  const looks = ({ selector, notSelector, nets, notNets, ports = [], notPorts = [] }: Match) =>
    selector !== undefined ||
    notSelector !== undefined ||
    nets !== undefined ||
    notNets !== undefined ||
    [...ports, ...notPorts].some((port) => !isRange(port));
  return rule.ipVersion !== undefined || looks(rule.source) || looks(rule.destination);
}

function expand(common: Condition[], rule: Rule, family: Family | undefined, set: SetNamer): Condition[][] {
  const context = { family, set, protocol: namedPortProtocol(rule) };
  const sources = endConditions(rule.source, "source", context);
  const destinations = endConditions(rule.destination, "destination", context);
  return sources.flatMap((source) => destinations.map((destination) => [...common, ...source, ...destination]));
}

interface Context {
  /** Absent when the rule does not look at addresses. */
  readonly family: Family | undefined;
  readonly set: SetNamer;
  readonly protocol: number;
}

/** The conditions on one end; more than one list means alternatives, none means that it never matches. */
function endConditions(match: Match, end: End, context: Context): Condition[][] {
  const { family, set } = context;
  const list: Condition[] = [];
  if (family !== undefined) {
    const { selector, notSelector, nets, notNets } = match;
    if (selector)
      list.push({ kind: "member", is: true, end, family, set: set({ kind: "addresses", family, selector }) });
    if (notSelector)
      list.push({
        kind: "member",
        is: false,
        end,
        family,
        set: set({ kind: "addresses", family, selector: notSelector }),
      });
    const here = nets && ofFamily(nets, family);
    if (here?.length === 0) return [];
    if (here) list.push({ kind: "nets", is: true, end, nets: here });
    const notHere = ofFamily(notNets ?? [], family);
    if (notHere.length > 0) list.push({ kind: "nets", is: false, end, nets: notHere });
  }
  const not = portConditions(match.notPorts ?? [], { end, is: false, selector: match.selector }, context);
  if (!match.ports) return [[...list, ...not]];
  const alternatives = portConditions(match.ports, { end, is: true, selector: match.selector }, context);
  return alternatives.map((ports) => [...list, ...not, ports]);
}

function portConditions(
  ports: readonly PortMatch[],
  { end, is, selector }: { readonly end: End; readonly is: boolean; readonly selector: Match["selector"] },
  { family, set, protocol }: Context,
): Condition[] {
  const numbers = mergePorts(ports.filter(isRange));
  const names = ports.flatMap((port) => (isRange(port) ? [] : [port.name]));
  const list: Condition[] = numbers.length > 0 ? [{ kind: "ports", is, end, ports: numbers }] : [];
  if (family === undefined) return list;
  for (const name of new Set(names)) {
    list.push({
      kind: "service",
      is,
      end,
      family,
      set: set({ kind: "services", family, selector: selector ?? Selector.all, port: { name, protocol } }),
    });
  }
  return list;
}

function ofFamily(nets: readonly Cidr[], family: Family): Cidr[] {
  return mergeCidrs(nets.filter((net) => net.family === family));
}

/** Sorted ranges that neither overlap nor touch, as an interval set needs them. */
function mergePorts(ports: readonly PortRange[]): PortRange[] {
  const merged: { first: number; last: number }[] = [];
  for (const { first, last } of [...ports].sort((a, b) => a.first - b.first)) {
    const before = merged.at(-1);
    if (before && first <= before.last + 1) before.last = Math.max(before.last, last);
    else merged.push({ first, last });
  }
  return merged;
}
