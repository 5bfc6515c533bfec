/** `npm run --silent vectors -- DIR [FILE...]`: runs golden vectors of any folder; see test/vectors/main.ts. */
import { spawnSync } from "node:child_process";
import { join, resolve } from "node:path";
import { env, root, setup } from "./setup.mjs";

setup();
const args = process.argv.slice(2).map((arg, index) => (index === 0 ? resolve(process.env.INIT_CWD ?? ".", arg) : arg));
const result = spawnSync(
  "node",
  ["--import", "tsx", "--conditions=@weaved/source", join(root, "test/vectors/main.ts"), ...args],
  {
    cwd: root,
    env,
    stdio: ["ignore", 1, 2],
  },
);
process.exit(result.status ?? 1);
