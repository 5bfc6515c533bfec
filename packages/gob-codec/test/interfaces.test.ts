import { describe, expect, it } from "vitest";
import { fromHex } from "../../../test/vectors/suite.ts";
import { decodeGob, encodeGob, GobDecoder, GobError, gob } from "../src/index.ts";

/*
 * Streams of Go 1.26. The first value is a Holder with an interface value, except where the case says so; a string follows it.
 *
 *   type Holder struct { Keep string; I any; Last int }
 *   type Point struct { X, Y int }
 *   type Pair struct { A, B any }
 *   type Deep struct { In any }
 *   type Other struct { S string }
 */
const HOLDER = "2b7f03010106486f6c64657201ff8000010301044b656570010c0001014901100001044c6173740104000000";
const END = "060c0003656e64";

const held: [string, string, unknown][] = [
  ["an int", "11ff8001016b0103696e740402000e011200", 7],
  ["nil", "08ff8001016b021200", undefined],
  [
    "a struct whose type is defined inside the value",
    "30ff8001016b010a6d61696e2e506f696e74ff8103010105506f696e7401ff8200010201015801040001015901040000000bff82050102010400011200",
    { X: 1, Y: 2 },
  ],
  [
    "interface values inside an interface value",
    "2eff8001016b01096d61696e2e50616972ff83030101045061697201ff84000102010141011000010142011000000068ff842b010a6d61696e2e506f696e74ff8103010105506f696e7401ff8200010201015801040001015901040000002dff82050102010400010a6d61696e2e4f74686572ff85030101054f7468657201ff86000101010153010c00000008ff860401016f0000011200",
    { A: { X: 1, Y: 2 }, B: { S: "o" } },
  ],
  [
    "an interface value four deep",
    "29ff8001016b01096d61696e2e44656570ff87030101044465657001ff880001010102496e011000000052ff884c01096d61696e2e44656570ff883d01096d61696e2e44656570ff8825010a6d61696e2e4f74686572ff85030101054f7468657201ff86000101010153010c00000008ff860401016f00000000011200",
    { In: { In: { In: { S: "o" } } } },
  ],
  [
    "a slice of interface values",
    "21ff8001016b010e5b5d696e74657266616365207b7dff89020102ff8a00011000007cff8a40000503696e740402000206737472696e670c030001610a6d61696e2e506f696e74ff8103010105506f696e7401ff8200010201015801040001015901040000002dff82050102010400000a6d61696e2e4f74686572ff85030101054f7468657201ff86000101010153010c00000007ff860401017800011200",
    [1, "a", { X: 1, Y: 2 }, undefined, { S: "x" }],
  ],
  [
    "a map of interface values",
    "2cff8001016b01176d61705b737472696e675d696e74657266616365207b7dff8b040102ff8c00010c011000003dff8c2e000101700a6d61696e2e506f696e74ff8103010105506f696e7401ff82000102010158010400010159010400000008ff82050102010400011200",
    new Map([["p", { X: 1, Y: 2 }]]),
  ],
  [
    "a type with bytes of its own",
    "20ff8001016b010974696d652e54696d65ff8d0501010454696d6501ff8e00000017ff8e11000f010000000ed6f0070000000005ffff011200",
    { name: "Time", marshaler: "gob", bytes: fromHex("010000000ed6f0070000000005ffff") },
  ],
];

const holder = gob.struct("Holder", { Keep: gob.string, I: gob.any, Last: gob.int });
const withoutI = gob.struct("Holder", { Keep: gob.string, Last: gob.int });

