import { seededRandom } from "@weaved/sim";
import { describe, expect, it } from "vitest";
import { fuzzResponder } from "./support/fuzz.ts";

describe("a responder fed with noise", () => {
  it("answers or drops 20,000 packets, never more than it may", () => {
    const result = fuzzResponder(seededRandom(20), 20_000);
    expect(result.packets).toBe(20_000);
    expect(result.replied).toBeGreaterThan(500);
    expect(result.worstFactor).toBeLessThanOrEqual(60);
  });
});
