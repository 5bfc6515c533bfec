/**
 * Envelopes of gossip: after the tag, a gob stream of basic values, one after the other.
 *
 * ```
 * 4 gossip      channel, source (the neighbour that sends it), payload
 * 5 unicast     channel, source (the originator), destination, payload
 * 6 broadcast   channel, source (the originator), payload
 * ```
 * Example: `04 0b0c0008746f706f6c6f6779 090600fa7a9febb60c6e 030a0000`: topology gossip, empty, from 7a:9f:eb:b6:0c:6e.
 */
import { GobDecoder, GobEncoder, gob } from "@weaved/gob-codec";
import { MeshError } from "../errors.ts";
import type { PeerName } from "../ports.ts";

/** First byte of every protocol message. 1 to 3 are sleeve's control messages to peers without an overlay switch. */
export const Tag = {
  heartbeat: 0,
  gossip: 4,
  unicast: 5,
  broadcast: 6,
  overlayControl: 7,
  // Only between peers that speak the topology sync: a ping asks for a pong; a notice is text for the operator.
  ping: 250,
  pong: 251,
  notice: 252,
} as const;

/** A gossip message of any kind. */
export interface Envelope {
  readonly tag: typeof Tag.gossip | typeof Tag.unicast | typeof Tag.broadcast;
  readonly channel: string;
  readonly source: PeerName;
  /** Of unicasts only; 0 otherwise. */
  readonly destination: PeerName;
  readonly payload: Uint8Array;
}

/** A whole protocol message, tag included. */
export function encodeEnvelope(envelope: Envelope): Uint8Array {
  const encoder = new GobEncoder();
  const parts = [
    Uint8Array.of(envelope.tag),
    encoder.encode(gob.string, envelope.channel),
    encoder.encode(gob.uint, envelope.source),
    ...(envelope.tag === Tag.unicast ? [encoder.encode(gob.uint, envelope.destination)] : []),
    encoder.encode(gob.bytes, envelope.payload),
  ];
  const message = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    message.set(part, at);
    at += part.length;
  }
  return message;
}

/** Reads what follows the tag. The payload is a copy. @throws MeshError MESH_PROTOCOL */
export function decodeEnvelope(tag: Envelope["tag"], bytes: Uint8Array): Envelope {
  try {
    const decoder = new GobDecoder(bytes);
    const channel = decoder.next(gob.string);
    const source = decoder.next(gob.uint64);
    const destination = tag === Tag.unicast ? decoder.next(gob.uint64) : 0n;
    const payload = decoder.next(gob.bytes);
    if (channel === undefined || source === undefined || destination === undefined || payload === undefined) {
      throw new MeshError("MESH_PROTOCOL", "a gossip message is cut short");
    }
    return { tag, channel, source: toName(source), destination: toName(destination), payload };
  } catch (error) {
    if (error instanceof MeshError) throw error;
    throw new MeshError("MESH_PROTOCOL", `a gossip message does not decode: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

function toName(value: bigint): PeerName {
  if (value >= 1n << 48n) throw new MeshError("MESH_PROTOCOL", `${value} is no peer name`);
  return Number(value);
}
