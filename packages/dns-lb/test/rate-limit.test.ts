import { describe, expect, it } from "vitest";
import { createRateLimiter } from "../src/rate-limit.ts";

describe("the rate limiter", () => {
  const limiter = createRateLimiter({ perSecond: 10, burst: 5, trusted: ["10.0.0.0/8"] }, 1234);
  const allowed = (client: number | string, from: number, times: number): number => {
    let count = 0;
    for (let i = 0; i < times; i++) if (limiter.admits(client, () => from)) count++;
    return count;
  };

  it("lets a burst through, then a steady trickle", () => {
    expect(allowed(0x01020304, 1000, 100)).toBe(5);
    expect(allowed(0x01020304, 1100, 100)).toBe(1);
    expect(allowed(0x01020304, 5000, 100)).toBe(5);
    expect(allowed("2001:db8::1", 5000, 100)).toBe(5);
    expect(allowed("2001:db8::2", 5000, 100)).toBe(0);
  });

  it("bounds all sources together, however many there are", () => {
    const shared = createRateLimiter({ totalPerSecond: 100, trusted: ["10.0.0.0/8"] }, 1);
    const admitted = Array.from({ length: 1000 }, (_, i) => shared.admits(0x01000000 + i, () => 1000)).filter(
      Boolean,
    ).length;
    expect(admitted).toBe(10);
    expect(shared.admits(0x0a000001, () => 1000)).toBe(true);
  });

  it("never limits those it trusts", () => {
    expect(allowed(0x0a000001, 0, 1000)).toBe(1000);
  });
});
