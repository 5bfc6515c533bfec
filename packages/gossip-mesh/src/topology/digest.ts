import type { PeerRecord } from "./record.ts";

const MASK = 0xffff_ffff_ffff_ffffn;

/**
 * 64 bits that stand for one version of one record; 0 for placeholders, which are nobody's word. The digest of a topology is
 * the XOR of them all: cheap to keep up to date, and the same in any order. Not for use against forgers.
 */
export function digestOf(record: PeerRecord): bigint {
  if (record.uid === 0n && record.version === 0n) return 0n;
  // splitmix64's finisher (public domain, S. Vigna), over the three numbers one after the other.
  let x = BigInt(record.name);
  for (const part of [record.uid, record.version]) {
    x = (x ^ part) + 0x9e37_79b9_7f4a_7c15n;
    x = ((x ^ ((x & MASK) >> 30n)) * 0xbf58_476d_1ce4_e5b9n) & MASK;
    x = ((x ^ (x >> 27n)) * 0x94d0_49bb_1331_11ebn) & MASK;
    x ^= x >> 31n;
  }
  return x;
}
