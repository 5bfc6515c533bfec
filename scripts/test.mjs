/** `npm test`: sets up what is missing and runs every test; the last line adds up all runs. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { env, root, setup } from "./setup.mjs";

setup();
const dir = mkdtempSync(join(tmpdir(), "weaved-test-"));
const summary = join(dir, "summary");
let failed = false;
for (const project of ["unit", "host"]) {
  const result = spawnSync("vitest", ["run", "--project", project], {
    cwd: root,
    env: { ...env, WEAVED_SUMMARY: summary },
    stdio: ["ignore", 1, 2],
  });
  failed ||= result.status !== 0;
}
const counts = readFileSync(summary, "utf8").trim().split("\n").map((line) => JSON.parse(line));
rmSync(dir, { recursive: true });
const sum = (key) => counts.reduce((total, part) => total + part[key], 0);
console.log(`${sum("passed")} passed, ${sum("failed")} failed, ${sum("skipped")} skipped`);
process.exit(failed || sum("failed") > 0 ? 1 : 0);
