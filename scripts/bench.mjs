/** `npm run bench [NAME...]`: runs bench/*.ts of every package (or those whose path contains a NAME), one after the other. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { root, run, setup, workspaces } from "./setup.mjs";

setup();
const { installTools } = await import("../apps/netlab/dist/index.js");
const advice = installTools(["tests", "bench", "iperf", "capture", "dns"]);
if (advice !== undefined) console.error(`setup: ${advice}`);
const names = process.argv.slice(2);
for (const dir of workspaces()) {
  const folder = join(dir, "bench");
  if (!existsSync(join(root, folder))) continue;
  for (const file of readdirSync(join(root, folder))
    .filter((name) => name.endsWith(".bench.ts"))
    .sort()) {
    const path = join(folder, file);
    if (names.length > 0 && !names.some((name) => path.includes(name))) continue;
    console.log(`\n## ${path}`);
    run("node", ["--import", "tsx", "--conditions=@weaved/source", path]);
  }
}
