import type { Random } from "./ports.ts";

/** 64 random bits, never zero. */
export function randomUint64(random: Random): bigint {
  const half = (): bigint => BigInt(Math.floor(random() * 0x1_0000_0000));
  const value = (half() << 32n) | half();
  return value === 0n ? 1n : value;
}
