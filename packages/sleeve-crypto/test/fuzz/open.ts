/**
 * Feeds damaged, forged, replayed packets to the openers for some time. None may be accepted, none may be fatal.
 *
 *   nice -n 15 node --import tsx --conditions=@weaved/source packages/sleeve-crypto/test/fuzz/open.ts [SECONDS] [SEED]
 */
import { decodeInitSa } from "../../src/fastdp.ts";
import {
  FRAMES_AT,
  PacketOpener,
  PacketSealer,
  StreamOpener,
  StreamSealer,
  tweetnaclProvider,
} from "../../src/index.ts";
import { chachaAead, defaultProvider, gcmAead } from "../../src/node/index.ts";
import { OVERLAY_HEAD_BYTES, OverlayOpener, OverlaySealer, secretboxAead } from "../../src/overlay.ts";

const seconds = Number(process.argv[2] ?? 10);
const seed = Number(process.argv[3] ?? Date.now() % 2 ** 32);

let state = seed >>> 0;
function random(): number {
  state = (state + 0x6d2b79f5) >>> 0;
  let t = Math.imul(state ^ (state >>> 15), state | 1);
  t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
}
const below = (limit: number): number => Math.floor(random() * limit);

const key = Uint8Array.from({ length: 32 }, () => below(256));
const senderName = new Uint8Array(6);

/** A genuine packet, and a way to try a damaged one: whether it was accepted. */
interface Target {
  readonly name: string;
  readonly genuine: Uint8Array;
  /** Bytes before this place are not authenticated. */
  readonly sealedFrom: number;
  readonly accepts: (packet: Uint8Array, end: number) => boolean;
}

function packetTarget(): Target {
  const provider = defaultProvider();
  const genuine = new Uint8Array(FRAMES_AT + 100);
  new PacketSealer(provider, { key, senderOutbound: true, senderName }).seal(genuine, genuine.length, "df");
  const opener = new PacketOpener(provider, { key, senderOutbound: true });
  const accepts = (packet: Uint8Array, end: number): boolean => opener.open(packet, end) === "ok";
  return { name: "sleeve packet", genuine, sealedFrom: 6, accepts };
}

function overlayTarget(aead: ReturnType<typeof gcmAead>): Target {
  const options = { aead, sessionKey: key, protocol: "fuzz", senderOutbound: true };
  const genuine = new Uint8Array(OVERLAY_HEAD_BYTES + 100);
  new OverlaySealer(options).seal(genuine, { at: 0, end: genuine.length, nowMs: 0 });
  const opener = new OverlayOpener(options);
  const accepts = (packet: Uint8Array, end: number): boolean => opener.open(packet, { at: 0, end, nowMs: 0 }) === "ok";
  return { name: `super-frame, ${aead.name}`, genuine, sealedFrom: 0, accepts };
}

function streamTarget(): Target {
  const genuine = new StreamSealer(tweetnaclProvider, { key, senderOutbound: true }).seal(new Uint8Array(100));
  const accepts = (packet: Uint8Array, end: number): boolean =>
    new StreamOpener(defaultProvider(), { key, senderOutbound: true }).open(packet.subarray(0, end)) !== undefined;
  return { name: "stream message", genuine, sealedFrom: 0, accepts };
}

const chacha = chachaAead();
const targets = [
  packetTarget(),
  packetTarget(),
  packetTarget(),
  streamTarget(),
  overlayTarget(secretboxAead(defaultProvider())),
  overlayTarget(gcmAead()),
  ...(chacha ? [overlayTarget(chacha)] : []),
];

function fail(target: Target, packet: Uint8Array, what: unknown): never {
  console.error(`input ${inputs} of seed ${seed}: ${target.name}:`, what, Buffer.from(packet).toString("hex"));
  process.exit(1);
}

/** Damages a copy; always inside what the authenticator covers, or by its length. */
function damage(target: Target, work: Uint8Array): number {
  const { genuine, sealedFrom } = target;
  const { length } = genuine;
  work.set(genuine);
  const kind = below(4);
  if (kind === 0) return below(length);
  if (kind === 1) for (let i = sealedFrom; i < length; i++) work[i] = below(256);
  else {
    const at = sealedFrom + below(length - sealedFrom);
    work[at] = (work[at] as number) ^ (1 + below(255));
  }
  return length;
}

let inputs = 0;
const work = new Uint8Array(2000);
const end = performance.now() + seconds * 1000;
while (performance.now() < end) {
  for (let i = 0; i < 1000; i++, inputs++) {
    const target = targets[inputs % targets.length] as Target;
    const length = damage(target, work);
    try {
      if (target.accepts(work.subarray(0, target.genuine.length), length)) fail(target, work, "accepted");
      decodeInitSa(work.subarray(0, below(128)));
    } catch (error) {
      fail(target, work, error);
    }
  }
}
for (const target of targets) {
  // After all that, the genuine one still passes, once.
  const { genuine } = target;
  if (!target.accepts(genuine.slice(), genuine.length)) fail(target, genuine, "no longer accepted");
  if (target.name !== "stream message" && target.accepts(genuine.slice(), genuine.length))
    fail(target, genuine, "replayed");
}
console.log(`seed ${seed}: ${inputs} inputs, none accepted, none fatal`);
