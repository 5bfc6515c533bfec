import { existsSync } from "node:fs";
import { runVectors } from "./runner.ts";
import { shapes, suites } from "./suites.ts";

const [dir, ...only] = process.argv.slice(2);
if (dir === undefined || !existsSync(dir)) {
  console.error(
    `usage: npm run --silent vectors -- DIR [FILE...]\n${dir === undefined ? "DIR is missing" : `no folder ${dir}`}`,
  );
  process.exit(2);
}
const results = await runVectors(dir, suites, only, shapes);
const failures = results.filter((result) => result.failure !== undefined);
for (const { file, name, kind, failure } of failures) console.log(`FAILED ${file} [${kind}] ${name}: ${failure}`);
const unjudged = failures.filter((result) => result.unjudged).length;
const notJudged = unjudged === 0 ? "" : `, ${unjudged} of them not judged`;
console.log(`${results.length - failures.length} passed, ${failures.length} failed${notJudged}`);
process.exitCode = failures.length > 0 || results.length === 0 ? 1 : 0;
process.exit();
