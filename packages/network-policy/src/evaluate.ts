import { type IpInput, toIp } from "@weaved/ip";
import { PolicyError, quote } from "./errors.ts";
import type { Action, Direction, Endpoint, PolicyId } from "./model.ts";
import { protocolNumber } from "./protocol.ts";
import { type FlowFacts, mismatch } from "./rule.ts";
import type { World } from "./world.ts";

/** The packet that opens a connection. Behind NAT, give the addresses that the containers have. */
export interface Flow {
  readonly source: IpInput;
  readonly destination: IpInput;
  /** A name such as `tcp`, or an IP protocol number. */
  readonly protocol: string | number;
  readonly sourcePort?: number | undefined;
  readonly destinationPort?: number | undefined;
  readonly icmp?: { readonly type: number; readonly code: number } | undefined;
}

/** What decided, so that every verdict has a name. */
export type Decider =
  /** A rule; `rule` is its position in the policy's list of the direction, from 0. */
  | { readonly kind: "rule"; readonly policy: PolicyId; readonly tier: string; readonly rule: number }
  /** The end of a tier whose policies select the endpoint without deciding. */
  | { readonly kind: "tier"; readonly tier: string }
  /** No enforced policy selects the endpoint in this direction, or every tier passed it on: allowed. */
  | { readonly kind: "unprotected" };

/** One rule that was looked at. */
export interface TraceStep {
  readonly tier: string;
  readonly policy: PolicyId;
  readonly rule: number;
  readonly action: Action;
  /** The first condition that does not hold, such as `source.selector`; absent when the rule matches. */
  readonly mismatch?: string | undefined;
}

/** The verdict at one end. */
export interface Verdict {
  readonly allow: boolean;
  readonly by: Decider;
  /** Pass rules and tiers that passed the packet on before, in order. */
  readonly via: readonly Decider[];
  /** Log rules that matched before the decision. */
  readonly logged: readonly Decider[];
  /** Every rule that was looked at, in order. */
  readonly trace: readonly TraceStep[];
}

/** What policies say about a connection. */
export interface Evaluation {
  readonly allow: boolean;
  /** At the source's host; absent when the source is not an endpoint. */
  readonly egress?: Verdict;
  /** At the destination's host; absent when the destination is not an endpoint. */
  readonly ingress?: Verdict;
}

/**
 * Judges a connection at both ends. It is allowed when neither end denies it.
 *
 * At each end the enforced policies that select the endpoint are asked, tier by tier in order; the first rule that
 * matches and is not `log` decides.
 * @throws PolicyError `WORLD_INVALID` for a flow that cannot exist
 */
export function evaluate(world: World, flow: Flow): Evaluation {
  const facts = factsOf(world, flow);
  const source = world.endpointAt(facts.source.address);
  const destination = world.endpointAt(facts.destination.address);
  const egress = source && judge(world, source, "egress", facts);
  const ingress = destination && judge(world, destination, "ingress", facts);
  const allow = egress?.allow !== false && ingress?.allow !== false;
  return { allow, ...(egress && { egress }), ...(ingress && { ingress }) };
}

function judge(world: World, endpoint: Endpoint, direction: Direction, facts: FlowFacts): Verdict {
  const via: Decider[] = [];
  const logged: Decider[] = [];
  const trace: TraceStep[] = [];
  const done = (allow: boolean, by: Decider): Verdict => ({ allow, by, via, logged, trace });
  for (const { tier, policies } of world.tiersOf(endpoint, direction)) {
    const decision = firstDecision(policies, direction, facts, { trace, logged });
    if (decision?.action === "pass") via.push(decision.by);
    else if (decision) return done(decision.action === "allow", decision.by);
    else if (tier.defaultAction === "deny") return done(false, { kind: "tier", tier: tier.name });
    else via.push({ kind: "tier", tier: tier.name });
  }
  return done(true, { kind: "unprotected" });
}

function firstDecision(
  policies: World["tiers"][number]["policies"],
  direction: Direction,
  facts: FlowFacts,
  notes: { readonly trace: TraceStep[]; readonly logged: Decider[] },
): { readonly action: Action; readonly by: Decider } | undefined {
  for (const { id, tier, [direction]: rules } of policies) {
    for (const [index, rule] of rules.entries()) {
      const why = mismatch(rule, facts);
      notes.trace.push({ tier, policy: id, rule: index, action: rule.action, mismatch: why });
      if (why !== undefined) continue;
      const by: Decider = { kind: "rule", policy: id, tier, rule: index };
      if (rule.action !== "log") return { action: rule.action, by };
      notes.logged.push(by);
    }
  }
  return undefined;
}

function factsOf(world: World, flow: Flow): FlowFacts {
  const protocol = protocolNumber(flow.protocol);
  if (protocol === undefined)
    throw invalid(`${quote(flow.protocol)} is not a valid protocol; expected a name or 1 to 255`);
  const [source, destination] = [toIp(flow.source), toIp(flow.destination)];
  if (source.family !== destination.family) throw invalid(`${source} and ${destination} are not of one family`);
  return {
    protocol,
    icmp: flow.icmp,
    source: { address: source, port: flow.sourcePort, owners: world.ownersOf(source) },
    destination: { address: destination, port: flow.destinationPort, owners: world.ownersOf(destination) },
  };
}

function invalid(message: string): PolicyError {
  return new PolicyError("WORLD_INVALID", message);
}
