/** Names of what this package makes, from the prefix that two programs on one host choose differently. */

/** @defaultValue of every `prefix` option; the names are then those of Weave Net where it has them */
export const defaultPrefix = "weave";

/** nft's tables: translation and filters in `inet`, anti-spoofing in `bridge`. */
export function tableNames(prefix: string): { readonly inet: string; readonly bridge: string } {
  return { inet: `inet ${prefix}`, bridge: `bridge ${prefix}` };
}

/** Chains in the `filter` table of iptables. */
export function chainNames(prefix: string): { readonly forward: string; readonly input: string } {
  const upper = prefix.toUpperCase();
  return { forward: `${upper}-FORWARD`, input: `${upper}-INPUT` };
}

/** A chain without rules that names the program whose table this is. */
export function ownerChain(owner: string): string {
  return `owner-${owner}`;
}

/** A name that is safe in all of nft, iptables, and aliases: 1 to 10 lower-case letters, digits, and dashes. */
export function isPrefix(text: string): boolean {
  return /^[a-z][a-z0-9-]{0,9}$/.test(text);
}
