import { checkLength, SleeveCryptoError } from "./errors.ts";
import { hkdfSha256 } from "./hkdf.ts";
import { KEY_BYTES } from "./provider.ts";

const SALT: Uint8Array = new TextEncoder().encode("weaved overlay keys 1");

/** Which of a connection's keys is wanted. */
export interface OverlayKeyInput {
  /** The connection's key, 32 bytes; see `sessionKey`. */
  readonly sessionKey: Uint8Array;
  /** Name of the overlay and cipher, such as `sleeve-gso aes-256-gcm`. Other names give unrelated keys. */
  readonly protocol: string;
  /** Whether the key is for what the dialling side sends. */
  readonly senderOutbound: boolean;
  /** Number of the key in its direction, 0 to 2^32 - 1. */
  readonly epoch: number;
}

/**
 * One key of an overlay: `HKDF-SHA256(session key, salt, direction (1) || epoch (4) || protocol)`, 32 bytes.
 *
 * Why a pair of key and nonce never occurs twice:
 * 1. The session key comes from two key pairs that were made for this TCP connection. Either side's fresh half makes it
 *    new, even where the other side's random numbers repeat (a cloned virtual machine).
 * 2. Direction and protocol enter the derivation, so the two ends, or two overlays, never encrypt under one key. The
 *    TCP stream and sleeve use the session key itself, which is apart from all of these.
 * 3. Under one key the nonce is `epoch || sequence`, and a sealer's sequence only rises: it never restarts, not even
 *    with a new epoch, and ends in CRYPTO_EXHAUSTED.
 * 4. A sealer's state is never stored or copied. A second sealer for a living connection (of a forwarding
 *    process that was restarted) needs a higher `incarnation`, the upper part of the epoch, hence other keys.
 */
export function deriveOverlayKey({ sessionKey, protocol, senderOutbound, epoch }: OverlayKeyInput): Uint8Array {
  checkLength(sessionKey, KEY_BYTES, "the session key");
  if (!Number.isInteger(epoch) || epoch < 0 || epoch > 0xffffffff) {
    throw new SleeveCryptoError(
      "CRYPTO_EXHAUSTED",
      `${epoch} is not an epoch from 0 to 2^32 - 1; make a new connection`,
    );
  }
  const name = new TextEncoder().encode(protocol);
  const info = new Uint8Array(5 + name.length);
  info[0] = senderOutbound ? 1 : 0;
  new DataView(info.buffer).setUint32(1, epoch);
  info.set(name, 5);
  return hkdfSha256({ secret: sessionKey, salt: SALT, info }, KEY_BYTES);
}

/** Both keys of one end for one epoch. */
export interface OverlayKeys {
  readonly send: Uint8Array;
  readonly receive: Uint8Array;
}

/** The keys with which one end sends and receives in an epoch. `outbound`: whether this end dialled. */
export function deriveOverlayKeys(
  input: Omit<OverlayKeyInput, "senderOutbound"> & { readonly outbound: boolean },
): OverlayKeys {
  return {
    send: deriveOverlayKey({ ...input, senderOutbound: input.outbound }),
    receive: deriveOverlayKey({ ...input, senderOutbound: !input.outbound }),
  };
}
