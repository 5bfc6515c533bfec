import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { openStore } from "@weaved/state-store/node";
import { removeKernelPaths } from "@weaved/tun-datapath/node";

const run = promisify(execFile);

/** The firewall tables this daemon makes. */
const tables = [
  ["inet", "weave"],
  ["ip", "weave"],
  ["bridge", "weave"],
] as const;

/**
 * Removes what the daemon left on a host: bridge, devices, firewall tables, state. Idempotent; what is not there is no error.
 * Other software's rules and devices are not touched.
 */
export async function resetHost({ bridge, prefix }: { bridge: string; prefix: string }): Promise<void> {
  // The data path's devices go with their process; these are what is left of one that was killed.
  await removeKernelPaths({ bridge });
  for (const device of [bridge, "vethwe-tap"]) await run("ip", ["link", "delete", "dev", device]).catch(ignoreMissing);
  for (const [family, table] of tables) await run("nft", ["delete", "table", family, table]).catch(ignoreMissing);
  const store = await openStore(prefix);
  await store.clear();
}

function ignoreMissing(error: Error & { stderr?: string }): void {
  if (!/Cannot find device|No such file or directory|does not exist/.test(`${error.stderr} ${error.message}`))
    throw error;
}
