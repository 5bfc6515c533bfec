/** How the two protocol versions put messages on the stream, once the header is through. */
import { GobDecoder, GobEncoder, type GobError, gob } from "@weaved/gob-codec";
import { type CryptoProvider, StreamOpener, StreamSealer } from "@weaved/sleeve-crypto";
import { MeshError } from "../errors.ts";
import { ByteQueue } from "./byte-queue.ts";
import { type Features, featuresSchema } from "./features.ts";
import { encodeFrame, MAX_FRAME_BYTES, takeFrame } from "./frame.ts";

/** Longest feature map taken from a stranger. Real ones have some 300 bytes. */
const MAX_FEATURES_BYTES = 16 * 1024;
/** Room for gob's own few bytes around a message of version 1, which the original does not limit at all. */
const MAX_GOB_BYTES = MAX_FRAME_BYTES + 64;

/** The sealed or clear form of a message. */
export interface Sealing {
  seal(message: Uint8Array): Uint8Array;
  /** @throws MeshError MESH_DECRYPT */
  open(sealed: Uint8Array): Uint8Array;
  wipe(): void;
}

/** No password: messages as they are. */
export const CLEAR: Sealing = { seal: (message) => message, open: (message) => message, wipe: () => {} };

/** Seals with a session key, which is copied. */
export function sealing(provider: CryptoProvider, key: Uint8Array, outbound: boolean): Sealing {
  const sealer = new StreamSealer(provider, { key, senderOutbound: outbound });
  const opener = new StreamOpener(provider, { key, senderOutbound: !outbound });
  return {
    seal: (message) => sealer.seal(message),
    open(sealed) {
      const message = opener.open(sealed);
      if (!message)
        throw new MeshError("MESH_DECRYPT", "a message does not open: is the password the same on both sides?");
      return message;
    },
    wipe() {
      sealer.wipe();
      opener.wipe();
    },
  };
}

/** One protocol version's messages. Bytes go in and out; features are the first message each way. */
export interface Codec {
  encodeFeatures(features: Features): Uint8Array;
  encode(message: Uint8Array): Uint8Array;
  push(bytes: Uint8Array): void;
  /** The next message, undefined until it is whole; borrowed until the next push. @throws MeshError */
  next(): Uint8Array | undefined;
  /** The remote's features. To be called before `next`. @throws MeshError */
  nextFeatures(): Features | undefined;
  settle(): void;
}

/** Frames; the feature map is a gob stream of its own, sealed like every message. */
export function frameCodec(seal: Sealing): Codec {
  const queue = new ByteQueue();
  const next = (limit: number): Uint8Array | undefined => {
    const body = takeFrame(queue, limit);
    return body && seal.open(body);
  };
  return {
    encodeFeatures: (features) =>
      encodeFrame(seal.seal(new GobEncoder().encode(featuresSchema, new Map(Object.entries(features))))),
    encode: (message) => encodeFrame(seal.seal(message)),
    push: (bytes) => queue.push(bytes),
    next: () => next(MAX_FRAME_BYTES),
    nextFeatures() {
      const body = next(MAX_FEATURES_BYTES);
      if (!body) return undefined;
      return guarded(() => {
        const map = new GobDecoder(body).next(featuresSchema);
        if (!map) throw new MeshError("MESH_FEATURES", "the feature map is cut short");
        return Object.fromEntries(map);
      });
    },
    settle: () => queue.settle(),
  };
}

/** One gob stream a direction, for the life of the connection. The feature map is in clear. */
export function gobCodec(): Codec & { seal(sealing: Sealing): void } {
  const encoder = new GobEncoder();
  const decoder = new GobDecoder(undefined, { messageBytes: MAX_GOB_BYTES });
  let seal = CLEAR;
  return {
    encodeFeatures: (features) => encoder.encode(featuresSchema, new Map(Object.entries(features))),
    encode: (message) => encoder.encode(gob.bytes, seal.seal(message)),
    push(bytes) {
      // The decoder borrows what it is given; ours is on loan itself.
      decoder.push(bytes.slice());
    },
    next() {
      const body = guarded(() => decoder.next(gob.bytes));
      return body && seal.open(body);
    },
    nextFeatures: () =>
      guarded(() => {
        const map = decoder.next(featuresSchema);
        if (!map && decoder.remaining > MAX_FEATURES_BYTES)
          throw new MeshError("MESH_OVERSIZE", "an endless feature map");
        return map && Object.fromEntries(map);
      }),
    settle: () => {},
    seal(sealing) {
      seal = sealing;
    },
  };
}

function guarded<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof MeshError) throw error;
    const { code, message } = error as GobError;
    throw new MeshError(code === "GOB_LIMIT" ? "MESH_OVERSIZE" : "MESH_PROTOCOL", `not understood: ${message}`, {
      cause: error,
    });
  }
}
