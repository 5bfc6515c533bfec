/**
 * Everything a fresh clone needs, done once: packages through pnpm (which nobody is expected to have) and the build.
 * A stamp remembers what was set up, so that a second run touches neither the network nor the disk.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const bin = join(root, "node_modules/.bin");

/** The environment for every child: local tools first, no telemetry. */
export const env = {
  ...process.env,
  PATH: `${bin}:${process.env.PATH}`,
  TURBO_TELEMETRY_DISABLED: "1",
  DO_NOT_TRACK: "1",
};

/**
 * Runs a command with its output passed through; ends this process if it fails.
 * @param {string} command
 * @param {string[]} args
 * @param {{env?: Record<string, string>}} [options]
 */
export function run(command, args, options = {}) {
  const result = spawnSync(command, args, {
    cwd: root,
    env: { ...env, ...options.env },
    stdio: ["ignore", 1, 2],
  });
  if (result.error) throw result.error;
  if (result.status !== 0) process.exit(result.status ?? 1);
}

/** Folders of the workspace's packages, relative to the root, sorted. */
export function workspaces() {
  const inside = (parent) => readdirSync(join(root, parent)).map((name) => join(parent, name));
  return [...inside("apps"), ...inside("packages")].filter((dir) => existsSync(join(root, dir, "package.json"))).sort();
}

/** Installs dependencies when the lock file or a manifest changed since the last time. */
function installPackages() {
  const manifests = [
    "package.json",
    "pnpm-lock.yaml",
    "pnpm-workspace.yaml",
    ...workspaces().map((dir) => join(dir, "package.json")),
  ];
  const hash = createHash("sha256");
  for (const file of manifests) hash.update(file).update(readFileSync(join(root, file)));
  const want = hash.digest("hex");
  const stamp = join(root, "node_modules/.weaved-setup");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === want) return;
  const { packageManager } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  console.error("setup: installing packages");
  const flags = ["--frozen-lockfile", "--prefer-offline", "--reporter=append-only", "--loglevel=warn"];
  runSilently("npx", ["--yes", packageManager, "install", ...flags]);
  writeFileSync(stamp, want);
}

/** Runs a command whose output matters only when it fails; ends this process then. */
function runSilently(command, args) {
  const result = spawnSync(command, args, { cwd: root, env, encoding: "utf8", maxBuffer: 1 << 28 });
  if (result.error) throw result.error;
  if (result.status === 0) return;
  process.stderr.write(`${result.stdout}${result.stderr}setup: ${command} ${args.join(" ")} failed\n`);
  process.exit(result.status ?? 1);
}

/** Installs packages and builds what changed. */
export function setup() {
  const major = Number(process.versions.node.split(".")[0]);
  if (major < 20) {
    console.error(`Node ${process.version} is too old: this needs Node 20.19 or later.`);
    process.exit(1);
  }
  installPackages();
  mkdirSync(join(root, ".cache"), { recursive: true });
  runSilently("pnpm", ["run", "--silent", "build"]);
}
