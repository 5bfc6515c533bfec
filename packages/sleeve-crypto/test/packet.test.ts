import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { toHex } from "../../../test/vectors/suite.ts";
import { FRAMES_AT, PacketOpener, PacketSealer, tweetnaclProvider } from "../src/index.ts";
import { fromHex, goldenCases } from "./golden.ts";
import { providers } from "./providers.ts";

const name = fromHex("7a9febb60c6e");
const key = new Uint8Array(32).fill(7);

interface Frame {
  readonly src: string;
  readonly dst: string;
  readonly frame: string;
}

/** A packet with room for its head, then the frames as sleeve packs them. */
function packetOf(frames: readonly Frame[]): Uint8Array {
  const hex = frames.map(({ src, dst, frame }) => {
    const length = (frame.length / 2).toString(16).padStart(4, "0");
    return `${src}${dst}`.replaceAll(":", "") + length + frame;
  });
  return fromHex("00".repeat(FRAMES_AT) + hex.join(""));
}

function sealed(frames: Uint8Array, counter: number | bigint = 0): Uint8Array {
  const packet = new Uint8Array(FRAMES_AT + frames.length);
  packet.set(frames, FRAMES_AT);
  const options = { key, senderOutbound: true, senderName: name, firstCounter: counter };
  new PacketSealer(tweetnaclProvider, options).seal(packet, packet.length, "df");
  return packet;
}

describe.each(providers)("packets with %s", (_, provider) => {
  it("are encrypted as by Weave Net 2.8", () => {
    for (const { input, hex } of goldenCases("sleeve-frames.json", "encrypted")) {
      const sealer = new PacketSealer(provider, {
        key: fromHex(input.key),
        senderOutbound: input.senderOutbound,
        senderName: fromHex(input.senderName.replaceAll(":", "")),
        firstCounter: BigInt(input.seq),
      });
      const packet = packetOf(input.frames);
      const clear = toHex(packet.subarray(FRAMES_AT));
      sealer.seal(packet, packet.length, input.df ? "df" : "non-df");
      expect(toHex(packet)).toBe(hex);
      const opener = new PacketOpener(provider, { key: fromHex(input.key), senderOutbound: input.senderOutbound });
      expect(opener.open(packet, packet.length)).toBe("ok");
      expect(toHex(packet.subarray(FRAMES_AT))).toBe(clear);
    }
  });

  it("have counters that rise by one", () => {
    for (const { input, hex } of goldenCases("sleeve-frames.json", "encrypted-run")) {
      const { senderOutbound, df } = input;
      const senderName = fromHex(input.senderName.replaceAll(":", ""));
      const sealer = new PacketSealer(provider, { key: fromHex(input.key), senderOutbound, senderName });
      const packets = input.packets.map((frames: Frame[]) => {
        const packet = packetOf(frames);
        sealer.seal(packet, packet.length, df ? "df" : "non-df");
        return toHex(packet);
      });
      expect(packets.join("")).toBe(hex);
    }
  });

  it("are accepted once, within the windows", () => {
    for (const { input, expected, name: caseName } of goldenCases("sleeve-frames.json", "decode")) {
      const opener = new PacketOpener(provider, { key: fromHex(input.key), senderOutbound: input.senderOutbound });
      const accepted = input.packets.map(({ hex }: { hex: string }) => {
        const packet = fromHex(hex);
        return opener.open(packet, packet.length) === "ok" ? 1 : 0;
      });
      const wanted = expected.results.map((result: { frames: number }) => result.frames);
      expect(accepted, caseName).toEqual(wanted);
    }
  });

  it("with any flipped bit are forged, and leave the window as it was", () => {
    const opener = new PacketOpener(provider, { key, senderOutbound: true });
    const packet = sealed(fromHex("0102030405"), 9);
    for (let bit = 8 * 6; bit < packet.length * 8; bit++) {
      const forged = packet.slice();
      forged[bit >> 3]! ^= 1 << (bit & 7);
      expect(opener.open(forged, forged.length)).toBe("forged");
    }
    expect(opener.open(packet.slice(), packet.length)).toBe("ok");
    expect(opener.open(packet.slice(), packet.length)).toBe("replayed");
  });

  it("are refused as short below the overhead, and are left unchanged when damaged", () => {
    const opener = new PacketOpener(provider, { key, senderOutbound: true });
    const packet = sealed(new Uint8Array(40));
    for (let end = 0; end < FRAMES_AT; end++) expect(opener.open(packet.slice(), end)).toBe("short");
    expect(opener.open(packet.slice(), packet.length + 1)).toBe("short");
    const cut = packet.slice();
    expect(opener.open(cut, cut.length - 1)).toBe("forged");
    expect(toHex(cut)).toBe(toHex(packet));
  });

  it("are not accepted back by their sender", () => {
    const opener = new PacketOpener(provider, { key, senderOutbound: false });
    const packet = sealed(Uint8Array.of(1));
    expect(opener.open(packet, packet.length)).toBe("forged");
  });

  it("are the same bytes for any content, wherever in a buffer they lie", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 3000 }),
        fc.bigInt({ min: 0n, max: 2n ** 63n - 2n }),
        (frames, counter) => {
          const slot = new Uint8Array(4096);
          slot.set(frames, FRAMES_AT);
          const options = { key, senderOutbound: true, senderName: name, firstCounter: counter };
          const end = FRAMES_AT + frames.length;
          new PacketSealer(provider, options).seal(slot, end, "df");
          expect(toHex(slot.subarray(0, end))).toBe(toHex(sealed(frames, counter)));
          expect(slot.subarray(end).every((byte) => byte === 0)).toBe(true);
          const opener = new PacketOpener(provider, { key, senderOutbound: true });
          expect(opener.open(slot, end)).toBe("ok");
          expect(toHex(slot.subarray(FRAMES_AT, end))).toBe(toHex(frames));
        },
      ),
      { numRuns: 50 },
    );
  });

  it("end when the counter does, rather than repeat a nonce", () => {
    const options = { key, senderOutbound: true, senderName: name, firstCounter: 2n ** 63n - 1n };
    const sealer = new PacketSealer(provider, options);
    const packet = new Uint8Array(64);
    sealer.seal(packet, 64, "df");
    expect(() => sealer.seal(packet, 64, "df")).toThrow(expect.objectContaining({ code: "CRYPTO_EXHAUSTED" }));
    sealer.seal(packet, 64, "non-df");
  });

  it("throw CRYPTO_WIPED after their key was wiped", () => {
    const sealer = new PacketSealer(provider, { key, senderOutbound: true, senderName: name });
    const opener = new PacketOpener(provider, { key, senderOutbound: true });
    sealer.wipe();
    opener.wipe();
    const wiped = expect.objectContaining({ code: "CRYPTO_WIPED" });
    expect(() => sealer.seal(new Uint8Array(64), 64, "df")).toThrow(wiped);
    expect(() => opener.open(new Uint8Array(64), 64)).toThrow(wiped);
  });
});
