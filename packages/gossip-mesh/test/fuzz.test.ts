import { expect, it } from "vitest";
import { fuzz, outcomeOf, readCorpus } from "./fuzz/fuzz.ts";
import { subjects } from "./fuzz/subjects.ts";

it("every decoder makes a value or a MeshError of what was kept, of recordings bent further", () => {
  const corpus = readCorpus();
  for (const subject of subjects) {
    for (const hex of corpus[subject.name] ?? []) outcomeOf(subject, Uint8Array.from(Buffer.from(hex, "hex")));
  }
  const { values, refused } = fuzz(1, 6_000, corpus);
  expect(values + refused).toBe(6_000);
});
