import { describe, expect, it } from "vitest";
import { deadlineClock } from "../src/node/run.ts";

describe("deadlineClock", () => {
  const clock = () => {
    let [now, shortage] = [1000, 500];
    const elapsed = deadlineClock(
      () => now,
      () => shortage,
    );
    const pass = (ms: number, without: number) => {
      now += ms;
      shortage += without;
      return elapsed();
    };
    return { pass };
  };

  it("counts real time on an idle machine", () => {
    expect(clock().pass(300, 0)).toBe(300);
  });

  it("does not count the time in which the machine had no processor for us", () => {
    const { pass } = clock();
    expect(pass(300, 200)).toBe(100);
    expect(pass(100, 0)).toBe(200);
  });

  it("reaches every deadline, at a fifth of the real speed at least", () => {
    expect(clock().pass(1000, 1000)).toBe(200);
  });
});
