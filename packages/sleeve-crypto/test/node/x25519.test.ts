import { describe, expect, it } from "vitest";
import { generateX25519KeyPair, x25519 } from "../../src/node/x25519.ts";
import { bytes, hexOf } from "../support/hex.ts";

const BASE = bytes(`09${"00".repeat(31)}`);

describe("x25519", () => {
  it.each([
    [
      "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
      "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
      "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552",
    ],
    [
      "4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
      "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
      "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957",
    ],
  ])("multiplies as RFC 7748, section 5.2, records: scalar %s", (scalar, u, result) => {
    expect(hexOf(x25519(bytes(scalar), bytes(u)))).toBe(result);
  });

  it("agrees with RFC 7748, section 5.2, after 1,000 rounds", () => {
    let [k, u] = [BASE, BASE];
    for (let round = 0; round < 1000; round++) [k, u] = [x25519(k, u) as Uint8Array, k];
    expect(hexOf(k)).toBe("684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51");
  });

  it("gives Bob of RFC 7748, section 6.1, the recorded public key and secret", () => {
    const bob = bytes("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb");
    const alicePublic = bytes("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a");
    expect(hexOf(x25519(bob, BASE))).toBe("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f");
    expect(hexOf(x25519(bob, alicePublic))).toBe("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
  });

  it("makes key pairs whose two halves belong together", () => {
    const [a, b] = [generateX25519KeyPair(), generateX25519KeyPair()];
    expect(hexOf(x25519(a.secretKey, BASE))).toBe(hexOf(a.publicKey));
    expect(hexOf(x25519(a.secretKey, b.publicKey))).toBe(hexOf(x25519(b.secretKey, a.publicKey)));
  });
});
