/** Is a TCP address reachable from this host only? */
export function isLoopback(address: string): boolean {
  return address.startsWith("/") || /^(?:127\.|localhost:|\[?::1\]?:)/.test(address);
}
