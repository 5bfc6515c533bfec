import { createDecipheriv } from "node:crypto";
import { createRequire } from "node:module";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { toHex } from "../../../test/vectors/suite.ts";
import { type BindFunction, chachaAead, gcmAead } from "../src/node/index.ts";
import {
  type Aead,
  deriveOverlayKey,
  deriveOverlayKeys,
  OVERLAY_HEAD_BYTES,
  OverlayOpener,
  OverlaySealer,
  type OverlaySealerOptions,
  secretboxAead,
} from "../src/overlay.ts";
import { providers } from "./providers.ts";

/** The package does not need koffi; where its binary loads, the fast way to AES-GCM is tested through it. */
function koffi(): BindFunction | undefined {
  try {
    const process = createRequire(import.meta.url)("koffi").load(null);
    return (prototype) => process.func(prototype);
  } catch {
    return undefined;
  }
}

const chacha = chachaAead();
const bind = koffi();
const aeads: [string, Aead][] = [
  ...providers.map(([name, provider]): [string, Aead] => [`secretbox of ${name}`, secretboxAead(provider)]),
  ["AES-256-GCM of node:crypto", gcmAead()],
  ...(bind ? [["AES-256-GCM of OpenSSL in place", gcmAead(bind)] as [string, Aead]] : []),
  ...(chacha ? [["ChaCha20-Poly1305 of sodium-native", chacha] as [string, Aead]] : []),
];

const sessionKey = new Uint8Array(32).fill(3);
const HEAD = OVERLAY_HEAD_BYTES;

function packetOf(text: Uint8Array): Uint8Array {
  const packet = new Uint8Array(HEAD + text.length);
  packet.set(text, HEAD);
  return packet;
}

describe("overlay keys", () => {
  it("differ by direction, protocol, epoch, session; both ends agree", () => {
    const base = { sessionKey, protocol: "sleeve-gso", epoch: 0 };
    const ours = deriveOverlayKeys({ ...base, outbound: true });
    const theirs = deriveOverlayKeys({ ...base, outbound: false });
    expect(ours.send).toEqual(theirs.receive);
    expect(ours.receive).toEqual(theirs.send);
    const all = [
      ours.send,
      ours.receive,
      deriveOverlayKey({ ...base, epoch: 1, senderOutbound: true }),
      deriveOverlayKey({ ...base, protocol: "sleeve-gsp", senderOutbound: true }),
      deriveOverlayKey({ ...base, sessionKey: new Uint8Array(32), senderOutbound: true }),
      sessionKey,
    ];
    expect(new Set(all.map(toHex)).size).toBe(all.length);
  });
});

it("AES-256-GCM gives the bytes of the standard by each binding", () => {
  const key = new Uint8Array(32).fill(1);
  const nonce = new Uint8Array(12).fill(2);
  for (const [name, aead] of aeads.filter(([, { name }]) => name === "aes-256-gcm")) {
    const text = new TextEncoder().encode("sleeve");
    const tag = new Uint8Array(16);
    aead.withKey(key).seal(text, tag, nonce);
    const decipher = createDecipheriv("aes-256-gcm", key, nonce).setAuthTag(tag);
    expect(decipher.update(text, undefined, "utf8") + decipher.final("utf8"), name).toBe("sleeve");
  }
});

