/**
 * Encryption for our own overlays, where both ends may agree on a faster cipher and on keys that change.
 *
 * @packageDocumentation
 */
export { AEAD_NONCE_BYTES, type Aead, type AeadKey, type AeadName, secretboxAead } from "./aead.ts";
export { deriveOverlayKey, deriveOverlayKeys, type OverlayKeyInput, type OverlayKeys } from "./overlay-keys.ts";
export {
  type OpenInput,
  OVERLAY_HEAD_BYTES,
  OverlayOpener,
  type OverlayOpenerOptions,
  type OverlayOptions,
  OverlaySealer,
  type OverlaySealerOptions,
  type RekeyLimits,
} from "./super-frame.ts";
