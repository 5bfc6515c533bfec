import type { Decider } from "./evaluate.ts";
import { type Direction, type PolicyId, policyText } from "./model.ts";

/** `Policy db-from-web ingress 0`: how logs, counters, and people call a rule. Positions count from 0. */
export function ruleName(policy: PolicyId, direction: Direction, rule: number): string {
  return `${policyText(policy)} ${direction} ${rule}`;
}

/** `default of tier default`: how they call the end of a tier. */
export function tierName(tier: string): string {
  return `default of tier ${tier}`;
}

/** The name of what decided. Compiled rules carry the same names. */
export function verdictName(by: Decider, direction: Direction): string {
  switch (by.kind) {
    case "rule":
      return ruleName(by.policy, direction, by.rule);
    case "tier":
      return tierName(by.tier);
    case "unprotected":
      return "no policy";
  }
}
