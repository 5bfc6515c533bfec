/**
 * What the ring's arithmetic would cost with other addresses than numbers: 128-bit bigints, or pairs of numbers. The three things
 * that the ring does all day: find the owner of an address, walk two rings in token order, take the lowest free address.
 */
const TOKENS = 10_000;
const ROUNDS = 7;

/** An address type, as little of it as the ring needs. */
interface Arithmetic<T> {
  readonly name: string;
  of(n: number): T;
  compare(a: T, b: T): number;
  minus(a: T, b: T): T;
  plus(a: T, n: number): T;
}

type Pair = readonly [high: number, low: number];
const HALF = 2 ** 52;
const BASE = 0x2001_0db8n << 96n;

const numbers: Arithmetic<number> = {
  name: "number",
  of: (n) => n,
  compare: (a, b) => a - b,
  minus: (a, b) => a - b,
  plus: (a, n) => a + n,
};
const bigints: Arithmetic<bigint> = {
  name: "bigint",
  of: (n) => BASE + BigInt(n),
  compare: (a, b) => (a < b ? -1 : a > b ? 1 : 0),
  minus: (a, b) => a - b,
  plus: (a, n) => a + BigInt(n),
};
const pairs: Arithmetic<Pair> = {
  name: "pair",
  of: (n) => [0x2001_0db8, n],
  compare: (a, b) => a[0] - b[0] || a[1] - b[1],
  minus: (a, b) => (a[1] >= b[1] ? [a[0] - b[0], a[1] - b[1]] : [a[0] - b[0] - 1, HALF + a[1] - b[1]]),
  plus: (a, n) => (a[1] + n < HALF ? [a[0], a[1] + n] : [a[0] + 1, a[1] + n - HALF]),
};

function find<T>({ compare }: Arithmetic<T>, tokens: readonly T[], address: T): number {
  let low = 0;
  let high = tokens.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compare(tokens[middle]!, address) > 0) high = middle;
    else low = middle + 1;
  }
  return low - 1;
}

function walk<T>({ compare, minus }: Arithmetic<T>, mine: readonly T[], theirs: readonly T[]): T {
  let size = minus(mine[0]!, mine[0]!);
  let i = 0;
  let j = 0;
  while (i < mine.length && j < theirs.length) {
    const order = compare(mine[i]!, theirs[j]!);
    if (order <= 0) i++;
    if (order >= 0) j++;
    if (i > 0 && i < mine.length) size = minus(mine[i]!, mine[i - 1]!);
  }
  return size;
}

/** Microseconds for a round of each operation. */
function measure<T>(kind: Arithmetic<T>): { find: number; walk: number; take: number } {
  const tokens = Array.from({ length: TOKENS }, (_, i) => kind.of(i * 100));
  const other = Array.from({ length: TOKENS }, (_, i) => kind.of(i * 100 + (i % 3)));
  const wanted = Array.from({ length: 1000 }, (_, i) => kind.of((i * 7919 * 100) % (TOKENS * 100)));
  let kept: unknown;
  const time = (run: () => unknown): number => {
    const times = Array.from({ length: ROUNDS * 5 }, () => {
      const begun = performance.now();
      kept = run();
      return (performance.now() - begun) * 1000;
    });
    return times.sort((a, b) => a - b)[Math.floor(times.length / 2)]!;
  };
  const result = {
    find: time(() => wanted.reduce((sum, address) => sum + find(kind, tokens, address), 0)) / wanted.length,
    walk: time(() => walk(kind, tokens, other)),
    take: time(() => {
      let free: T = tokens[0]!;
      for (let i = 0; i < 10_000; i++) free = kind.plus(free, 1);
      return free;
    }),
  };
  if (kept === undefined) throw new Error("nothing was done");
  return result;
}

const base = measure(numbers);
const times = (value: number, to: number): string => `${(value / to).toFixed(1)} x`;
for (const { name, result } of [
  { name: numbers.name, result: base },
  { name: bigints.name, result: measure(bigints) },
  { name: pairs.name, result: measure(pairs) },
]) {
  console.log(
    `${name}: owner of an address among ${TOKENS} tokens ${result.find.toFixed(3)} µs (${times(result.find, base.find)}), ` +
      `two rings of ${TOKENS} side by side ${result.walk.toFixed(0)} µs (${times(result.walk, base.walk)}), ` +
      `10,000 next addresses ${result.take.toFixed(0)} µs (${times(result.take, base.take)})`,
  );
}
