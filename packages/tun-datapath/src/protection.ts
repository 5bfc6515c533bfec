/**
 * Where plaintext may travel. Every path that can carry frames (the TAP device, the kernel's VXLAN, relays, entries of an earlier
 * life) asks the functions of this file and decides nothing itself.
 */

/** How the frames of one link travel; `trusted` is plaintext in a network with a password, because both ends trust the subnet. */
export type Protection = "encrypted" | "trusted" | "plaintext";

/**
 * What the settings of this host permit. `allowed`: the network has no password. `trusted`: it has one, and links within trusted
 * subnets may be plaintext. `never`: it has one, and every link must be encrypted.
 */
export type PlaintextPolicy = "allowed" | "trusted" | "never";

/** Whether a link of this protection may carry frames at all. */
export function permits(policy: PlaintextPolicy, protection: Protection): boolean {
  if (protection === "encrypted") return true;
  return policy === "allowed" || (policy === "trusted" && protection === "trusted");
}

/** Whether the kernel's VXLAN, which encrypts nothing, may carry frames of a link. */
export function permitsKernelPath(policy: PlaintextPolicy, protection: Protection): boolean {
  return protection !== "encrypted" && permits(policy, protection);
}

/** What becomes of the kernel's state that an earlier life of this peer left behind. */
export interface Inheritance {
  /** Whether a VXLAN device may exist. */
  readonly device: boolean;
  /** Whether its forwarding entries may be kept until a link confirms them. */
  readonly entries: boolean;
  /** How long the kernel may forward to a peer whose link has ended, in milliseconds. */
  readonly lingerMs: number;
  /** Whether the device may outlive this process after an orderly close. */
  readonly outlives: boolean;
}

/** An adopted entry is confirmed by a link within this time (ms), or removed. So is what leads to a trusted peer whose link ended. */
export const CONFIRM_MS = 10_000;

/**
 * What a policy permits to inherit and to leave. Without a password the kernel forwards on while a daemon is replaced. With one,
 * nothing of an earlier life is kept, because that life may have had other settings.
 *
 * @param macAgeMs - how long a MAC address is remembered
 */
export function inheritance(policy: PlaintextPolicy, macAgeMs: number): Inheritance {
  if (policy === "allowed") return { device: true, entries: true, lingerMs: macAgeMs, outlives: true };
  return { device: policy === "trusted", entries: false, lingerMs: CONFIRM_MS, outlives: false };
}
