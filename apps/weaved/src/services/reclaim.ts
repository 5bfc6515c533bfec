import { execFile } from "node:child_process";
import { formatPeerName } from "@weaved/gossip-mesh";
import type { ReclaimPolicy } from "@weaved/ipam-ring";

/** A program that has not answered by then, in milliseconds, does not know. */
const PATIENCE_MS = 10_000;

/**
 * Asks the operator's program whether a peer's machine is gone for good, as in `PROGRAM 7a:9f:eb:b6:0c:6e host1`: exit code 0 means
 * that it is, 1 that it is not, anything else that nobody knows.
 */
export function reclaimBy(program: string): ReclaimPolicy {
  return {
    confirmGone: (peer, nickname) =>
      new Promise((resolve, reject) => {
        execFile(program, [formatPeerName(peer), nickname], { timeout: PATIENCE_MS }, (error) => {
          if (error === null) resolve(true);
          else if (error.code === 1) resolve(false);
          else reject(error);
        });
      }),
  };
}
