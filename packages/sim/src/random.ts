/** The only way a core asks for randomness: uniform in [0, 1). */
export type Random = () => number;

/**
 * A repeatable source of randomness: the same seed gives the same numbers, on every machine.
 *
 * The generator is sfc32 (Chris Doty-Humphrey, PractRand): 128 bits of state, no multiplication, about 1 ns a number.
 *
 * @param seed - any number; only its lower 32 bits count
 */
export function seededRandom(seed: number): Random {
  let a = 0x9e3779b9;
  let b = 0x243f6a88;
  let c = seed | 0;
  let counter = 1;
  const next = (): number => {
    const t = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + t;
    c |= 0;
    return (t >>> 0) / 0x1_0000_0000;
  };
  // Neighbouring seeds start alike; a dozen rounds are enough for every output bit to depend on every seed bit.
  for (let i = 0; i < 12; i++) next();
  return next;
}
