import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type PeerName, parsePeerName } from "@weaved/gossip-mesh";
import { peerNameFromMachineId } from "@weaved/gossip-mesh/node";
import { WeavedError } from "../values/error.ts";

/** Where a machine's identity is found, below the host's root (docs/protocol/docker.md#20); the first of each pair that exists counts. */
const machineIdFiles = ["etc/machine-id", "var/lib/dbus/machine-id"];
const productFiles = ["/sys/class/dmi/id/product_uuid", "/sys/hypervisor/uuid"];

/**
 * The name of this peer: as configured, else the MAC address of a bridge that exists already, else derived from the machine.
 * The bridge comes first because its name is what other peers know this host by, also across an upgrade.
 *
 * @throws WeavedError when the name cannot be read or nothing identifies the machine
 */
export function readPeerName(settings: { name: string; "weave-bridge": string; "host-root": string }): PeerName {
  if (settings.name !== "") {
    try {
      return parsePeerName(settings.name);
    } catch (error) {
      throw new WeavedError("SETTING_INVALID", `--name: ${(error as Error).message}`);
    }
  }
  const bridge = `/sys/class/net/${settings["weave-bridge"]}/address`;
  if (existsSync(bridge)) return parsePeerName(readFileSync(bridge, "utf8").trim());
  const identity = Buffer.concat([
    firstOf(machineIdFiles.map((file) => join(settings["host-root"] || "/", file))),
    firstOf(productFiles),
  ]);
  if (identity.length === 0) {
    throw new WeavedError(
      "SETTING_INVALID",
      `nothing identifies this machine: ${machineIdFiles.join(" and ")} are missing. Run systemd-machine-id-setup, or give --name`,
    );
  }
  return peerNameFromMachineId(identity);
}

/** The bytes of the first file that exists, newline included. */
function firstOf(files: readonly string[]): Buffer {
  const file = files.find((candidate) => existsSync(candidate));
  try {
    return file === undefined ? Buffer.alloc(0) : readFileSync(file);
  } catch {
    return Buffer.alloc(0);
  }
}
