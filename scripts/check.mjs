/**
 * `npm run check`: types, format, lint, dead code, package exports, documentation, changesets. Each is one result,
 * like a test; with WEAVED_SUMMARY=FILE the counts go there, so that `npm test` can add them up.
 */
import { spawn, spawnSync } from "node:child_process";
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { env, root, setup, workspaces } from "./setup.mjs";

/** Runs a command; resolves with undefined when it succeeds, else with what it printed. */
function command(program, ...args) {
  return new Promise((resolve) => {
    const child = spawn(program, args, { cwd: root, env, stdio: ["ignore", "pipe", "pipe"] });
    let text = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (text += chunk));
    child.once("error", (error) => resolve(String(error)));
    child.once("close", (code) => resolve(code === 0 ? undefined : text || `ended with ${code}`));
  });
}

const manifest = (dir) => JSON.parse(readFileSync(join(root, dir, "package.json"), "utf8"));
const published = () => workspaces().filter((dir) => !manifest(dir).private);

/** What npm users get: the packed tarball, as pnpm rewrites it. */
async function checkPackage(dir, tarballs) {
  const { name } = manifest(dir);
  const packed = await command("pnpm", "--dir", dir, "pack", "--pack-destination", tarballs);
  if (packed !== undefined) return packed;
  const file = readdirSync(tarballs).find((one) => one.startsWith(`${name.replace("@", "").replace("/", "-")}-`));
  // Loaded late: a fresh clone has no packages before `setup`.
  const [{ publint }, { formatMessage }] = await Promise.all([import("publint"), import("publint/utils")]);
  const bytes = readFileSync(join(tarballs, file));
  const tarball = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
  const { messages, pkg } = await publint({ pack: { tarball }, level: "warning", strict: true });
  const complaints = messages.map((message) => formatMessage(message, pkg));
  const types = await command("attw", join(tarballs, file), "--profile", "esm-only", "--no-emoji", "--format", "ascii");
  return complaints.length === 0 && types === undefined ? undefined : [...complaints, types ?? ""].join("\n");
}

/** A changeset that names no package of ours, or a release that cannot be planned. Needs git's history. */
function changesets() {
  const known = spawnSync("git", ["rev-parse", "--verify", "--quiet", "main"], { cwd: root }).status === 0;
  return known
    ? command("changeset", "status")
    : Promise.resolve({ skip: "no branch main in this checkout to compare with" });
}

function steps(tarballs) {
  const lint = ["--type-aware", "--tsconfig", "tsconfig.json", "-c", ".oxlintrc.json", "packages", "apps", "test"];
  const cached = ["--incremental", "--tsBuildInfoFile", ".cache/check.tsbuildinfo"];
  return [
    ["types", () => command("tsc", "-p", "tsconfig.json", ...cached)],
    ["documentation of every public name", () => command("typedoc", "--emit", "none", "--logLevel", "Warn")],
    ["lint with types", () => command("oxlint", ...lint)],
    ["format, lint", () => command("biome", "check", ".")],
    ["dead code, unused dependencies", () => command("knip", "--no-progress", "--no-config-hints")],
    ["language, parameters, mirrored tests", () => command("node", "--import", "tsx", "test/measure/check.ts")],
    ["changesets", changesets],
    ...published().map((dir) => [`package ${manifest(dir).name}`, () => checkPackage(dir, tarballs)]),
  ];
}

/** Runs everything, as many at a time as there are processors; prints a line each. */
export async function check() {
  const tarballs = mkdtempSync(join(tmpdir(), "weaved-check-"));
  const counts = { passed: 0, failed: 0, skipped: 0, failures: [] };
  const queue = steps(tarballs);
  const worker = async () => {
    for (let step = queue.shift(); step !== undefined; step = queue.shift()) {
      const [name, run] = step;
      const start = performance.now();
      const problem = await run().catch((error) => String(error.stack ?? error));
      const time = `${((performance.now() - start) / 1000).toFixed(1)} s`;
      if (problem === undefined) counts.passed++;
      else if (problem.skip) counts.skipped++;
      else {
        counts.failed++;
        counts.failures.push(`FAILED ${name}\n${problem.slice(0, 1500)}`);
      }
      if (problem?.skip) console.log(`  skipped  ${name}: ${problem.skip}`);
      else
        console.log(
          problem === undefined ? `  ok       ${name} (${time})` : `  FAILED   ${name} (${time})\n${problem.trimEnd()}`,
        );
    }
  };
  await Promise.all(Array.from({ length: Math.min(availableParallelism(), 4) }, worker));
  rmSync(tarballs, { recursive: true });
  const file = process.env.WEAVED_SUMMARY;
  if (file) appendFileSync(file, `${JSON.stringify(counts)}\n`);
  else console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
  return counts.failed === 0;
}

setup();
process.exitCode = (await check()) ? 0 : 1;
