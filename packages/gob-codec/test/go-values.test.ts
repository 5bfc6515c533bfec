import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fromHex, toHex } from "../../../test/vectors/suite.ts";
import { decodeGob, encodeGob, GobDecoder, GobEncoder, gob } from "../src/index.ts";

/** Made by Go 1.26: type Timed struct { At time.Time; N *big.Int; Tail int }, in UTC and at UTC+1:01:30. */
const TIMED =
  "2bff8f0301010554696d656401ff900001030102417401ff8e0001014e01ff920001045461696c010400000010ff8d0501010454696d6501ff8e0000000aff91050102ff9400000021ff90010f010000000ed6f0070000000005ffff010903112210f47de98115010a001aff900110020000000edd2565bb00000006003d1e010102010a00";
const timed = gob.struct("main.Timed", { At: gob.time, N: gob.pointer(gob.bigInt), Tail: gob.int });

describe("gob.time and gob.bigInt", () => {
  it("read the bytes of Go", () => {
    const decoder = new GobDecoder(fromHex(TIMED));
    const utc = { epochNanoseconds: 1_600_000_000_000_000_005n };
    const local = { epochNanoseconds: 1_704_160_955_000_000_006n, offsetSeconds: 3690 };
    expect(decoder.next(timed)).toEqual({ At: utc, N: -1_234_567_890_123_456_789n, Tail: 5 });
    expect(decoder.next(timed)).toEqual({ At: local, N: 0n, Tail: 5 });
  });

  it.each([
    ["the zero time", gob.time, { epochNanoseconds: -62_135_596_800_000_000_000n }, "0f01000000000000000000000000ffff"],
    ["the number 0", gob.bigInt, 0n, "0102"],
  ])("write %s as Go does", (_, schema, value, hex) => {
    const encoder = new GobEncoder() as { encode(schema: unknown, value: unknown): Uint8Array };
    expect(toHex(encoder.encode(schema, value)).endsWith(hex)).toBe(true);
  });

  it("give any value back", () => {
    const schema = gob.struct("V", { At: gob.time, N: gob.bigInt });
    fc.assert(
      fc.property(
        fc.bigInt({ min: -(2n ** 80n), max: 2n ** 80n }),
        fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }),
        fc.option(fc.integer({ min: -50_000, max: 50_000 }), { nil: undefined }),
        (N, epochNanoseconds, seconds) => {
          // An offset of a minute west is what stands for UTC.
          const offset = seconds === undefined || Math.trunc(seconds / 60) === -1 ? {} : { offsetSeconds: seconds };
          const value = { At: { epochNanoseconds, ...offset }, N };
          expect(decodeGob(schema, encodeGob(schema, value))).toEqual(value);
        },
      ),
    );
  });
});

describe("gob.opaque", () => {
  it("hands over the bytes of a type with its own marshaler, and sends them", () => {
    const schema = gob.struct("main.Timed", { At: gob.opaque("time.Time"), Tail: gob.int });
    const At = fromHex("010000000ed6f0070000000005ffff");
    expect(decodeGob(schema, fromHex(TIMED))).toEqual({ At, Tail: 5 });
    expect(decodeGob(gob.struct("main.Timed", { At: gob.time }), encodeGob(schema, { At, Tail: 5 }))).toEqual({
      At: { epochNanoseconds: 1_600_000_000_000_000_005n },
    });
  });

  it("is absent when it is empty", () => {
    const schema = gob.struct("S", { A: gob.opaque("x.Y", "binary"), N: gob.int });
    const empty = { A: new Uint8Array(0), N: 1 };
    expect(decodeGob(schema, encodeGob(schema, empty))).toEqual(empty);
  });
});
