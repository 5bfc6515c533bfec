/** Ciphers for super-frames: seal of 62 kB, 1400 and 64 bytes on one core. AEAD_MS (300) per figure. */
import { chachaAead, defaultProvider, gcmAead } from "@weaved/sleeve-crypto/node";
import { type Aead, secretboxAead } from "@weaved/sleeve-crypto/overlay";
import { libc } from "../src/node/linux/libc.ts";

const MS = Number(process.env.AEAD_MS ?? 300);
const ciphers: [string, Aead | undefined][] = [
  ["xsalsa20-poly1305", secretboxAead(defaultProvider())],
  ["chacha20-poly1305", chachaAead()],
  ["aes-256-gcm, OpenSSL in place", gcmAead(libc().bindOwn)],
  ["aes-256-gcm, node:crypto", gcmAead()],
];

/** Gbit/s of sealing in place. */
function measure(aead: Aead, bytes: number): number {
  const key = aead.withKey(new Uint8Array(32));
  const memory = Buffer.alloc(16 + bytes);
  const nonce = Buffer.alloc(12);
  const end = performance.now() + MS;
  const start = performance.now();
  let n = 0;
  while (performance.now() < end) {
    for (let i = 0; i < 16; i++) {
      nonce.writeUInt32BE(n++, 0);
      key.seal(memory.subarray(16), memory.subarray(0, 16), nonce);
    }
  }
  return (n * bytes * 8) / 1e6 / (performance.now() - start);
}

console.log("cipher                            62 kB    1400 B      64 B   Gbit/s");
for (const [name, aead] of ciphers) {
  if (aead === undefined) continue;
  const figures = [62_000, 1_400, 64].map((bytes) => measure(aead, bytes).toFixed(2).padStart(9));
  console.log(name.padEnd(30), ...figures);
}
