import { randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import { passwordBits, passwordWeakness } from "../../src/values/password-strength.ts";

describe("passwordWeakness", () => {
  it.each([
    "tigers2024",
    "correct horse",
    "Password1!",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "12345678901234567890123456789012345678901234",
    "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz",
    "weaveweaveweaveweaveweaveweave",
    "my-network-2026",
    "p@ssw0rd",
    "x",
  ])("names %s as weak", (password) => {
    expect(passwordWeakness(password)).toContain("weave password new");
    expect(passwordWeakness(password)).not.toContain(password);
  });

  it.each(["base64url", "base64", "hex"] as const)("accepts 9 of 10 random texts of 128 bits in %s", (encoding) => {
    const texts = Array.from({ length: 1000 }, () => randomBytes(16).toString(encoding));
    expect(texts.filter((text) => passwordWeakness(text) !== undefined).length).toBeLessThanOrEqual(100);
  });

  it("counts no more bits for a text that repeats itself", () => {
    expect(passwordBits("violet7violet7violet")).toBe(passwordBits("violet7"));
  });

  it("accepts seven words of a list, with a separator", () => {
    expect(passwordWeakness("marble-copper-lantern-thirsty-velvet-oyster-gravel")).toBeUndefined();
  });
});
