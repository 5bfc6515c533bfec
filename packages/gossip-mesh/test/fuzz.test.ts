import { expect, it } from "vitest";
import { fuzz } from "./fuzz.ts";

it("every decoder makes a value or a MeshError of bent recordings", () => {
  expect(fuzz(1, 20_000)).toBe(20_000);
});
