/**
 * How fast each provider seals sleeve packets, how fast each cipher seals super-frames, in one run on one core.
 *
 *   npm run bench seal
 */
import { createCipheriv, createSecretKey } from "node:crypto";
import { createRequire } from "node:module";
import { type CryptoProvider, FRAMES_AT, PacketOpener, PacketSealer, tweetnaclProvider } from "../src/index.ts";
import { type BindFunction, chachaAead, gcmAead, sodiumProvider } from "../src/node/index.ts";
import { type Aead, OVERLAY_HEAD_BYTES, OverlayOpener, OverlaySealer, secretboxAead } from "../src/overlay.ts";

const key = new Uint8Array(32).fill(1);
const sizes = [64, 1400, 60_000];
const SLICE_MS = 400;

/** Median of five slices, in calls per second. */
function rate(call: () => void): number {
  for (let i = 0; i < 500; i++) call();
  const rates = Array.from({ length: 5 }, () => {
    const start = performance.now();
    let calls = 0;
    let elapsed = 0;
    while (elapsed < SLICE_MS / 5) {
      for (let i = 0; i < 50; i++) call();
      calls += 50;
      elapsed = performance.now() - start;
    }
    return (calls * 1000) / elapsed;
  });
  return rates.sort((a, b) => a - b)[2] as number;
}

let baseline = 0;
function report(name: string, size: number, perSecond: number): void {
  if (baseline === 0) baseline = perSecond;
  const mega = ((perSecond * size) / 1e6).toFixed(0).padStart(6);
  const nano = (1e9 / perSecond).toFixed(0).padStart(8);
  console.log(`  ${name.padEnd(44)}${nano} ns ${mega} MB/s  x${(perSecond / baseline).toFixed(2)}`);
}

function packets(provider: CryptoProvider, size: number): void {
  const senderName = new Uint8Array(6);
  const sealer = new PacketSealer(provider, { key, senderOutbound: true, senderName });
  const end = FRAMES_AT + size;
  const packet = new Uint8Array(end);
  report(
    `seal, ${provider.name}`,
    size,
    rate(() => sealer.seal(packet, end, "df")),
  );
  // Opening works in place, so each round has to restore the sealed packet first.
  const opener = new PacketOpener(provider, { key, senderOutbound: true });
  sealer.seal(packet, end, "df");
  const work = packet.slice();
  const open = (): void => {
    work.set(packet);
    opener.open(work, end);
  };
  report(`open (with one copy), ${provider.name}`, size, rate(open));
}

function superFrames(label: string, aead: Aead, size: number): void {
  const options = { aead, sessionKey: key, protocol: "bench", senderOutbound: true };
  const sealer = new OverlaySealer(options);
  const end = OVERLAY_HEAD_BYTES + size;
  const packet = new Uint8Array(end);
  const range = { at: 0, end, nowMs: 0 };
  report(
    `seal, ${label}`,
    size,
    rate(() => sealer.seal(packet, range)),
  );
  const opener = new OverlayOpener(options);
  const work = packet.slice();
  const open = (): void => {
    work.set(packet);
    opener.open(work, range);
  };
  report(`open (with one copy), ${label}`, size, rate(open));
}

function koffi(): BindFunction | undefined {
  try {
    const process = createRequire(import.meta.url)("koffi").load(null);
    return (prototype) => process.func(prototype);
  } catch {
    return undefined;
  }
}

/** What one pays who calls node:crypto in the usual way: a new cipher, a new buffer per frame. */
function plainNode(size: number): void {
  const secret = createSecretKey(key);
  const nonce = new Uint8Array(12);
  const text = new Uint8Array(size);
  const seal = (): void => {
    const cipher = createCipheriv("chacha20-poly1305", secret, nonce, { authTagLength: 16 });
    cipher.update(text);
    cipher.final();
    cipher.getAuthTag();
  };
  report("seal, ChaCha20-Poly1305 of node:crypto", size, rate(seal));
}

const sodium = sodiumProvider();
const chacha = chachaAead();
const bind = koffi();
for (const size of sizes) {
  baseline = 0;
  console.log(`sleeve packets of ${size} bytes (XSalsa20-Poly1305, as the original)`);
  if (sodium) packets(sodium, size);
  packets(tweetnaclProvider, size);
  baseline = 0;
  console.log(`super-frames of ${size} bytes`);
  if (sodium) superFrames("XSalsa20-Poly1305 of sodium-native", secretboxAead(sodium), size);
  if (chacha) superFrames("ChaCha20-Poly1305 of sodium-native", chacha, size);
  superFrames("AES-256-GCM of node:crypto", gcmAead(), size);
  if (bind) superFrames("AES-256-GCM of OpenSSL, in place", gcmAead(bind), size);
  plainNode(size);
}
