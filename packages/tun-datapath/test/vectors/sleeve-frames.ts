import { strict as assert } from "node:assert";
import { fromHex, toHex, type VectorSuite } from "../../../../test/vectors/suite.ts";
import type { CryptoProvider } from "../../../sleeve-crypto/src/index.ts";
import { FRAMES_AT, PacketOpener, PacketSealer, tweetnaclProvider } from "../../../sleeve-crypto/src/index.ts";
import { sodiumProvider } from "../../../sleeve-crypto/src/node/index.ts";
import { get48, put48 } from "../../src/bytes.ts";
import { inspectFrame } from "../../src/ethernet.ts";
import { fragmentIpv4 } from "../../src/fragment.ts";
import { encodeFragNeeded } from "../../src/icmp.ts";
import {
  decodeFrames,
  encodeFrames,
  encodePlaintextPacket,
  type SleeveFrame,
  sleeveOverhead,
} from "../../src/sleeve-packet.ts";
import { encodeHeartbeat } from "../../src/special.ts";

interface FrameJson {
  readonly src: string;
  readonly dst: string;
  readonly frame: string;
}

/** Every case is run over each provider that loads here. */
const providers: readonly CryptoProvider[] = [tweetnaclProvider, sodiumProvider()].filter((p) => p !== undefined);

const nameOf = (text: string): number => Number.parseInt(text.replaceAll(":", ""), 16);
const framesOf = (list: readonly FrameJson[] | null): SleeveFrame[] =>
  (list ?? []).map((f) => ({ src: nameOf(f.src), dst: nameOf(f.dst), data: fromHex(f.frame) }));

function nameBytes(text: string): Uint8Array {
  const b = new Uint8Array(6);
  put48(b, 0, nameOf(text));
  return b;
}

function seal(sealer: PacketSealer, frames: readonly SleeveFrame[], df: boolean): Uint8Array {
  const body = encodeFrames(frames);
  const packet = new Uint8Array(FRAMES_AT + body.length);
  packet.set(body, FRAMES_AT);
  sealer.seal(packet, packet.length, df ? "df" : "non-df");
  return packet;
}

function checkOpens(packet: Uint8Array, opener: PacketOpener, frames: readonly SleeveFrame[]): void {
  const copy = packet.slice();
  assert.equal(opener.open(copy, copy.length), "ok");
  const decoded = decodeFrames(copy.subarray(FRAMES_AT));
  assert.equal(decoded.whole, true);
  assert.deepEqual(decoded.frames.map(plain), frames.map(plain));
}

const plain = (f: SleeveFrame): object => ({ src: f.src, dst: f.dst, data: toHex(f.data) });

/** Frames accepted from one packet; a packet that is not genuine throws. */
function accepted(opener: PacketOpener, packet: Uint8Array): number {
  const result = opener.open(packet, packet.length);
  if (result === "replayed") return 0;
  if (result !== "ok") throw new Error(result);
  return decodeFrames(packet.subarray(FRAMES_AT)).frames.length;
}

export const sleeveFrameVectors: VectorSuite = {
  file: "sleeve-frames.json",
  kinds: {
    plain({ input, hex }) {
      const frames = framesOf(input.frames);
      assert.equal(toHex(encodePlaintextPacket(nameOf(input.senderName), frames)), hex);
      const bytes = fromHex(hex);
      assert.equal(get48(bytes, 0), nameOf(input.senderName));
      const decoded = decodeFrames(bytes.subarray(6));
      assert.equal(decoded.whole, true);
      assert.deepEqual(decoded.frames.map(plain), frames.map(plain));
    },
    encrypted({ input, hex }) {
      for (const provider of providers) {
        const { senderOutbound } = input;
        const key = fromHex(input.key);
        const options = {
          key,
          senderOutbound,
          senderName: nameBytes(input.senderName),
          firstCounter: BigInt(input.seq),
        };
        const frames = framesOf(input.frames);
        assert.equal(toHex(seal(new PacketSealer(provider, options), frames, input.df)), hex, provider.name);
        checkOpens(fromHex(hex), new PacketOpener(provider, { key, senderOutbound }), frames);
      }
    },
    "encrypted-run"({ input, hex }) {
      for (const provider of providers) {
        const { senderOutbound } = input;
        const key = fromHex(input.key);
        const sealer = new PacketSealer(provider, { key, senderOutbound, senderName: nameBytes(input.senderName) });
        const opener = new PacketOpener(provider, { key, senderOutbound });
        const all = fromHex(hex);
        let from = 0;
        for (const [i, list] of (input.packets as FrameJson[][]).entries()) {
          const packet = all.subarray(from, input.endOffsets[i]);
          assert.equal(toHex(seal(sealer, framesOf(list), input.df)), toHex(packet), `${provider.name}, packet ${i}`);
          checkOpens(packet, opener, framesOf(list));
          from = input.endOffsets[i];
        }
        assert.equal(from, all.length);
      }
    },
    special({ input, hex, expected }) {
      const frame =
        input.type === "heartbeat"
          ? encodeHeartbeat(BigInt(input.connUID))
          : new Uint8Array(expected?.length ?? input.length ?? hex.length / 2);
      if (hex !== "") assert.equal(toHex(frame), hex);
      if (expected?.length !== undefined) assert.equal(frame.length, expected.length);
      assert.equal(inspectFrame(frame).special, true);
    },
    decode({ input, expected }) {
      for (const provider of providers) {
        const opener = new PacketOpener(provider, { key: fromHex(input.key), senderOutbound: input.senderOutbound });
        for (const [i, { hex }] of (input.packets as { hex: string }[]).entries()) {
          const want = expected.results[i];
          if (want.error !== undefined) assert.throws(() => accepted(opener, fromHex(hex)), `packet ${i}`);
          else assert.equal(accepted(opener, fromHex(hex)), want.frames, `${provider.name}, packet ${i}`);
        }
      }
    },
    "decode-bad"({ input, hex, expected }) {
      const bytes = fromHex(hex);
      const wantFrames = expected.frames?.length ?? 0;
      if (!input.encrypted) {
        const decoded = decodeFrames(bytes);
        assert.equal(decoded.whole, expected.error === undefined);
        assert.equal(decoded.frames.length, wantFrames);
        return;
      }
      for (const provider of providers) {
        const packet = new Uint8Array(6 + bytes.length);
        packet.set(bytes, 6);
        const opener = new PacketOpener(provider, { key: fromHex(input.key), senderOutbound: input.senderOutbound });
        const result = opener.open(packet, packet.length);
        const decoded = result === "ok" ? decodeFrames(packet.subarray(FRAMES_AT)) : { frames: [], whole: false };
        assert.equal(decoded.whole, expected.error === undefined);
        assert.equal(decoded.frames.length, wantFrames);
      }
    },
    overhead({ input, expected }) {
      const sealed = Boolean(input.encrypted ?? input.sealed);
      const want = typeof expected === "number" ? expected : (expected.overhead ?? expected.bytes ?? expected.total);
      assert.equal(sleeveOverhead(sealed), want);
    },
    icmp({ input, hex }) {
      assert.equal(toHex(encodeFragNeeded(fromHex(input.frame), input.mtu)), hex);
    },
    fragment({ input, expected }) {
      assert.deepEqual(fragmentIpv4(fromHex(input.frame), input.mtu)?.map(toHex), expected.fragments);
    },
    "special-check"({ hex, expected }) {
      const { layers, special, df } = inspectFrame(fromHex(hex));
      assert.deepEqual({ layersDecoded: layers, special, df }, { ...expected });
    },
  },
};
