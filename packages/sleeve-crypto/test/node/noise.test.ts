import { describe, expect, it } from "vitest";
import { nodeNoiseSuite } from "../../src/node/index.ts";
import { bytes, hexOf, textBytes } from "../support/hex.ts";

describe("nodeNoiseSuite", () => {
  it("encrypts the message of RFC 8439, appendix A.5", () => {
    const text = textBytes(
      "Internet-Drafts are draft documents valid for a maximum of six months and may be updated, replaced, or obsoleted " +
        "by other documents at any time. It is inappropriate to use Internet-Drafts as reference material or to cite them " +
        "other than as /\u201cwork in progress./\u201d",
    );
    const message = {
      key: bytes("1c9240a5eb55d38af333888604f6b5f0473917c1402b80099dca5cbc207075c0"),
      counter: 0x0807060504030201n,
      associatedData: bytes("f33388860000000000004e91"),
    };
    const suite = nodeNoiseSuite();
    const encrypted = suite.encrypt({ ...message, text });
    expect(hexOf(encrypted.subarray(0, 16))).toBe("64a0861575861af460f062c79be643bd");
    expect(hexOf(encrypted.subarray(-16))).toBe("eead9d67890cbb22392336fea1851f38");
    expect(suite.decrypt({ ...message, text: encrypted })).toEqual(text);
    expect(suite.decrypt({ ...message, counter: 0n, text: encrypted })).toBeUndefined();
  });

  it.each([
    ["SHA256", 32],
    ["SHA512", 64],
    ["BLAKE2s", 32],
    ["BLAKE2b", 64],
  ] as const)("hashes with %s to %i bytes", (hash, length) => {
    const suite = nodeNoiseSuite(hash);
    expect(suite.name).toBe(`25519_ChaChaPoly_${hash}`);
    expect([suite.hashBytes, suite.hash(textBytes("a"), textBytes("b")).length]).toEqual([length, length]);
    expect(hexOf(suite.hash(textBytes("a"), textBytes("b")))).toBe(hexOf(suite.hash(textBytes("ab"))));
  });
});
