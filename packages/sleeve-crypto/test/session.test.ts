import { createHash, createHmac, hkdfSync } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { toHex } from "../../../test/vectors/suite.ts";
import { hmacSha256 } from "../src/hkdf.ts";
import { hkdfSha256, makeNonce, StreamOpener, StreamSealer, sessionKey } from "../src/index.ts";
import { sha256 } from "../src/sha256.ts";
import { fromHex, goldenCases } from "./golden.ts";
import { providers } from "./providers.ts";

const bytes = (max = 200) => fc.uint8Array({ maxLength: max });

describe("SHA-256, HMAC, HKDF", () => {
  it("agree with OpenSSL for any input", () => {
    fc.assert(
      fc.property(
        bytes(300),
        bytes(100),
        bytes(100),
        fc.integer({ min: 1, max: 300 }),
        (secret, salt, info, length) => {
          expect(toHex(sha256(secret, salt))).toBe(createHash("sha256").update(secret).update(salt).digest("hex"));
          expect(toHex(hmacSha256(salt, secret, info))).toBe(
            createHmac("sha256", salt).update(secret).update(info).digest("hex"),
          );
          const expected = Buffer.from(hkdfSync("sha256", secret, salt, info, length)).toString("hex");
          expect(toHex(hkdfSha256({ secret, salt, info }, length))).toBe(expected);
        },
      ),
    );
  });

  it("refuse more than HKDF can give", () => {
    const none = new Uint8Array(0);
    expect(() => hkdfSha256({ secret: none, salt: none, info: none }, 8161)).toThrow(/cannot give 8161/);
  });
});

it("makeNonce gives the nonces of Weave Net 2.8", () => {
  for (const { input, hex } of goldenCases("mesh-handshake.json", "nonce")) {
    const { senderOutbound, seq } = input;
    expect(toHex(makeNonce({ medium: "tcp", senderOutbound, counter: BigInt(seq) }))).toBe(hex);
  }
});

describe.each(providers)("with %s", (_, provider) => {
  it("session keys are those of Weave Net 2.8", () => {
    for (const { input, hex, expected } of goldenCases("mesh-handshake.json", "session-key")) {
      const secretKey = fromHex(input.localPrivate);
      const remotePublicKey = fromHex(input.remotePublic);
      expect(toHex(provider.precompute(secretKey, remotePublicKey)!)).toBe(expected.boxPrecompute);
      expect(toHex(sessionKey(provider, { secretKey, remotePublicKey, password: input.password }))).toBe(hex);
    }
  });

  it("two sides get one key exactly when their passwords are equal", () => {
    const ours = provider.generateKeyPair();
    const theirs = provider.generateKeyPair();
    const key = (password: string, own = ours, remote = theirs) =>
      toHex(sessionKey(provider, { secretKey: own.secretKey, remotePublicKey: remote.publicKey, password }));
    expect(key("secret")).toBe(key("secret", theirs, ours));
    expect(key("secret")).not.toBe(key("Secret", theirs, ours));
  });

  it.each([0, 1])("refuses a public key of low order (%i)", (first) => {
    const remotePublicKey = new Uint8Array(32);
    remotePublicKey[0] = first;
    const { secretKey } = provider.generateKeyPair();
    expect(() => sessionKey(provider, { secretKey, remotePublicKey, password: "x" })).toThrow(/low order/);
  });

  it("encrypted messages are those of Weave Net 2.8, both ways", () => {
    for (const { input, hex } of goldenCases("mesh-handshake.json", "frame")) {
      const options = {
        key: fromHex(input.key),
        senderOutbound: input.senderOutbound,
        firstCounter: Number(input.firstSeq),
      };
      const sealer = new StreamSealer(provider, options);
      const opener = new StreamOpener(provider, options);
      const wire = fromHex(hex);
      let at = 0;
      for (const message of input.messages) {
        const sealed = sealer.seal(fromHex(message));
        expect(Buffer.from(wire.buffer).readUInt32BE(at)).toBe(sealed.length);
        at += 4;
        expect(toHex(sealed)).toBe(toHex(wire.subarray(at, at + sealed.length)));
        expect(toHex(opener.open(sealed)!)).toBe(message);
        at += sealed.length;
      }
    }
  });

  it("a stream breaks for good at the first message that is not the next one", () => {
    const key = provider.randomBytes(32);
    const sealer = new StreamSealer(provider, { key, senderOutbound: true });
    const [first, second] = [sealer.seal(Uint8Array.of(1)), sealer.seal(Uint8Array.of(2))];
    const skipped = new StreamOpener(provider, { key, senderOutbound: true });
    expect(skipped.open(second)).toBeUndefined();
    expect(skipped.open(first)).toBeUndefined();
    const reflected = new StreamOpener(provider, { key, senderOutbound: false });
    expect(reflected.open(first)).toBeUndefined();
    const short = new StreamOpener(provider, { key, senderOutbound: true });
    expect(short.open(first.subarray(0, 15))).toBeUndefined();
  });

  it("any flipped bit is noticed", () => {
    const key = provider.randomBytes(32);
    const sealed = new StreamSealer(provider, { key, senderOutbound: true }).seal(Uint8Array.of(1, 2, 3));
    for (let bit = 0; bit < sealed.length * 8; bit++) {
      const forged = sealed.slice();
      forged[bit >> 3]! ^= 1 << (bit & 7);
      expect(new StreamOpener(provider, { key, senderOutbound: true }).open(forged)).toBeUndefined();
    }
  });

  it("keys are copied, Buffers too: wiping the copy leaves the caller's key, and the other way round", () => {
    const key = Buffer.from(provider.randomBytes(32));
    const before = toHex(key);
    const sealer = new StreamSealer(provider, { key, senderOutbound: true });
    const opener = new StreamOpener(provider, { key, senderOutbound: true });
    sealer.wipe();
    expect(toHex(key)).toBe(before);
    const sealed = new StreamSealer(provider, { key, senderOutbound: true }).seal(Uint8Array.of(5));
    key.fill(0);
    expect(opener.open(sealed)).toEqual(Uint8Array.of(5));
  });

  it("a wiped stream refuses to go on", () => {
    const key = provider.randomBytes(32);
    const sealer = new StreamSealer(provider, { key, senderOutbound: true });
    sealer.wipe();
    sealer.wipe();
    expect(() => sealer.seal(new Uint8Array(1))).toThrow(expect.objectContaining({ code: "CRYPTO_WIPED" }));
  });
});
