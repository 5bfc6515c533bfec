import { describe, expect, it } from "vitest";
import { fromHex } from "../../../test/vectors/suite.ts";
import { decodeGob, encodeGob, GobDecoder, GobError, type GobErrorCode, gob, type Schema } from "../src/index.ts";
import { type List, list, rec } from "./support/go-types.ts";

/** The error of some code that must fail. */
function failure(run: () => unknown): { code: GobErrorCode; path: string; message: string } {
  try {
    run();
  } catch (error) {
    if (error instanceof GobError) return { code: error.code, path: error.path, message: error.message };
    throw error;
  }
  throw new Error("nothing was thrown");
}

const entry = gob.struct("entry", { Token: gob.uint32, Peer: gob.uint });
const ring = gob.struct("Ring", { Entries: gob.slice(gob.pointer(entry)) });
const state = gob.struct("state", {
  Ring: gob.pointer(ring),
  Names: gob.map(gob.uint, gob.string),
});

describe("errors name the place", () => {
  it("when a value does not match", () => {
    const Entries = [0, 1, 2, -1].map((Peer) => ({ Token: 1, Peer }));
    expect(failure(() => encodeGob(state, { Ring: { Entries } }))).toEqual({
      code: "GOB_RANGE",
      path: "Ring.Entries[3].Peer",
      message: "Ring.Entries[3].Peer: -1 does not fit uint64",
    });
    const wrong = { Names: new Map([[7, 5]]) } as unknown as { Names: Map<number, string> };
    expect(failure(() => encodeGob(state, wrong))).toMatchObject({ code: "GOB_VALUE", path: "Names[7]" });
  });

  it("when a received number does not fit", () => {
    const wide = gob.struct("entry", { Token: gob.uint, Peer: gob.uint });
    const wideRing = gob.struct("Ring", { Entries: gob.slice(wide) });
    const bytes = encodeGob(gob.struct("state", { Ring: wideRing }), {
      Ring: { Entries: [{ Token: 2 ** 32, Peer: 1 }] },
    });
    expect(failure(() => decodeGob(state, bytes))).toEqual({
      code: "GOB_RANGE",
      path: "Ring.Entries[0].Token",
      message: "Ring.Entries[0].Token: 4294967296 does not fit uint32",
    });
  });

  it("when types part, before any value is looked at", () => {
    const other = gob.struct("state", {
      Ring: gob.struct("Ring", { Entries: gob.slice(gob.struct("entry", { Token: gob.string })) }),
    });
    expect(failure(() => decodeGob(state, encodeGob(other, { Ring: { Entries: [] } })))).toEqual({
      code: "GOB_TYPE_MISMATCH",
      path: "Ring.Entries[].Token",
      message: "Ring.Entries[].Token: expected uint32, got string",
    });
  });
});

