/** The repository's own checks, each a command that must succeed. Run by `npm run check`, and by `npm test`. */
import { spawn } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { env, root, workspaces } from "./setup.mjs";

/**
 * @typedef {{ name: string, run: () => Promise<{ ok: boolean, output: string }> }} Check
 * @typedef {{ name: string, ok: boolean, seconds: number, output: string }} CheckResult
 */

/**
 * Runs a command, its output kept.
 * @param {string} command
 * @param {string[]} args
 * @param {string} [cwd]
 */
function command(command, args, cwd = root) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd, env: { ...env, NO_COLOR: "1" }, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (output += chunk));
    child.on("error", (error) => resolve({ ok: false, output: String(error) }));
    child.on("close", (code) => resolve({ ok: code === 0, output }));
  });
}

/** Packages that are published. */
function published() {
  return workspaces().filter((dir) => !JSON.parse(readFileSync(join(root, dir, "package.json"), "utf8")).private);
}

/** What a user would install: the packed file, with workspace and catalog ranges replaced by real ones. */
async function checkPackage(dir) {
  const out = join(root, ".cache/packed", dir);
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  const packed = await command("pnpm", ["pack", "--pack-destination", out], join(root, dir));
  if (!packed.ok) return packed;
  const file = join(out, readdirSync(out)[0]);
  const lint = await command("publint", ["run", file, "--strict"]);
  if (!lint.ok) return lint;
  return command("attw", [file, "--profile", "esm-only", "--format", "ascii"]);
}

/** @type {Check[]} */
export const checks = [
  { name: "types", run: () => command("tsc", ["-p", "tsconfig.json"]) },
  { name: "format and lint", run: () => command("biome", ["ci", "--error-on-warnings", "."]) },
  {
    name: "promises and switches",
    run: () =>
      command("oxlint", [
        "--type-aware",
        "--tsconfig",
        "tsconfig.json",
        "-c",
        ".oxlintrc.json",
        "packages",
        "apps",
        "test",
      ]),
  },
  { name: "dead code and dependencies", run: () => command("knip", ["--no-progress", "--no-config-hints"]) },
  { name: "documentation", run: () => command("typedoc", ["--emit", "none"]) },
  { name: "packages as installed", run: checkPackages },
];

async function checkPackages() {
  const outputs = [];
  for (const dir of published()) {
    const { ok, output } = await checkPackage(dir);
    if (!ok) outputs.push(`${dir}:\n${output}`);
  }
  return { ok: outputs.length === 0, output: outputs.join("\n") };
}

/**
 * Runs all checks, two at a time.
 * @param {(result: CheckResult) => void} report
 */
export async function runChecks(report) {
  const waiting = [...checks];
  const worker = async () => {
    for (let check = waiting.shift(); check; check = waiting.shift()) {
      const start = performance.now();
      const { ok, output } = await check.run();
      report({ name: check.name, ok, seconds: (performance.now() - start) / 1000, output });
    }
  };
  await Promise.all([worker(), worker()]);
}
