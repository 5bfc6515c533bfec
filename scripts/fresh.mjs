/**
 * `npm run fresh [-- --start | --unit | --whole] [--offline] [--no-cache]`: runs this commit on a machine as bare as a newcomer's.
 *
 * The machine is a minimal Debian root with Node and npm in it, entered by namespaces of its own; the commit is cloned into it.
 * Package sources, registry, proxy, and certificates are this machine's. Downloads are cached below `.cache/fresh`: `--offline` runs
 * from the caches in a network namespace without a way out, `--no-cache` starts with empty ones.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { enterMachine } from "./fresh/machine.mjs";
import { bareRoot } from "./fresh/root.mjs";
import { root, setup } from "./setup.mjs";

const { values: flags } = parseArgs({
  options: Object.fromEntries(
    ["start", "unit", "whole", "offline", "no-cache", "keep"].map((name) => [
      name,
      { type: "boolean", default: false },
    ]),
  ),
});
/** One test against a real kernel for each package: what `--offline` adds to the unit tests. */
const oneHostTestEach = ["npm", "test", "--", "--unit", "--one-host-test-each"];
const commands = {
  start: [["npm", "start"]],
  unit: [flags.offline ? oneHostTestEach : ["npm", "test", "--", "--unit"]],
  whole: [
    ["npm", "start"],
    ["npm", "test"],
    ["npm", "run", "readmes"],
  ],
};
const wanted = Object.keys(commands).filter((name) => flags[name]);
const plan = (wanted.length === 0 ? ["start", "unit"] : wanted).flatMap((name) => commands[name]);

/** @returns {string | undefined} why this machine cannot make another one */
async function whyNot() {
  if (process.platform !== "linux" || process.getuid() !== 0) return "a bare machine needs root on Linux";
  setup();
  const { installTools } = await import("../apps/netlab/dist/index.js");
  return installTools(["fresh"]);
}

async function main() {
  const why = await whyNot();
  if (why !== undefined) {
    console.log(`skipped 1: ${why}\n0 passed, 0 failed, 1 skipped`);
    return true;
  }
  const cache = join(root, ".cache/fresh");
  if (flags["no-cache"]) rmSync(cache, { recursive: true, force: true });
  mkdirSync(cache, { recursive: true });
  const base = bareRoot(cache);
  const dir = mkdtempSync(join(cache, "machine-"));
  const machine = enterMachine({ base, dir, cache, offline: flags.offline });
  try {
    machine.clone(root);
    const results = plan.map((command) => follow(machine, command));
    const failed = results.filter((result) => !result).length;
    console.log(`${results.length - failed} passed, ${failed} failed, 0 skipped`);
    return failed === 0;
  } finally {
    if (flags.keep) console.log(`kept ${dir}`);
    else machine.remove();
  }
}

function follow(machine, command) {
  console.log(`\n## ${command.join(" ")}`);
  const started = performance.now();
  const status = machine.run(command);
  const seconds = Math.round((performance.now() - started) / 1000);
  console.log(`## ${command.join(" ")}: ${status === 0 ? "ok" : `FAILED with ${status}`} after ${seconds} s`);
  return status === 0;
}

const commit = spawnSync("git", ["rev-parse", "--short", "HEAD"], { cwd: root, encoding: "utf8" }).stdout.trim();
console.log(`commit ${commit}, Node ${process.version}`);
process.exitCode = (await main()) ? 0 : 1;
