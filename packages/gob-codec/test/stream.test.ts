import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { toHex } from "../../../test/vectors/suite.ts";
import { decodeGob, encodeGob, GobDecoder, GobEncoder, GobError, gob, type Schema } from "../src/index.ts";
import { samples, streams } from "./support/arbitrary.ts";

const point = gob.struct("Point", { X: gob.int, Y: gob.int, Name: gob.string });

describe("a stream", () => {
  it("gives back what was put in, for any type, fed in pieces of any size", () => {
    fc.assert(
      fc.property(streams, fc.integer({ min: 1, max: 50 }), ({ schema, values }, size) => {
        const encoder = new GobEncoder();
        const bytes = Buffer.concat(values.map((value) => encoder.encode(schema, value)));
        const decoder = new GobDecoder();
        const received = [];
        for (let at = 0; at < bytes.length; at += size) {
          decoder.push(bytes.subarray(at, at + size));
          for (let value = decoder.next(schema); value !== undefined; value = decoder.next(schema))
            received.push(value);
        }
        expect(received).toEqual(values);
        expect(decoder.atEnd).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it("goes on behind a value that was skipped, its definitions learned", () => {
    fc.assert(
      fc.property(streams, fc.integer({ min: 0, max: 5 }), ({ schema, values }, skipped) => {
        const encoder = new GobEncoder();
        const bytes = Buffer.concat(values.map((value) => encoder.encode(schema, value)));
        const decoder = new GobDecoder(bytes);
        const received = values.map((value, i) => (i % 6 === skipped ? decoder.skip() && value : decoder.next(schema)));
        expect(received).toEqual(values);
        expect([decoder.atEnd, decoder.skip()]).toEqual([true, false]);
      }),
      { numRuns: 200 },
    );
  });

  it("that was cut is incomplete, never a wrong value", () => {
    fc.assert(
      fc.property(streams, ({ schema, values }) => {
        const bytes = encodeGob(schema, values[0]);
        for (let length = 0; length < bytes.length; length++) {
          expect(new GobDecoder(bytes.subarray(0, length)).next(schema)).toBeUndefined();
        }
      }),
      { numRuns: 100 },
    );
  });

  it("does not write into the caller's chunks", () => {
    const encoder = new GobEncoder();
    const first = encoder.encode(point, { X: 1, Y: 2, Name: "a" });
    const room = new Uint8Array(500).fill(0xee);
    room.set(first);
    const decoder = new GobDecoder(room.subarray(0, first.length - 1));
    expect(decoder.next(point)).toBeUndefined();
    decoder.push(first.subarray(first.length - 1));
    expect(decoder.next(point)).toEqual({ X: 1, Y: 2, Name: "a" });
    expect(room.subarray(first.length).every((byte) => byte === 0xee)).toBe(true);
  });

  it("gives bytes of their own, also from a Buffer that is used again", () => {
    const chunk = Buffer.from(encodeGob(gob.bytes, Uint8Array.of(1, 2, 3)));
    const bytes = decodeGob(gob.bytes, chunk);
    chunk.fill(0);
    expect(bytes).toEqual(Uint8Array.of(1, 2, 3));
  });

  it("takes undefined for a zero in any field", () => {
    const outer = gob.struct("Outer", { In: point, Pair: gob.array(gob.int, 2), On: gob.bool });
    const zero = { In: { X: 0, Y: 0, Name: "" }, Pair: [0, 0], On: false };
    expect(toHex(encodeGob(outer, {} as typeof zero))).toBe(toHex(encodeGob(outer, zero)));
  });

  it("defines a type once, however many values follow", () => {
    const encoder = new GobEncoder();
    const first = encoder.encode(point, { X: 1, Y: 2, Name: "" });
    const second = encoder.encode(point, { X: 1, Y: 2, Name: "" });
    expect(toHex(first).endsWith(toHex(second))).toBe(true);
    expect(toHex(second)).toBe("07ff820102010400");
  });

  it("may leave out the terminators at the end of a message, which Go's decoder lets pass", () => {
    const bytes = encodeGob(point, { X: 1, Y: 2, Name: "" });
    const cut = bytes.slice(0, -1);
    // The value is the last message, of 7 bytes; its terminator goes, and its length with it.
    cut[cut.length - 7] = 6;
    expect(decodeGob(point, cut)).toEqual({ X: 1, Y: 2, Name: "" });
  });

  it("is not touched by a value that failed", () => {
    const encoder = new GobEncoder();
    expect(() => encoder.encode(point, { X: 0.5, Y: 0, Name: "" })).toThrow(GobError);
    const bytes = encoder.encode(point, { X: 1, Y: 0, Name: "" });
    expect(decodeGob(point, bytes)).toEqual({ X: 1, Y: 0, Name: "" });
  });

  it("may nest another one in a custom type", () => {
    const wrapped = gob.custom({
      name: "Wrapped",
      encode: (value: { X: number; Y: number; Name: string }) => encodeGob(point, value),
      decode: (bytes) => decodeGob(point, bytes),
      zero: () => ({ X: 0, Y: 0, Name: "" }),
    });
    const values = gob.slice(wrapped);
    const value = [1, 2, 3].map((X) => ({ X, Y: 0, Name: "n".repeat(X * 2000) }));
    expect(decodeGob(values, encodeGob(values, value))).toEqual(value);
  });

  it("stays broken once it broke, with the same error", () => {
    const decoder = new GobDecoder(Uint8Array.of(3, 12, 1, 0));
    const errors = [1, 2].map(() => {
      try {
        return decoder.next(gob.string);
      } catch (error) {
        return error;
      }
    });
    expect(errors[0]).toBeInstanceOf(GobError);
    expect(errors[1]).toBe(errors[0]);
  });
});

describe("definitions seen before", () => {
  it("are recognised by their bytes only", () => {
    const other = gob.struct("Point", { X: gob.string, Y: gob.int, Name: gob.string });
    const ours = encodeGob(point, { X: 1, Y: 2, Name: "" });
    const theirs = encodeGob(other, { X: "x", Y: 2, Name: "" });
    for (let i = 0; i < 3; i++) {
      expect(decodeGob(point, ours).X).toBe(1);
      expect(decodeGob(other, theirs).X).toBe("x");
      expect(() => decodeGob(point, theirs)).toThrow(/X: expected int64, got string/);
    }
  });
});

describe("any bytes", () => {
  const limits = { elements: 10_000, messageBytes: 100_000 };
  const check = (schema: Schema<unknown>, bytes: Uint8Array): void => {
    try {
      const decoder = new GobDecoder(bytes, limits);
      while (decoder.next(schema) !== undefined);
    } catch (error) {
      if (!(error instanceof GobError)) throw error;
    }
  };

  it("give values or a GobError", () => {
    fc.assert(
      fc.property(samples, fc.uint8Array({ maxLength: 300 }), ({ schema }, bytes) => check(schema, bytes)),
      { numRuns: 2000 },
    );
  });

  it("that were valid before a few were changed give values or a GobError", () => {
    const changes = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 });
    fc.assert(
      fc.property(streams, changes, ({ schema, values }, edits) => {
        const encoder = new GobEncoder();
        const bytes = Buffer.concat(values.map((value) => encoder.encode(schema, value)));
        for (const [at, byte] of edits) bytes[at % bytes.length] = byte;
        check(schema, bytes);
      }),
      { numRuns: 2000 },
    );
  });
});
