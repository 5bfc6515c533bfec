import { type Evaluation, evaluate, type Flow } from "./evaluate.ts";
import { verdictName } from "./verdict-name.ts";
import type { World } from "./world.ts";

/** A connection and what policies should say about it. */
export interface Assertion {
  readonly name: string;
  readonly flow: Flow;
  readonly expect: "allow" | "deny";
  /** What should decide, such as `Policy db-from-web ingress 0`; absent: anything. */
  readonly by?: string | undefined;
}

/** How one assertion came out. */
export interface AssertionResult {
  readonly name: string;
  readonly passed: boolean;
  /** `denied by default of tier default (ingress)`. */
  readonly found: string;
  readonly evaluation: Evaluation;
}

/** Evaluates each assertion. */
export function runAssertions(world: World, assertions: readonly Assertion[]): AssertionResult[] {
  return assertions.map(({ name, flow, expect, by }) => {
    const evaluation = evaluate(world, flow);
    const { allow, egress, ingress } = evaluation;
    const judged = (
      [
        ["egress", egress],
        ["ingress", ingress],
      ] as const
    ).flatMap(([direction, verdict]) =>
      verdict && (allow || !verdict.allow) ? [{ direction, name: verdictName(verdict.by, direction) }] : [],
    );
    const deciding = allow ? judged : judged.slice(0, 1);
    const passed = allow === (expect === "allow") && (by === undefined || deciding.some((one) => one.name === by));
    const text = deciding.map((one) => `${one.name} (${one.direction})`).join(" and ") || "no policy";
    return { name, passed, found: `${allow ? "allowed" : "denied"} by ${text}`, evaluation };
  });
}
