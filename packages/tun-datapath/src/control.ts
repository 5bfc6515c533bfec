/**
 * Control messages of an overlay, sent over the mesh's TCP connection.
 *
 * ```text
 * tag 7     | overlay's index in the common list (1) | sub-tag (1) | payload |
 * tag 1..3  | payload |                                  to peers that announce no overlays: sleeve only
 * ```
 * Source: docs/protocol/overlay.md#11.3 and docs/protocol/overlay.md#12.6. Weave Net 2.8 crashes on less than two bytes and on a wrong index, so neither is ever sent.
 */
export const TAG_OVERLAY = 7;
export const CONTROL_HEARD = 1;
export const CONTROL_FRAGMENTS_ARRIVE = 2;
export const CONTROL_PROBE_ARRIVED = 3;
/** Fast paths: the heartbeat arrived. */
export const CONTROL_FAST_ACK = 0;
/** For `vxlan`, between our peers: the MAC in the payload lives at the sender, whose frames the kernel carries past the receiver. */
export const CONTROL_FAST_HOME = 1;

/** A control message taken apart; `payload` is borrowed. */
export interface OverlayControl {
  readonly index: number;
  readonly sub: number;
  readonly payload: Uint8Array;
}

/** Payload of a tag 7 message. */
export function encodeControl({ index, sub, payload }: OverlayControl): Uint8Array {
  const b = new Uint8Array(2 + payload.length);
  b[0] = index;
  b[1] = sub;
  b.set(payload, 2);
  return b;
}

/** Reads a message of either form; undefined when it is too short to mean anything. */
export function decodeControl(tag: number, payload: Uint8Array): OverlayControl | undefined {
  if (tag !== TAG_OVERLAY) return { index: 0, sub: tag, payload };
  if (payload.length < 2) return undefined;
  return { index: payload[0] as number, sub: payload[1] as number, payload: payload.subarray(2) };
}

/** Overlay names that both ends have, in our order: each end counts indexes in its own order. */
export function commonOverlays(ours: readonly string[], theirs: string | undefined): readonly string[] {
  const known = new Set(theirs?.split(" "));
  return ours.filter((name) => known.has(name));
}
