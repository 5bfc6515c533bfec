import { expect, it } from "vitest";
import { toHex } from "../../../test/vectors/suite.ts";
import { decodeInitSa, deriveSaKey, encodeInitSa } from "../src/fastdp.ts";
import { fromHex, goldenCases } from "./golden.ts";

it("deriveSaKey gives the keys that Weave Net 2.8 derives", () => {
  for (const { input, hex } of goldenCases("fastdp.json", "sa-key")) {
    const receiver = Number(`0x${input.receiver.replaceAll(":", "")}`);
    const { key, salt } = deriveSaKey({ sessionKey: fromHex(input.sessionKey), nonce: fromHex(input.nonce), receiver });
    expect(toHex(key) + toHex(salt)).toBe(hex);
  }
});

it("encodeInitSa writes the announcements of Weave Net 2.8", () => {
  for (const { input, hex } of goldenCases("fastdp.json", "init-sa")) {
    expect(toHex(encodeInitSa({ nonce: fromHex(input.nonce), spi: input.spi }))).toBe(hex);
    const { nonce, spi } = decodeInitSa(fromHex(hex))!;
    expect([toHex(nonce), spi]).toEqual([input.nonce, input.spi]);
    expect(decodeInitSa(fromHex(hex).subarray(1))).toBeUndefined();
  }
});
