/**
 * `npm run measure [-- COMMIT...]`: sizes, circles, exports, and language of the sources, as a table; given commits come first, this
 * checkout last. `-- --allow` writes what the packages break now to test/repo/allowed.json.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root, run, setup } from "./setup.mjs";

setup();
if (process.argv.includes("--allow")) {
  run("node", ["--import", "tsx", "test/measure/allow.ts"]);
  run("biome", ["check", "--write", "test/repo/allowed.json"]);
  process.exit();
}
const temp = mkdtempSync(join(tmpdir(), "weaved-measure-"));

/** Writes the tree of a commit to a folder. */
function checkOut(commit) {
  const dir = join(temp, commit);
  mkdirSync(dir);
  const archive = spawnSync("git", ["archive", "--format=tar", commit], { cwd: root, maxBuffer: 1 << 28 });
  if (archive.status !== 0) throw new Error(`${commit} is not a commit here: ${archive.stderr}`);
  const file = join(temp, `${commit}.tar`);
  writeFileSync(file, archive.stdout);
  spawnSync("tar", ["-xf", file, "-C", dir]);
  return dir;
}

try {
  const commits = process.argv.slice(2).flatMap((commit) => [commit, checkOut(commit)]);
  run("node", ["--import", "tsx", "test/measure/main.ts", ...commits, "now", root]);
} finally {
  rmSync(temp, { recursive: true, force: true });
}
