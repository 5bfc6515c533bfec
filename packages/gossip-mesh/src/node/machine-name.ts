import { createHash } from "node:crypto";
import { peerNameFromBytes } from "../peer-name.ts";
import type { PeerName } from "../ports.ts";

/** The original's salt: makes names of this program differ from others derived from the same files. */
const SALT = "9oBJ0Jmip-";

/**
 * The peer name of a machine that has none configured.
 *
 * @param id - contents of `/etc/machine-id`, then of the DMI `product_uuid`, both as they are, newlines included
 */
export function peerNameFromMachineId(id: Uint8Array): PeerName {
  const digest = createHash("sha256").update(SALT).update(id).digest();
  // As in a MAC address: unicast, locally administered.
  digest[0] = (digest[0]! & 0xfe) | 0x02;
  return peerNameFromBytes(digest.subarray(0, 6));
}
