import { readdirSync, readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { fromHex } from "../../../test/vectors/suite.ts";
import { mutate, randomFrom } from "./fuzz/mutate.ts";
import { attempt, targets } from "./fuzz/targets.ts";

const corpus = new URL("./fuzz/corpus/", import.meta.url);

it("inputs that once broke the decoder no longer do", () => {
  for (const name of readdirSync(corpus).filter((file) => file.endsWith(".json"))) {
    const { target, hex } = JSON.parse(readFileSync(new URL(name, corpus), "utf8")) as { target: number; hex: string };
    const { schema } = targets[target % targets.length]!;
    // A GobError is an outcome, not thrown: whatever is thrown is what broke the decoder.
    expect(() => attempt(schema, fromHex(hex)), name).not.toThrow();
  }
});

it("20,000 damaged streams give values or typed errors", () => {
  const random = randomFrom(1);
  const pool = targets.flatMap(({ messages }) => messages);
  const counts = { values: 0, incomplete: 0, refused: 0 };
  for (let i = 0; i < 20_000; i++) {
    const { schema, messages } = targets[i % targets.length]!;
    counts[attempt(schema, mutate(messages, pool, random))]++;
  }
  // Damage must reach deep enough to leave some values standing, and must be noticed often.
  expect(counts.values).toBeGreaterThan(2000);
  expect(counts.refused).toBeGreaterThan(5000);
});
