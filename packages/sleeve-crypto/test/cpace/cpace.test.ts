import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { elligatorU } from "../../src/cpace/elligator.ts";
import { Cpace, type CpaceOptions } from "../../src/cpace/index.ts";
import { generatorString } from "../../src/cpace/strings.ts";
import { nodeCpaceSuite } from "../../src/node/index.ts";
import { x25519 } from "../../src/node/x25519.ts";
import { bytes, hexOf, textBytes } from "../support/hex.ts";

const suite = nodeCpaceSuite();

/** The test vector of draft-irtf-cfrg-cpace for X25519 and SHA-512. */
const draft = {
  password: textBytes("Password"),
  channelId: bytes("0b415f696e69746961746f720b425f726573706f6e646572"),
  sessionId: bytes("7e4b4791d6a8ef019b936c79fb7f2c57"),
  generator: "d04bf6d41f6a289632a2e929fa29bebd51092512a7829fdde7d314b62f05a73f",
  ya: bytes("21b4f4bd9e64ed355c3eb676a28ebedaf6d8f17bdc365995b319097153044080"),
  shareA: "1d13c89278cdadd826f6d8d7f887701430f8380ddc17611cdd6dc989ce0c9f32",
  yb: bytes("848b0779ff415f0af4ea14df9dd1d3c29ac41d836c7808896c4eba19c51ac40a"),
  shareB: "248cccf6d5cdc3646f0ad593f9e6cef4e69d4945f8372e623512ecea32185623",
  key:
    "6e19b875f7a561d6b3ca3dbb9ef42ac55de3e717881018204b8922b4d5e53bb2" +
    "aa82c300bea7b65d2b671da71922ddf6472301b79bc270adfa8bf413285f2263",
};

function end(initiator: boolean, options: Partial<CpaceOptions> = {}): Cpace {
  const { password, channelId, sessionId } = draft;
  const associatedData = textBytes(initiator ? "ADa" : "ADb");
  return new Cpace({ suite, password, channelId, sessionId, associatedData, initiator, ...options });
}

/** The keys of both ends after an exchange. */
function exchange(a: Cpace, b: Cpace) {
  const keyA = a.finish({ share: b.share, associatedData: textBytes("ADb") });
  const keyB = b.finish({ share: a.share, associatedData: textBytes("ADa") });
  return [hexOf(keyA), hexOf(keyB)];
}

describe("CPace, as the draft's test vectors record it", () => {
  it("maps password, channel, and session to the generator", () => {
    const text = generatorString({ domain: textBytes("CPace255"), ...draft }, 128);
    expect(text.length).toBe(170);
    expect(hexOf(elligatorU(suite.sha512(text).subarray(0, 32)))).toBe(draft.generator);
  });

  it("derives shares and the key of initiator and responder", () => {
    const [a, b] = [end(true, { scalar: draft.ya }), end(false, { scalar: draft.yb })];
    expect([hexOf(a.share), hexOf(b.share)]).toEqual([draft.shareA, draft.shareB]);
    expect(exchange(a, b)).toEqual([draft.key, draft.key]);
  });

  const scalar = bytes("af46e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449aff");
  const refused = [
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  ];
  it.each(refused)("refuses the low-order share %s", (share) => {
    expect(end(true, { scalar }).finish({ share: bytes(share), associatedData: new Uint8Array(0) })).toBeUndefined();
  });

  it.each([
    [
      "daffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
      "d8e2c776bbacd510d09fd9278b7edcd25fc5ae9adfba3b6e040e8d3b71b21806",
    ],
    [
      "dbffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
      "c85c655ebe8be44ba9c0ffde69f2fe10194458d137f09bbff725ce58803cdb38",
    ],
    [
      "d9ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
      "db64dafa9b8fdd136914e61461935fe92aa372cb056314e1231bc4ec12417456",
    ],
    [
      "cdeb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b880",
      "e062dcd5376d58297be2618c7498f55baa07d7e03184e8aada20bca28888bf7a",
    ],
    [
      "4c9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f11d7",
      "993c6ad11c4c29da9a56f7691fd0ff8d732e49de6250b6c2e80003ff4629a175",
    ],
  ])("ignores bit 255 of the u coordinate %s", (u, result) => {
    expect(hexOf(x25519(scalar, bytes(u)))).toBe(result);
  });
});

describe("Cpace", () => {
  it("gives both ends one key under one password, and a new one each time", () => {
    const first = exchange(end(true), end(false));
    const second = exchange(end(true), end(false));
    expect(first[0]).toBe(first[1]);
    expect(second[0]).toBe(second[1]);
    expect(second[0]).not.toBe(first[0]);
  });

  const otherInput: [string, Partial<CpaceOptions>][] = [
    ["password", { password: textBytes("Passwore") }],
    ["channel", { channelId: textBytes("other") }],
    ["session", { sessionId: textBytes("other") }],
  ];
  it.each(otherInput)("gives two ends with another %s different keys", (_name, options) => {
    const [a, b] = exchange(end(true), end(false, options));
    expect(a).not.toBe(b);
  });

  it("binds the associated data that each end sends", () => {
    const [a, b] = [end(true), end(false)];
    const keyA = a.finish({ share: b.share, associatedData: textBytes("forged") });
    const keyB = b.finish({ share: a.share, associatedData: textBytes("ADa") });
    expect(hexOf(keyA)).not.toBe(hexOf(keyB));
  });

  it("gives a reflected share no key that the sender holds", () => {
    const a = end(true);
    const share = a.share.slice();
    const reflected = hexOf(a.finish({ share, associatedData: textBytes("ADa") }));
    const b = end(false);
    expect(hexOf(b.finish({ share, associatedData: textBytes("ADa") }))).not.toBe(reflected);
  });

  it("finishes once: the scalar is wiped", () => {
    const [a, b] = [end(true), end(false)];
    a.finish({ share: b.share, associatedData: textBytes("ADb") });
    expect(() => a.finish({ share: b.share, associatedData: textBytes("ADb") })).toThrowError(
      expect.objectContaining({ code: "CRYPTO_WIPED" }),
    );
  });

  it("maps any 32 bytes to a u coordinate that X25519 accepts", () => {
    const scalar = suite.randomBytes(32);
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (input) => {
        const u = elligatorU(input);
        expect(u.length).toBe(32);
        // Zero maps to the point of order two; every other input gives a point of full order or a multiple of it.
        if (input.some((byte, at) => (at === 31 ? byte & 0x7f : byte) !== 0)) expect(x25519(scalar, u)).toBeDefined();
      }),
      { numRuns: 200 },
    );
  });
});
