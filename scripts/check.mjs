/** `npm run check`: types, lint, dead code, exports, documentation. */
import { runChecks } from "./checks.mjs";
import { setup } from "./setup.mjs";

setup();
let failed = 0;
await runChecks(({ name, ok, seconds, output }) => {
  console.log(`${ok ? "ok  " : "FAIL"} ${name} (${seconds.toFixed(1)} s)`);
  if (ok) return;
  failed++;
  console.log(output);
});
process.exit(failed > 0 ? 1 : 0);
