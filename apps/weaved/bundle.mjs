/**
 * Makes one file of each program, of 600 modules: Node finds and reads each one at every start, which took the daemon most
 * of a second and 20 MB.
 */
import { rmSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { build } from "esbuild";

const here = import.meta.dirname;
const datapath = dirname(createRequire(import.meta.url).resolve("@weaved/tun-datapath/node"));

const commonJs = `
import { createRequire as __createRequire } from "node:module";
import { fileURLToPath as __fileURLToPath } from "node:url";
const require = __createRequire(import.meta.url);
const __filename = __fileURLToPath(import.meta.url);
const __dirname = __fileURLToPath(new URL(".", import.meta.url));
`;

// A chunk of a former build is of no use.
rmSync(join(here, "bundle"), { recursive: true, force: true });
await build({
  absWorkingDir: here,
  entryPoints: {
    weaved: "src/main.ts",
    weave: "src/cli/main.ts",
    "weave-cni": "src/cni/main.ts",
    // tun-datapath starts its thread from this path beside its own file.
    "worker/main": join(datapath, "worker/main.js"),
  },
  outdir: "bundle",
  bundle: true,
  // What is imported late, such as the AWS SDK, stays in files that are read late; all of them lie in one folder.
  splitting: true,
  chunkNames: "[name]-[hash]",
  format: "esm",
  platform: "node",
  mainFields: ["module", "main"],
  target: "node20",
  // They find their native parts beside themselves.
  external: ["koffi", "sodium-native"],
  // What CommonJS modules take for granted.
  banner: { js: commonJs.replaceAll("\n", " ") },
  legalComments: "linked",
  logLevel: "warning",
});