describe.each(aeads)("super-frames with %s", (_, aead) => {
  const options = { aead, sessionKey, protocol: "sleeve-gso", senderOutbound: true };
  const make = (extra: Partial<OverlaySealerOptions> = {}) => new OverlaySealer({ ...options, ...extra });
  const sealed = (sealer: OverlaySealer, text: Uint8Array, nowMs = 0): Uint8Array => {
    const packet = packetOf(text);
    sealer.seal(packet, { at: 0, end: packet.length, nowMs });
    return packet;
  };
  const open = (opener: OverlayOpener, packet: Uint8Array, nowMs = 0) => {
    const copy = packet.slice();
    const result = opener.open(copy, { at: 0, end: copy.length, nowMs });
    return result === "ok" ? toHex(copy.subarray(HEAD)) : result;
  };

  it("come back as they were, anywhere in a buffer, once", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 5000 }), fc.nat(40), (text, at) => {
        const sealer = make();
        const opener = new OverlayOpener(options);
        const slot = new Uint8Array(at + HEAD + text.length + 9).fill(0xee);
        slot.set(text, at + HEAD);
        const range = { at, end: at + HEAD + text.length };
        sealer.seal(slot, { ...range, nowMs: 0 });
        if (text.length > 8) expect(toHex(slot.subarray(at + HEAD, range.end))).not.toBe(toHex(text));
        const again = slot.slice();
        expect(opener.open(slot, { ...range, nowMs: 0 })).toBe("ok");
        expect(toHex(slot.subarray(at + HEAD, range.end))).toBe(toHex(text));
        expect(opener.open(again, { ...range, nowMs: 0 })).toBe("replayed");
        expect(slot.subarray(0, at).every((byte) => byte === 0xee)).toBe(true);
        expect(slot.subarray(range.end).every((byte) => byte === 0xee)).toBe(true);
      }),
      { numRuns: 40 },
    );
  });

  it("with any flipped bit are refused, and change nothing", () => {
    const opener = new OverlayOpener(options);
    const packet = sealed(make(), Uint8Array.of(1, 2, 3));
    for (let bit = 0; bit < packet.length * 8; bit++) {
      const forged = packet.slice();
      forged[bit >> 3]! ^= 1 << (bit & 7);
      // Only the first epoch of this incarnation and of the next one are tried: the sender cannot be in another.
      const isTried = bit >> 3 >= 4 || bit === 12;
      expect(open(opener, forged), `bit ${bit}`).toBe(isTried ? "forged" : "replayed");
    }
    expect(open(opener, packet)).toBe("010203");
    for (let end = 0; end < HEAD; end++) expect(opener.open(packet, { at: 0, end, nowMs: 0 })).toBe("short");
  });

  it("take a new key by time and by volume, and the receiver follows, late packets included", () => {
    const sealer = make({ rekey: { ms: 100, bytes: 1000 } });
    const opener = new OverlayOpener(options);
    const first = sealed(sealer, new Uint8Array(600), 0);
    const late = sealed(sealer, Uint8Array.of(9), 50);
    expect(sealer.epoch).toBe(0);
    const second = sealed(sealer, new Uint8Array(600), 60);
    expect(sealer.epoch).toBe(1);
    const third = sealed(sealer, Uint8Array.of(8), 160);
    expect(sealer.epoch).toBe(2);
    expect(open(opener, first)).toBe("00".repeat(600));
    expect(open(opener, second)).toBe("00".repeat(600));
    expect(open(opener, late)).toBe("09");
    expect(open(opener, third)).toBe("08");
    // Two keys are kept: those of epoch 0 are gone by now.
    expect(open(opener, first)).toBe("replayed");
    expect(open(opener, second)).toBe("replayed");
    expect(opener.epoch).toBe(2);
  });

  it("of a later incarnation replace those of earlier ones", () => {
    const opener = new OverlayOpener(options);
    const before = sealed(make(), Uint8Array.of(1));
    const after = sealed(make({ incarnation: 1 }), Uint8Array.of(2));
    expect(open(opener, before)).toBe("01");
    expect(open(opener, after)).toBe("02");
    expect(open(opener, after)).toBe("replayed");
    expect(open(opener, before)).toBe("replayed");
  });

  it("of an epoch that the sender cannot be in yet are refused without deriving a key", () => {
    let derived = 0;
    const counting: Aead = {
      name: aead.name,
      withKey(key) {
        derived++;
        return aead.withKey(key);
      },
    };
    const opener = new OverlayOpener({ ...options, aead: counting });
    const packet = sealed(make(), Uint8Array.of(1));
    expect(open(opener, packet)).toBe("01");
    for (let epoch = 1; epoch < 2_000; epoch++) {
      const forged = packet.slice();
      new DataView(forged.buffer).setUint32(0, epoch);
      expect(open(opener, forged)).toBe(epoch === 1 ? "forged" : "replayed");
      expect(open(opener, forged)).toBe(epoch === 1 ? "forged" : "replayed");
    }
    expect(derived).toBe(2);
  });

  it("are opened again after a silence of many epochs", () => {
    const sealer = make({ rekey: { ms: 120_000 } });
    const opener = new OverlayOpener(options);
    expect(open(opener, sealed(sealer, Uint8Array.of(1), 0), 0)).toBe("01");
    for (let minute = 2; minute < 600; minute += 2) sealed(sealer, Uint8Array.of(0), minute * 60_000);
    const later = sealed(sealer, Uint8Array.of(2), 600 * 60_000);
    expect(sealer.epoch).toBe(300);
    expect(open(opener, later, 60_000)).toBe("replayed");
    expect(open(opener, later, 600 * 60_000)).toBe("02");
  });

  it("are opened by an opener that is made anew with the epoch of the one before", () => {
    const sealer = make({ rekey: { bytes: 1 } });
    const packets = [1, 2, 3].map((byte) => sealed(sealer, Uint8Array.of(byte, byte)));
    const opener = new OverlayOpener({ ...options, epoch: 2 });
    expect(packets.map((packet) => open(opener, packet))).toEqual(["replayed", "replayed", "0303"]);
  });

  it("never use a pair of key and nonce twice", () => {
    const heads = new Set<string>();
    let count = 0;
    for (const incarnation of [0, 1, 4095]) {
      const sealer = make({ incarnation, rekey: { bytes: 50 } });
      for (let i = 0; i < 200; i++, count++) heads.add(toHex(sealed(sealer, new Uint8Array(20)).subarray(0, 12)));
    }
    expect(heads.size).toBe(count);
    expect(() => make({ incarnation: 4096 })).toThrow(expect.objectContaining({ code: "CRYPTO_EXHAUSTED" }));
  });

  it("throw CRYPTO_WIPED after their keys were wiped", () => {
    const sealer = make();
    const opener = new OverlayOpener(options);
    const packet = sealed(sealer, Uint8Array.of(1));
    expect(open(opener, packet)).toBe("01");
    for (const part of [sealer, opener, sealer, opener]) part.wipe();
    const wiped = expect.objectContaining({ code: "CRYPTO_WIPED" });
    expect(() => sealed(sealer, Uint8Array.of(1))).toThrow(wiped);
    expect(() => open(opener, packet)).toThrow(wiped);
  });
});
