import type { PeerName } from "./ports.ts";

/** `7a:9f:eb:b6:0c:6e` of a peer name. */
export function formatPeer(peer: PeerName): string {
  return peer
    .toString(16)
    .padStart(12, "0")
    .replace(/..(?!$)/g, "$&:");
}

/** The peer name of six hex bytes, or undefined. */
export function parsePeer(text: string): PeerName | undefined {
  return /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i.test(text) ? Number.parseInt(text.replaceAll(":", ""), 16) : undefined;
}
