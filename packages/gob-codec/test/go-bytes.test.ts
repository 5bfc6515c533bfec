import { describe, expect, it } from "vitest";
import { fromHex, toHex } from "../../../test/vectors/suite.ts";
import { decodeGob, GobEncoder, gob, type Schema } from "../src/index.ts";
import { a, b, list, rec, recMap, time, timed, tree } from "./support/go-types.ts";

/** Made by Go 1.26, where a fresh process numbers types from 64. */
const firstId = 64;

// biome-ignore lint/suspicious/noExplicitAny: a table of types
const cases: [string, Schema<any>, unknown, string][] = [
  [
    "a list",
    list,
    { Value: 1, Next: { Value: 2, Next: undefined } },
    "257f030101044c69737401ff80000102010556616c756501040001044e65787401ff8000000009ff8001020101040000",
  ],
  [
    "a tree with slices and maps of itself",
    tree,
    {
      Name: "r",
      Kids: [{ Name: "k", Kids: [], Index: undefined }],
      Index: new Map([["i", { Name: "j", Kids: [], Index: undefined }]]),
    },
    "2f7f030101045472656501ff8000010301044e616d65010c0001044b69647301ff82000105496e64657801ff840000001bff810201010c5b5d2a6d61696e2e5472656501ff820001ff80000026ff83040101156d61705b737472696e675d2a6d61696e2e5472656501ff8400010c01ff80000014ff80010172010101016b000101016901016a0000",
  ],
  [
    "two types that contain each other",
    a,
    {
      B: { As: [{ B: undefined, N: 1 }], M: new Map([["k", { B: undefined, N: 2 }]]) },
      N: 3,
    },
    "1b7f030101014101ff8000010201014201ff820001014e01060000001eff81030101014201ff820001020102417301ff840001014d01ff8600000017ff83020101085b5d6d61696e2e4101ff840001ff80000022ff85040101116d61705b737472696e675d6d61696e2e4101ff8600010c01ff80000013ff800101010201000101016b02020000010300",
  ],
  [
    "the same two from the other end",
    b,
    { As: [{ B: undefined, N: 1 }], M: new Map([["k", { B: undefined, N: 2 }]]) },
    "1d7f030101014201ff800001020102417301ff840001014d01ff8600000017ff83020101085b5d6d61696e2e4101ff840001ff8200001cff81030101014101ff8200010201014201ff800001014e010600000022ff85040101116d61705b737472696e675d6d61696e2e4101ff8600010c01ff8200000fff8001010201000101016b02020000",
  ],
  ["a slice of itself", rec, [[], [[]]], "117f0201010352656301ff800001ff80000007ff800002000100"],
  [
    "a map of itself",
    recMap,
    new Map([["a", new Map([["b", new Map()]])]]),
    "167f040101065265634d617001ff8000010c01ff8000000aff800001016101016200",
  ],
  [
    "a type with its own bytes",
    time,
    1_600_000_000_000_000_005n,
    "0f7f0501010454696d6501ff8000000013ff80000f010000000ed6f0070000000005ffff",
  ],
  [
    "complex numbers, single floats, empty structs, empty arrays, pointers to pointers",
    gob.struct("main.Odd", {
      C: gob.complex128,
      C0: gob.complex128,
      F: gob.float32,
      E: gob.struct("struct {}", {}),
      Z: gob.array(gob.named("int", gob.int), 0),
      PP: gob.pointer(gob.pointer(gob.int)),
    }),
    { C: { re: 1, im: 2 }, C0: { re: 0, im: 0 }, F: 1.5, E: {}, Z: [], PP: 7 },
    "387f030101034f646401ff80000106010143010e0001024330010e0001014601080001014501ff820001015a01ff840001025050010400000015ff8103010109737472756374207b7d01ff8200000014ff83010101065b305d696e7401ff84000104000012ff8001fef03f4002fef83f01000100010e00",
  ],
];

/** `int` of Go, which is spelled so inside anonymous structs. */
const int = gob.named("int", gob.int);

