/** `npm run hostile`: named attacks on real daemons, as often as their table says; prints what got through. Needs root. */
import { run, setup } from "./setup.mjs";

setup();
const { installTools, testNeeds } = await import("../apps/netlab/dist/index.js");
const advice = installTools(["tests", ...testNeeds]);
if (advice !== undefined) console.error(`setup: ${advice}`);
const file = "apps/weaved/test/host/hostile/hostile.test.ts";
run("vitest", ["run", "--project", "host", file, ...process.argv.slice(2)], { env: { WEAVED_HOSTILE: "whole" } });
