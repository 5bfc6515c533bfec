/** `npm run check`: types, lint, dead code. */
import { run, setup } from "./setup.mjs";

setup();
run("pnpm", ["run", "--silent", "typecheck"]);
run("pnpm", ["run", "--silent", "lint"]);
