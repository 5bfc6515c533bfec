/** `npm start`: sets up what is missing and runs the demonstration. */
import { run, setup } from "./setup.mjs";

setup();
run("node", ["apps/netlab/bin/netlab", "tour", ...process.argv.slice(2)]);
