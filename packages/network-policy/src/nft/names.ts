import { sha256 } from "@noble/hashes/sha2.js";
import { utf8ToBytes } from "@noble/hashes/utils.js";

/**
 * A name of nftables for a text. 96 bits of SHA-256: two texts that somebody chooses do not get one name, which would join
 * their sets.
 */
export function nameFor(prefix: string, text: string): string {
  const digest = sha256(utf8ToBytes(text)).subarray(0, 12);
  return `${prefix}-${[...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}
