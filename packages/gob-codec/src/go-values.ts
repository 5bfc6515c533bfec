import type { CustomCodec } from "./schema.ts";

/** A Go `time.Time`. */
export interface GobTime {
  /** Nanoseconds since 1970-01-01 UTC. */
  readonly epochNanoseconds: bigint;
  /** Seconds east of UTC; absent for UTC itself. */
  readonly offsetSeconds?: number | undefined;
}

/** Seconds from year 1 to 1970. */
const YEAR_1 = 62_135_596_800n;
const NANOSECONDS = 1_000_000_000n;
/** Stands for UTC in place of an offset in minutes. */
const UTC = -1;
const ZERO_TIME: GobTime = { epochNanoseconds: -YEAR_1 * NANOSECONDS };

/**
 * The bytes of `Time.MarshalBinary`: `version | int64 seconds since year 1 | int32 nanoseconds | int16 minutes east of UTC`, and in
 * version 2 the seconds of the offset in one more byte.
 */
export const timeCodec: CustomCodec<GobTime> = {
  name: "time.Time",
  encode({ epochNanoseconds, offsetSeconds }) {
    const odd = (offsetSeconds ?? 0) % 60;
    const bytes = new Uint8Array(odd === 0 ? 15 : 16);
    const view = new DataView(bytes.buffer);
    const nanoseconds = ((epochNanoseconds % NANOSECONDS) + NANOSECONDS) % NANOSECONDS;
    view.setUint8(0, odd === 0 ? 1 : 2);
    view.setBigInt64(1, (epochNanoseconds - nanoseconds) / NANOSECONDS + YEAR_1);
    view.setInt32(9, Number(nanoseconds));
    view.setInt16(13, offsetSeconds === undefined ? UTC : Math.trunc(offsetSeconds / 60));
    if (odd !== 0) view.setInt8(15, odd);
    return bytes;
  },
  decode(bytes) {
    const version = bytes[0] ?? 0;
    if (version < 1 || version > 2 || bytes.length !== 14 + version) {
      throw new Error(`a time of version ${version} in ${bytes.length} bytes`);
    }
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const epochNanoseconds = (view.getBigInt64(1) - YEAR_1) * NANOSECONDS + BigInt(view.getInt32(9));
    const minutes = view.getInt16(13);
    if (minutes === UTC) return { epochNanoseconds };
    return { epochNanoseconds, offsetSeconds: minutes * 60 + (version === 2 ? view.getInt8(15) : 0) };
  },
  zero: () => ZERO_TIME,
  isZero: ({ epochNanoseconds, offsetSeconds }) =>
    epochNanoseconds === ZERO_TIME.epochNanoseconds && offsetSeconds === undefined,
};

/** `version << 1 | sign`, in front of the magnitude. */
const BIG_INT_VERSION = 1;

/** The bytes of `Int.GobEncode`: `version and sign | magnitude, big-endian`; nothing for a nil pointer. */
export const bigIntCodec: CustomCodec<bigint> = {
  name: "big.Int",
  encode(value) {
    const magnitude = value < 0n ? -value : value;
    const digits = magnitude === 0n ? "" : magnitude.toString(16);
    const hex = digits.padStart(digits.length + (digits.length % 2), "0");
    const bytes = new Uint8Array(1 + hex.length / 2);
    bytes[0] = (BIG_INT_VERSION << 1) | (value < 0n ? 1 : 0);
    for (let i = 1; i < bytes.length; i++) bytes[i] = Number.parseInt(hex.slice(i * 2 - 2, i * 2), 16);
    return bytes;
  },
  decode(bytes) {
    const [head = BIG_INT_VERSION << 1, ...magnitude] = bytes;
    if (head >> 1 !== BIG_INT_VERSION) throw new Error(`a big.Int of version ${head >> 1}`);
    const hex = magnitude.map((byte) => byte.toString(16).padStart(2, "0")).join("");
    const value = hex === "" ? 0n : BigInt(`0x${hex}`);
    return (head & 1) === 1 ? -value : value;
  },
  zero: () => 0n,
  isZero: (value) => value === 0n,
};
