/**
 * `npm run readmes [-- [--all] [--here] [FOLDER...]]`: follows every README literally, fence by fence, in a fresh clone of HEAD with
 * an empty home. Packages are installed from tarballs as users will get them, hosts are network namespaces, AWS is moto.
 *
 * A fence's reader is told the rest in comments above it: `<!-- on host1 -->`, `<!-- needs root -->`, `<!-- needs docker -->`,
 * `<!-- needs AWS -->`, `<!-- in the repository -->`. `--here` follows this checkout as it is, for whoever edits a README;
 * `--all` runs the tests that READMEs name, too.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { followReadme } from "./readmes/follow.mjs";
import { readersEnv } from "./readmes/places.mjs";
import { startRegistry } from "./readmes/registry.mjs";
import { root, setup, workspaces } from "./setup.mjs";

const { values: flags, positionals: wanted } = parseArgs({
  allowPositionals: true,
  options: { all: { type: "boolean", default: false }, here: { type: "boolean", default: false } },
});
const temp = mkdtempSync(join(tmpdir(), "weaved-readmes-"));
const home = join(temp, "home");
const checkout = flags.here ? root : join(temp, "weaved");
const counts = { ok: 0, FAILED: 0, skipped: 0 };
/** What to undo, last first. Bounded by: READMEs. */
const undo = [];

async function cleanUp() {
  for (const step of undo.splice(0).reverse()) await step().catch((error) => console.error(String(error)));
  rmSync(temp, { recursive: true, force: true });
}
let stopping = false;
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
  // Not `once`: a lab that finds no other listener ends the process before it is cleaned up.
  process.on(signal, () => {
    if (stopping) return;
    stopping = true;
    cleanUp().finally(() => process.exit(130));
  });
}

/** Runs a command whose output matters only when it fails. */
function must(command, args, options = {}) {
  const { status, error, stdout, stderr } = spawnSync(command, args, { encoding: "utf8", cwd: root, ...options });
  if (status !== 0)
    throw new Error(`${command} ${args.join(" ")} failed: ${error ?? ""}${stdout ?? ""}${stderr ?? ""}`);
  return stdout.trim();
}

function report(readme, { status, line, title, why, seconds }) {
  if (stopping) return; // what fails now does so because it is being ended
  counts[status]++;
  const time = seconds === undefined ? "" : ` (${seconds.toFixed(1)} s)`;
  const reason = status === "skipped" ? `: ${why}` : "";
  console.log(`  ${status.padEnd(8)} ${readme}:${line} ${title}${time}${reason}`);
  if (status === "FAILED") console.log(why.replace(/^/gm, "           "));
}

const isPublished = (folder) =>
  folder !== "" && !JSON.parse(readFileSync(join(checkout, folder, "package.json"), "utf8")).private;

/** The root first: it sets everything up. */
function readmes() {
  const folders = ["", ...workspaces()].filter((folder) => existsSync(join(checkout, folder, "README.md")));
  const isWanted = (folder) => wanted.some((name) => (folder === "" ? name === "." : folder.includes(name)));
  return wanted.length === 0 ? folders : folders.filter(isWanted);
}

async function openRegistry(upstream, env) {
  const to = join(temp, "tarballs");
  mkdirSync(to);
  const folders = workspaces().filter(isPublished);
  const bin = join(checkout, "node_modules/.bin");
  const packing = { ...env, PATH: `${bin}:${env.PATH}` };
  const absolute = folders.map((folder) => join(checkout, folder));
  const registry = await startRegistry({ folders: absolute, to, upstream, env: packing });
  undo.push(async () => registry.close());
  return registry.address;
}

async function main() {
  mkdirSync(home);
  const upstream = must("npm", ["config", "get", "registry"]);
  const env = readersEnv(home, upstream);
  // A checkout was installed from its owner's home; a clone is set up by what the root README says, if that is wanted.
  if (flags.here) setup();
  else must("git", ["clone", "--quiet", root, checkout]);
  let registry;
  for (const folder of readmes()) {
    if (folder !== "" && registry === undefined) {
      const setUp = 'import("./scripts/setup.mjs").then((it) => it.setup())';
      if (!flags.here) must(process.execPath, ["-e", setUp], { cwd: checkout, env });
      registry = await openRegistry(upstream, env);
    }
    const world = { checkout, temp, home, upstream, registry: isPublished(folder) ? registry : undefined };
    const onOpen = (close) => undo.push(close);
    const readme = join(folder, "README.md");
    await followReadme({ folder, all: flags.all, world, onOpen, report: (line) => report(readme, line) });
  }
}

const started = performance.now();
try {
  await main();
} catch (error) {
  counts.FAILED++;
  if (!stopping) console.log(`  FAILED   ${error.stack ?? error}`);
} finally {
  if (stopping) await new Promise(() => {}); // the signal's own way out
  await cleanUp();
}
console.log(`took ${Math.round((performance.now() - started) / 1000)} s`);
console.log(`${counts.ok} passed, ${counts.FAILED} failed, ${counts.skipped} skipped`);
process.exitCode = counts.FAILED > 0 ? 1 : 0;
