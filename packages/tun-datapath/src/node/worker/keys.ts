import { PacketOpener, PacketSealer } from "@weaved/sleeve-crypto";
import { chachaAead, defaultProvider, gcmAead } from "@weaved/sleeve-crypto/node";
import { type Aead, OverlayOpener, OverlaySealer, secretboxAead } from "@weaved/sleeve-crypto/overlay";
import { put48 } from "../../bytes.ts";
import type { PeerName } from "../../types.ts";
import { libc } from "../linux/libc.ts";
import type { LinkKeys } from "./link.ts";
import type { PrepareLink } from "./protocol.ts";

/** The cipher of a name that both ends have agreed upon. */
function aeadOf(name: string): Aead | undefined {
  if (name === "aes-256-gcm") return gcmAead(libc().bindOwn);
  if (name === "chacha20-poly1305") return chachaAead();
  return secretboxAead(defaultProvider());
}

/**
 * Makes the keys of a connection, then wipes the session key that came by message. A worker that dies takes all its
 * connections with it, and new connections have new session keys: so no sealer is made twice from one key.
 */
export function makeKeys(link: PrepareLink, ownName: PeerName): LinkKeys | undefined {
  const { sessionKey, outbound } = link;
  if (sessionKey === undefined) return undefined;
  const provider = defaultProvider();
  const senderName = new Uint8Array(6);
  put48(senderName, 0, ownName);
  const aead = link.common.includes("sleeve-gso") ? aeadOf(link.aead) : undefined;
  const overlay = aead && { aead, sessionKey, protocol: `sleeve-gso ${aead.name}` };
  const keys = {
    sealer: new PacketSealer(provider, { key: sessionKey, senderOutbound: outbound, senderName }),
    opener: new PacketOpener(provider, { key: sessionKey, senderOutbound: !outbound }),
    gsoSealer: overlay && new OverlaySealer({ ...overlay, senderOutbound: outbound }),
    gsoOpener: overlay && new OverlayOpener({ ...overlay, senderOutbound: !outbound }),
  };
  sessionKey.fill(0);
  return keys;
}

/** Forgets the keys of a connection. */
export function wipeKeys(keys: LinkKeys | undefined): void {
  keys?.sealer.wipe();
  keys?.opener.wipe();
  keys?.gsoSealer?.wipe();
  keys?.gsoOpener?.wipe();
}
