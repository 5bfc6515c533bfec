/** The addresses of this host, whatever the state of their interfaces. */
import { readFileSync } from "node:fs";
import { networkInterfaces } from "node:os";

/**
 * IPv4 addresses in the kernel's local routing table (`/proc/net/fib_trie`): an address line is followed by `/32 host LOCAL`.
 *
 *     |-- 172.17.0.1
 *        /32 host LOCAL
 */
export function parseFibTrie(text: string): string[] {
  const found = text.matchAll(/\|-- (\d+\.\d+\.\d+\.\d+)\n\s+\/32 host LOCAL/g);
  return [...new Set([...found].map(([, address]) => address!))];
}

/** Empty where the kernel does not offer the table. */
function localIpv4(): string[] {
  try {
    return parseFibTrie(readFileSync("/proc/net/fib_trie", "utf8"));
  } catch {
    return [];
  }
}

const isLoopback = (address: string): boolean => address.startsWith("127.") || address === "::1";

/**
 * Addresses of this host's interfaces, loopback last, link-local ones with their zone.
 *
 * Node leaves out interfaces without a carrier, and a Docker bridge has none until its first container runs: that container
 * must find the server already there. So the kernel's table of local addresses is read too.
 */
export function hostAddresses(): string[] {
  const own = Object.entries(networkInterfaces()).flatMap(([name, infos = []]) =>
    infos.map(({ address }) => (/^fe80:/i.test(address) ? `${address}%${name}` : address)),
  );
  return [...new Set([...own, ...localIpv4()])].sort((a, b) => Number(isLoopback(a)) - Number(isLoopback(b)));
}
