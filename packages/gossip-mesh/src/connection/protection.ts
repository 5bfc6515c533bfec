/** Decides whether the frames of a connection are encrypted. This is the only place that decides it. */

/**
 * How the frames of one connection travel:
 * - `encrypted`: under the connection's session key.
 * - `trusted`: in plaintext, although there is a password, because both ends are in a trusted subnet of the other.
 * - `plaintext`: there is no password.
 */
export type LinkProtection = "encrypted" | "trusted" | "plaintext";

/** What the decision depends on. */
export interface ProtectionFacts {
  /** Whether the handshake agreed on a session key. */
  readonly hasKey: boolean;
  /** Whether the remote address is in one of our trusted subnets. */
  readonly trustedByUs: boolean;
  /** Whether the remote says the same of our address. */
  readonly trustedByRemote: boolean;
}

/** Both ends must trust each other before a connection that has a key does without it. */
export function linkProtection({ hasKey, trustedByUs, trustedByRemote }: ProtectionFacts): LinkProtection {
  if (!hasKey) return "plaintext";
  return trustedByUs && trustedByRemote ? "trusted" : "encrypted";
}
