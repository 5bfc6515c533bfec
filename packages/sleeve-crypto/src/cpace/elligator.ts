import { ed25519 } from "@noble/curves/ed25519.js";
import { bytesToNumberLE, numberToBytesLE } from "@noble/curves/utils.js";

const { Fp } = ed25519.Point;
/** The coefficient A of Curve25519, v^2 = u^3 + A u^2 + u (RFC 7748, section 4.1). */
const A = 486662n;
const KEY_BYTES = 32;

/**
 * Maps 32 bytes to the u coordinate of a point of Curve25519 by Elligator 2 (RFC 9380, section 6.7.1, with Z = 2).
 * Bit 255 of the input is ignored, as RFC 7748 decodes a u coordinate. The arithmetic is on big integers, so its time
 * may depend on the input: callers stretch a password before they pass anything derived from it.
 */
export function elligatorU(bytes: Uint8Array): Uint8Array {
  const masked = Uint8Array.from(bytes);
  masked[KEY_BYTES - 1] = (masked[KEY_BYTES - 1] as number) & 0x7f;
  const r = Fp.create(bytesToNumberLE(masked));
  const denominator = Fp.add(Fp.ONE, Fp.mul(2n, Fp.sqr(r)));
  // RFC 9380: a denominator of zero, which no input reaches since -1/2 is not a square here, counts as one.
  const first = Fp.neg(Fp.mul(A, Fp.inv(Fp.is0(denominator) ? Fp.ONE : denominator)));
  const u = isOnCurve(first) ? first : Fp.sub(Fp.neg(first), A);
  return numberToBytesLE(u, KEY_BYTES);
}

/** True if some point of the curve itself, not of its twist, has this u coordinate. */
function isOnCurve(u: bigint): boolean {
  const squared = Fp.mul(u, Fp.add(Fp.mul(u, Fp.add(u, A)), Fp.ONE));
  // Euler's criterion: the power is 1 for a square, and 0 for zero.
  const power = Fp.pow(squared, (Fp.ORDER - 1n) / 2n);
  return Fp.eql(power, Fp.ONE) || Fp.is0(power);
}
