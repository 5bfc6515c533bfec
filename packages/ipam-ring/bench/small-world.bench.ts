/**
 * Every interleaving of 3 peers and 8 addresses to a depth (DEPTH=8): how many states, and any violation with its steps. For depth 12
 * give Node --max-old-space-size=8000, and some minutes.
 */
import { explore } from "../test/support/explore.ts";

const depth = Number(process.env.DEPTH ?? 8);
const begun = performance.now();
const seconds = (): string => `${((performance.now() - begun) / 1000).toFixed(0)} s`;
const { states, transitions, worked, violation } = explore(depth, (level, fresh, tried) => {
  console.log(`depth ${level}: ${fresh} new states, ${tried} steps tried, ${seconds()}`);
});
const total = states.reduce((sum, count) => sum + count, 0);
console.log(
  `${total} states to depth ${depth}, ${transitions} steps tried, ${worked} of them worked out, ${seconds()}`,
);
console.log(violation ? `violation: ${violation.message}\n  ${violation.steps.join("\n  ")}` : "no violation");
process.exitCode = violation ? 1 : 0;
