import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The folder of the package, as it runs from sources and from the bundle. */
function home(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, "package.json"))) folder = dirname(folder);
  return folder;
}

/** The version of this installation. */
export function ownVersion(): string {
  return (JSON.parse(readFileSync(join(home(), "package.json"), "utf8")) as { version: string }).version;
}

/** The daemon's program. */
export function daemonProgram(): string {
  return join(home(), "bin/weaved");
}
