import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { formatPeerName, type PeerName } from "@weaved/gossip-mesh";
import type { Settings } from "../config/options.ts";
import type { HostPort } from "../http/ports.ts";
import type { Logger } from "../logging.ts";
import { mtuOf } from "./frames.ts";

const run = promisify(execFile);

/** What this host was made to look like. */
export interface HostPart extends HostPort {
  close(): void;
}

/** Makes the bridge unless it is there; it stays when the daemon stops, so containers keep talking on this host. */
export async function startHost(settings: Settings, name: PeerName, logger: Logger): Promise<HostPart> {
  const bridge = settings["weave-bridge"];
  const exists = await run("ip", ["link", "show", "dev", bridge]).then(
    () => true,
    () => false,
  );
  if (!exists) {
    await run("ip", [
      "link",
      "add",
      "name",
      bridge,
      "address",
      formatPeerName(name),
      "mtu",
      String(mtuOf(settings)),
      "type",
      "bridge",
    ]);
    logger.info(`made the bridge ${bridge}`);
  }
  await run("ip", ["link", "set", "dev", bridge, "up"]);
  return {
    async expose({ address, prefixLength }) {
      await run("ip", ["addr", "replace", `${address}/${prefixLength}`, "dev", bridge]);
    },
    close() {},
  };
}
