/**
 * Whether two byte strings are equal, in a time that depends on their lengths only.
 * For authenticators and digests; the engine may optimise, but no branch depends on where the difference lies.
 */
export function equalConstantTime(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let i = 0; i < a.length; i++) difference |= (a[i] as number) ^ (b[i] as number);
  return difference === 0;
}

/**
 * Zeros for a secret. They lie outside of the engine's heap, where small arrays are moved by the collector, which leaves a copy at the
 * old place that nothing can overwrite.
 */
export function allocateSecret(length: number): Uint8Array {
  return new Uint8Array(new ArrayBuffer(length));
}

/** A copy of a secret, in memory as {@link allocateSecret} gives it. */
export function copySecret(secret: Uint8Array): Uint8Array {
  const copy = allocateSecret(secret.length);
  copy.set(secret);
  return copy;
}

/**
 * Overwrites secrets with zeros. It covers this array's own memory; copies that an engine made while moving objects are
 * beyond reach, which is why keys here are made once and never converted to text.
 */
export function wipe(...secrets: readonly (Uint8Array | undefined)[]): void {
  for (const secret of secrets) secret?.fill(0);
}