describe("hostile input", () => {
  const tooBig: [string, Schema<unknown>, string][] = [
    ["a message of 2 GiB", gob.string, "fc7fffffff"],
    ["a string longer than its message", gob.string, "040c007f61"],
    ["a slice with more elements than bytes", gob.slice(gob.uint), "0cff81020102ff82000106000008ff8200fc7fffffff00"],
    [
      "a map with more entries than bytes",
      gob.map(gob.string, gob.string),
      "0eff81040102ff8200010c010c000006ff8200fd7fffff",
    ],
    ["an integer of nine bytes", gob.string, "f7010203040506070809"],
    ["an empty message", gob.string, "00"],
    ["a type defined twice", gob.slice(gob.uint), "0cff81020102ff82000106000cff81020102ff8200010600"],
    ["a definition of one of Go's own types", gob.slice(gob.uint), "0a03020102040001060000"],
    ["a value of an undefined type", gob.slice(gob.uint), "04ff820000"],
    [
      "a field beyond the last",
      gob.struct("P", { A: gob.int }),
      "16ff8103010101500101ff82000101010141010400000005ff82050200",
    ],
  ];

  it.each(tooBig)("%s is refused", (_, schema, hex) => {
    const start = performance.now();
    expect(["GOB_MALFORMED", "GOB_LIMIT", "GOB_TYPE_MISMATCH"]).toContain(
      failure(() => decodeGob(schema, fromHex(hex))).code,
    );
    expect(performance.now() - start).toBeLessThan(100);
  });

  it("nested past the limit is refused, by the limit or by the stack", () => {
    let deep: List = { Value: 1 };
    for (let i = 0; i < 150; i++) deep = { Value: 1, Next: deep };
    const bytes = encodeGob(list, deep);
    expect(failure(() => decodeGob(list, bytes)).code).toBe("GOB_LIMIT");
    expect(decodeGob(list, bytes, { depth: 200 })).toMatchObject({ Value: 1 });
    // A slice of itself, 100,000 levels deep: every level is one byte.
    const empty = encodeGob(rec, []);
    const definition = empty.subarray(0, 1 + empty[0]!);
    const body = Uint8Array.of(0xff, 0x82, 0, ...new Uint8Array(100_000).fill(1), 0);
    const length = Uint8Array.of(0xfd, body.length >> 16, body.length >> 8, body.length);
    const hostile = Buffer.concat([definition, length, body]);
    expect(failure(() => decodeGob(rec, hostile)).code).toBe("GOB_LIMIT");
    expect(failure(() => decodeGob(rec, hostile, { depth: 1e6 })).code).toBe("GOB_LIMIT");
  });

  it("with too many elements in all is refused, though each list is small", () => {
    const lists = gob.slice(gob.slice(gob.bool));
    const bytes = encodeGob(
      lists,
      Array.from({ length: 100 }, () => new Array(100).fill(false)),
    );
    expect(failure(() => decodeGob(lists, bytes, { elements: 10_000 })).code).toBe("GOB_LIMIT");
    expect(decodeGob(lists, bytes, { elements: 10_100 })).toHaveLength(100);
  });

  it("with too many types is refused", () => {
    const fields = Object.fromEntries(
      Array.from({ length: 30 }, (_, i) => [`F${i}`, gob.struct(`T${i}`, { X: gob.int })]),
    );
    const many = gob.struct("Many", fields);
    const bytes = encodeGob(many, {} as never);
    expect(failure(() => decodeGob(many, bytes, { types: 30 })).code).toBe("GOB_LIMIT");
    expect(decodeGob(many, bytes, { types: 31 })).toBeTypeOf("object");
  });

  it("longer than the limit for messages is refused before it has arrived", () => {
    const decoder = new GobDecoder(fromHex("fd100000"), { messageBytes: 2 ** 20 - 1 });
    expect(failure(() => decoder.next(gob.string)).code).toBe("GOB_LIMIT");
  });

  it("cannot make a decoder's buffer grow byte by byte at a quadratic cost", () => {
    const bytes = encodeGob(gob.bytes, new Uint8Array(200_000));
    const decoder = new GobDecoder();
    const start = performance.now();
    let early = 0;
    for (let at = 0; at < bytes.length - 1; at++) {
      decoder.push(bytes.subarray(at, at + 1));
      if (decoder.next(gob.bytes) !== undefined) early++;
    }
    decoder.push(bytes.subarray(bytes.length - 1));
    expect(early).toBe(0);
    expect(decoder.next(gob.bytes)).toHaveLength(200_000);
    expect(performance.now() - start).toBeLessThan(3000);
  });
});

describe("schemas", () => {
  it.each([
    ["a lower-case field", () => gob.struct("S", { x: gob.int })],
    ["a slice of bytes by another name", () => gob.slice(gob.uint8)],
    ["an array of negative length", () => gob.array(gob.int, -1)],
  ])("with %s are refused", (_, make) => {
    expect(failure(make).code).toBe("GOB_SCHEMA");
  });

  it("that consist of nothing but themselves are refused", () => {
    const self: Schema<unknown> = gob.pointer(gob.lazy(() => self)) as Schema<unknown>;
    expect(failure(() => encodeGob(self, 1)).code).toBe("GOB_SCHEMA");
  });

  it("of numbers hold to their width", () => {
    expect(failure(() => encodeGob(gob.uint16, 65536)).code).toBe("GOB_RANGE");
    expect(failure(() => encodeGob(gob.int8, -129)).code).toBe("GOB_RANGE");
    expect(failure(() => encodeGob(gob.uint, 2 ** 53)).code).toBe("GOB_RANGE");
    expect(failure(() => encodeGob(gob.uint64, 2n ** 64n)).code).toBe("GOB_RANGE");
    expect(failure(() => encodeGob(gob.float32, 1e300)).code).toBe("GOB_RANGE");
    expect(failure(() => decodeGob(gob.uint, encodeGob(gob.uint64, 2n ** 53n))).code).toBe("GOB_RANGE");
    expect(failure(() => decodeGob(gob.int, encodeGob(gob.int64, -(2n ** 63n)))).code).toBe("GOB_RANGE");
    expect(decodeGob(gob.int, encodeGob(gob.int64, -(2n ** 53n) + 1n))).toBe(Number.MIN_SAFE_INTEGER);
    expect(decodeGob(gob.uint, encodeGob(gob.uint64, 2n ** 53n - 1n))).toBe(Number.MAX_SAFE_INTEGER);
  });

  it("tell an absent map from an empty one", () => {
    expect(decodeGob(state, encodeGob(state, {})).Names).toBeUndefined();
    expect(decodeGob(state, encodeGob(state, { Names: new Map() })).Names).toEqual(new Map());
  });
});
