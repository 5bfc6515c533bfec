import { describe, expect, it } from "vitest";
import { ReplayWindow } from "../src/index.ts";

const WINDOW = 2n ** 20n;

/** The rule of docs/protocol/overlay.md#12.2, written with a set of numbers. */
class Model {
  #current = 0n;
  #seen = new Set<bigint>();

  accept(sequence: bigint): boolean {
    const window = sequence / WINDOW;
    if (window + 1n < this.#current) return false;
    if (window > this.#current) {
      for (const old of this.#seen) if (old / WINDOW + 1n < window) this.#seen.delete(old);
      this.#current = window;
    }
    if (this.#seen.has(sequence)) return false;
    this.#seen.add(sequence);
    return true;
  }
}

function accept(window: ReplayWindow, sequence: bigint): boolean {
  return window.accept(Number(sequence >> 32n), Number(sequence & 0xffffffffn));
}

/** A small generator of its own, so that a failure can be replayed from its seed. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

describe("the replay window", () => {
  it("agrees with the model on 1,000,000 numbers that wander, repeat, fall behind, jump", () => {
    const seed = 20261121;
    const next = random(seed);
    const window = new ReplayWindow();
    const model = new Model();
    let newest = 0n;
    const spans = [3, 1000, 2 ** 20, 3 * 2 ** 20];
    for (let i = 0; i < 1_000_000; i++) {
      const span = spans[Math.floor(next() * 4)] as number;
      let sequence = newest - BigInt(Math.floor(next() * span)) + BigInt(Math.floor(next() * 3));
      if (next() < 0.00005)
        sequence = newest + BigInt(Math.floor(next() * 5)) * WINDOW + BigInt(Math.floor(next() * 9));
      if (sequence < 0n) sequence = 0n;
      if (sequence > newest) newest = sequence;
      const expected = model.accept(sequence);
      if (accept(window, sequence) !== expected) expect.fail(`seed ${seed}, step ${i}, sequence ${sequence}`);
    }
    expect(newest).toBeGreaterThan(10n * WINDOW);
  });

  it("holds at the far end of 63 bits", () => {
    const window = new ReplayWindow();
    const last = 2n ** 63n - 1n;
    expect(accept(window, last)).toBe(true);
    expect(accept(window, last)).toBe(false);
    expect(accept(window, last - WINDOW)).toBe(true);
    expect(accept(window, last - 2n * WINDOW)).toBe(false);
    expect(accept(window, 0n)).toBe(false);
  });
});
