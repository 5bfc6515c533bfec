/** `npm run measure -- --allow`: writes what each package breaks now to test/repo/allowed.json. */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { breachesOf } from "./ratchet.ts";
import { measureTree } from "./tree.ts";

const file = fileURLToPath(new URL("../repo/allowed.json", import.meta.url));
const now = breachesOf(measureTree(fileURLToPath(new URL("../..", import.meta.url))));
const before = readFileSync(file, "utf8");
writeFileSync(file, `${JSON.stringify(now, undefined, 2)}\n`);
console.log(
  JSON.stringify(JSON.parse(before)) === JSON.stringify(now)
    ? "allowed.json is as it was"
    : "allowed.json has changed: commit it if it shrank",
);