describe("a stream with an interface value", () => {
  it.each(held)("that holds %s is received", (_, message, value) => {
    const decoder = new GobDecoder(fromHex(HOLDER + message + END));
    expect(decoder.next(holder)).toEqual({ Keep: "k", I: value, Last: 9 });
    expect(decoder.next(gob.string)).toBe("end");
    expect(decoder.atEnd).toBe(true);
  });

  it.each(held)("that holds %s goes on behind it when the receiver has no such field", (_, message) => {
    const decoder = new GobDecoder(fromHex(HOLDER + message + END));
    expect(decoder.next(withoutI)).toEqual({ Keep: "k", Last: 9 });
    expect(decoder.next(gob.string)).toBe("end");
  });

  it.each(held)("that holds %s goes on behind a value that was skipped", (_, message) => {
    const decoder = new GobDecoder(fromHex(HOLDER + message + END));
    expect(decoder.skip()).toBe(true);
    expect(decoder.next(gob.string)).toBe("end");
    expect(decoder.skip()).toBe(false);
  });

  it.each(held)("that holds %s may arrive byte by byte", (_, message, value) => {
    const decoder = new GobDecoder();
    const received: unknown[] = [];
    for (const byte of fromHex(HOLDER + message)) {
      decoder.push(Uint8Array.of(byte));
      const got = decoder.next(holder);
      if (got !== undefined) received.push(got.I);
    }
    expect(received).toEqual([value]);
    expect(decoder.atEnd).toBe(true);
  });

  it("knows the types that it defined when they are used again", () => {
    const message = held[2]![1];
    const again = "1cff8001016b010a6d61696e2e506f696e74ff82050106010800011200";
    const decoder = new GobDecoder(fromHex(HOLDER + message + again));
    decoder.skip();
    expect(decoder.next(holder)).toEqual({ Keep: "k", I: { X: 3, Y: 4 }, Last: 9 });
  });

  it("may begin with one", () => {
    const pair =
      "1eff83030101045061697201ff8400010201014101100001014201100000002dff84010a6d61696e2e506f696e74ff8103010105506f696e7401ff8200010201015801040001015901040000002dff82050102010400010a6d61696e2e4f74686572ff85030101054f7468657201ff86000101010153010c00000008ff860401016f0000";
    const decoder = new GobDecoder(fromHex(pair + END));
    expect(decoder.next(gob.struct("Pair", { B: gob.any }))).toEqual({ B: { S: "o" } });
    expect(decoder.next(gob.string)).toBe("end");
  });

  it("gives a GobError or waits, wherever a byte is wrong or missing", () => {
    for (const [, message] of held) {
      const bytes = fromHex(HOLDER + message);
      for (let at = 0; at < bytes.length; at++) {
        for (const wrong of [0, 1, 0x7f, 0x81, 0xf8, 0xff]) {
          const changed = Uint8Array.from(bytes);
          changed[at] = wrong;
          try {
            new GobDecoder(changed).next(holder);
            new GobDecoder(changed).skip();
          } catch (error) {
            expect(error).toBeInstanceOf(GobError);
          }
        }
        expect(new GobDecoder(bytes.subarray(0, at)).next(holder)).toBeUndefined();
      }
    }
  });
});

describe("gob.any", () => {
  it("decodes a stream without a schema", () => {
    // type Timed struct { At time.Time; N *big.Int; Tail int }
    const timed =
      "2bff8f0301010554696d656401ff900001030102417401ff8e0001014e01ff920001045461696c010400000010ff8d0501010454696d6501ff8e0000000aff91050102ff9400000021ff90010f010000000ed6f0070000000005ffff010903112210f47de98115010a00";
    expect(decodeGob(gob.any, fromHex(timed))).toEqual({
      At: { name: "Time", marshaler: "gob", bytes: fromHex("010000000ed6f0070000000005ffff") },
      N: { name: "", marshaler: "gob", bytes: fromHex("03112210f47de98115") },
      Tail: 5,
    });
    expect(decodeGob(gob.any, fromHex(END))).toBe("end");
  });

  it("fills in what Go leaves out", () => {
    const bytes = fromHex(`${HOLDER}03ff8000`);
    expect(decodeGob(gob.any, bytes)).toEqual({ Keep: "", I: undefined, Last: 0 });
  });

  it("refuses to send a value, and lets nil be absent", () => {
    const value = { Keep: "k", I: undefined, Last: 9 };
    expect(decodeGob(holder, encode(value))).toEqual(value);
    expect(() => encode({ ...value, I: 7 })).toThrow("an interface value cannot be sent");
  });

  it("refuses field names that Go cannot have", () => {
    const named = `${HOLDER.slice(0, 40)}${Buffer.from("keep").toString("hex")}${HOLDER.slice(48)}`;
    expect(() => decodeGob(gob.any, fromHex(`${named}03ff8000`))).toThrow(GobError);
  });
});

function encode(value: { Keep: string; I: unknown; Last: number }): Uint8Array {
  return encodeGob(holder, value);
}