/** Numbered behind other types of the same process, hence the first id. */
// biome-ignore lint/suspicious/noExplicitAny: a table of types
const anonymous: [string, number, Schema<any>, unknown, string][] = [
  [
    "anonymous structs in fields, slices, maps, and arrays",
    75,
    gob.struct("main.Anon", {
      A: gob.int,
      B: gob.struct("", { C: gob.string }),
      D: gob.slice(gob.struct("", { E: int })),
      F: gob.map(gob.string, gob.struct("", { G: gob.pointer(int) })),
      H: gob.array(gob.struct("", {}), 2),
    }),
    { A: 1, B: { C: "c" }, D: [{ E: 1 }], F: new Map([["k", { G: 5 }]]), H: [{}, {}] },
    "34ff9503010104416e6f6e01ff9600010501014101040001014201ff980001014401ff9c0001014601ffa00001014801ffa400000027ff9703010113737472756374207b204320737472696e67207d01ff98000101010143010c00000021ff9b020101125b5d737472756374207b204520696e74207d01ff9c0001ff9a000012ff99030102ff9a00010101014501040000002dff9f0401011c6d61705b737472696e675d737472756374207b2047202a696e74207d01ffa000010c01ff9e000012ff9d030102ff9e00010101014701040000001dffa30101010c5b325d737472756374207b7d01ffa40001ffa2010400000affa1030102ffa20000001aff960102010101630001010102000101016b010a000102000000",
  ],
  [
    "an anonymous struct by itself",
    87,
    gob.struct("", { A: gob.int }),
    { A: 1 },
    "12ffad030102ffae000101010141010400000005ffae010200",
  ],
];

describe("bytes of Go", () => {
  it.each(anonymous)("for %s are ours", (_, id, schema, value, hex) => {
    expect(decodeGob(schema, fromHex(hex))).toEqual(value);
    expect(toHex(new GobEncoder({ firstId: id }).encode(schema, value))).toBe(hex);
  });

  it("define equal anonymous structs once", () => {
    const part = (): Schema<{ A: number }> => gob.struct("", { A: gob.int });
    const twice = gob.struct("S", { X: part(), Y: part() });
    const once = part();
    const shared = gob.struct("S", { X: once, Y: once });
    const value = { X: { A: 1 }, Y: { A: 2 } };
    expect(toHex(new GobEncoder().encode(twice, value))).toBe(toHex(new GobEncoder().encode(shared, value)));
  });

  it.each(cases)("for %s are ours", (_, schema, value, hex) => {
    expect(decodeGob(schema, fromHex(hex))).toEqual(value);
    expect(toHex(new GobEncoder({ firstId }).encode(schema, value))).toBe(hex);
  });

  it("for a marshaler with a pointer receiver, which Go describes in a roundabout way, are understood", () => {
    const hex =
      "2e7f0301010554696d656401ff800001030102417401ff820001045a65726f01ff820001044c696e6b01ff8400000010ff810501010454696d6501ff820000000aff83060102ff8600000014ff870301010855736572696e666f01ff8800000022ff80010f010000000ed6f0070000000005ffff020c687474703a2f2f782f793f7a00";
    const value = { At: 1_600_000_000_000_000_005n, Zero: undefined, Link: "http://x/y?z" };
    expect(decodeGob(timed, fromHex(hex))).toEqual(value);
  });

  it("of any kind are passed over where the receiver has no such field", () => {
    // type Sent struct { Keep string; I any; Skip Timed; L List; C complex128; T Tree; Z []float64; R Rec; Last int }
    const hex =
      "557f0301010453656e7401ff8000010901044b656570010c000101490110000104536b697001ff820001014c01ff8800010143010e0001015401ff8a0001015a01ff900001015201ff920001044c61737401040000002fff810301010554696d656401ff820001030102417401ff840001045a65726f01ff840001044c696e6b01ff8600000010ff830501010454696d6501ff840000000aff85060102ff9400000014ff950301010855736572696e666f01ff9600000026ff87030101044c69737401ff88000102010556616c756501040001044e65787401ff8800000030ff89030101045472656501ff8a00010301044e616d65010c0001044b69647301ff8c000105496e64657801ff8e0000001bff8b0201010c5b5d2a6d61696e2e5472656501ff8c0001ff8a000026ff8d040101156d61705b737472696e675d2a6d61696e2e5472656501ff8e00010c01ff8a000017ff8f020101095b5d666c6f6174363401ff90000108000012ff910201010352656301ff920001ff92000051ff8001016b02010f010000000ed6f0070000000005ffff020c687474703a2f2f782f793f7a0001010201010400000100fe084001010172010101016b000101016901016a00000101fef03f010100011200";
    const received = gob.struct("Received", { Keep: gob.string, Last: gob.int });
    expect(decodeGob(received, fromHex(hex))).toEqual({ Keep: "k", Last: 9 });
  });
});
