import { seededRandom } from "@weaved/sim";
import { describe, expect, it } from "vitest";
import {
  type Candidate,
  localFirst,
  roundRobin,
  type Strategy,
  shuffle,
  usableOnly,
  weighted,
} from "../src/strategy.ts";

const ten: Candidate[] = Array.from({ length: 10 }, (_, i) => ({
  address: i,
  origin: i < 3 ? 1 : 2,
  containerId: `c${i}`,
  weight: 1,
  healthy: true,
}));

/** How often each candidate led, in `n` answers by peer 1. */
function leaders(strategy: Strategy, candidates: readonly Candidate[], n: number, seed = 42): number[] {
  const random = seededRandom(seed);
  const led = candidates.map(() => 0);
  const order = candidates.map((_, i) => i);
  for (let count = 0; count < n; count++) {
    strategy.arrange(candidates, order, { random, count, self: 1 });
    led[order[0]!]!++;
  }
  return led;
}

/** Chi-squared of observed counts against expected shares. */
function chiSquared(observed: readonly number[], shares: readonly number[]): number {
  const total = observed.reduce((a, b) => a + b, 0);
  return observed.reduce((sum, seen, i) => sum + (seen - total * shares[i]!) ** 2 / (total * shares[i]!), 0);
}

/** Values that chi-squared exceeds with probability 0.01, for 9 and for 4 degrees of freedom. */
const critical9 = 21.666;
const critical4 = 13.277;

describe("shuffle", () => {
  it("is even: 100,000 answers over 10 addresses, chi-squared p > 0.01, in every place", () => {
    const random = seededRandom(7);
    const order = ten.map((_, i) => i);
    const seen = ten.map(() => ten.map(() => 0));
    for (let i = 0; i < 100_000; i++) {
      shuffle().arrange(ten, order, { random, count: i, self: 1 });
      for (const [place, index] of order.entries()) seen[place]![index]!++;
    }
    // Ten places are tested at once, so each at p > 0.001 (27.877); the first one, which clients use, at p > 0.01.
    expect(
      chiSquared(
        seen[0]!,
        ten.map(() => 0.1),
      ),
    ).toBeLessThan(critical9);
    for (const place of seen)
      expect(
        chiSquared(
          place,
          ten.map(() => 0.1),
        ),
      ).toBeLessThan(27.877);
  });

  it("is the same again under the same seed", () => {
    expect(leaders(shuffle(), ten, 500, 3)).toEqual(leaders(shuffle(), ten, 500, 3));
  });
});

describe("round robin", () => {
  it("gives every address its turn", () => {
    expect(leaders(roundRobin(), ten, 1000)).toEqual(ten.map(() => 100));
  });
});

describe("local first", () => {
  it("never answers a remote address while there is a local one", () => {
    const strategy = localFirst();
    const random = seededRandom(1);
    const order = ten.map((_, i) => i);
    for (let count = 0; count < 10_000; count++) {
      const sent = strategy.arrange(ten, order, { random, count, self: 1 });
      expect(order.slice(0, sent).sort()).toEqual([0, 1, 2]);
    }
    expect(strategy.arrange(ten, order, { random, count: 0, self: 9 })).toBe(10);
  });

  it("spreads evenly among the local ones", () => {
    const led = leaders(localFirst(), ten, 30_000);
    expect(led.slice(3)).toEqual([0, 0, 0, 0, 0, 0, 0]);
    expect(chiSquared(led.slice(0, 3), [1 / 3, 1 / 3, 1 / 3])).toBeLessThan(9.21);
  });
});

describe("weighted", () => {
  it("leads in proportion to weights, with weight 0 never before others", () => {
    const weights = [1, 2, 3, 4, 0];
    const candidates = weights.map((weight, i) => ({ ...ten[i]!, weight }));
    const led = leaders(weighted(), candidates, 100_000);
    expect(led[4]).toBe(0);
    expect(chiSquared(led.slice(0, 4), [0.1, 0.2, 0.3, 0.4])).toBeLessThan(critical4);
  });
});

describe("usable only", () => {
  const answered = (strategy: Strategy, candidates: readonly Candidate[], count = 0): number[] => {
    const order = candidates.map((_, i) => i);
    const sent = strategy.arrange(candidates, order, { random: seededRandom(count), count, self: 1 });
    expect([...order].sort((a, b) => a - b)).toEqual(candidates.map((_, i) => i));
    return order.slice(0, sent);
  };
  const sick = (...indexes: number[]): Candidate[] =>
    ten.map((candidate, i) => ({ ...candidate, healthy: !indexes.includes(i) }));
  const everywhere = (): boolean => true;

  it("leaves out unhealthy containers while a healthy one is there", () => {
    const strategy = usableOnly(shuffle(), everywhere);
    for (let count = 0; count < 200; count++) {
      expect(answered(strategy, sick(0, 3, 9), count).sort()).toEqual([1, 2, 4, 5, 6, 7, 8]);
    }
    expect(answered(strategy, sick(1, 2, 3, 4, 5, 6, 7, 8, 9))).toEqual([0]);
  });

  it("leaves out containers of a peer that cannot be reached", () => {
    expect(
      answered(
        usableOnly(shuffle(), (peer) => peer === 1),
        ten,
      ).sort(),
    ).toEqual([0, 1, 2]);
  });

  it("answers all of them when none is usable", () => {
    expect(
      answered(
        usableOnly(shuffle(), () => false),
        ten,
      ),
    ).toHaveLength(10);
  });

  it("gives a remote container the traffic when all local ones are unhealthy", () => {
    expect(answered(usableOnly(localFirst(), everywhere), sick(0, 1, 2)).sort()).toEqual([3, 4, 5, 6, 7, 8, 9]);
    expect(answered(usableOnly(localFirst(), everywhere), sick(0))).toHaveLength(2);
  });

  it("lets every usable address lead in turn under round robin", () => {
    const strategy = usableOnly(roundRobin(), everywhere);
    const led = [0, 1, 2, 3, 4, 5].map((count) => answered(strategy, sick(0, 1, 2, 3, 4, 5, 6), count)[0]);
    expect(led).toEqual([7, 8, 9, 7, 8, 9]);
  });
});
