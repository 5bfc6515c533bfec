import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { runVectors } from "./runner.ts";
import type { VectorCase } from "./suite.ts";
import { suites } from "./suites.ts";

const dir = mkdtempSync(join(tmpdir(), "weaved-vectors-"));
afterAll(() => rmSync(dir, { recursive: true }));

/** A golden case by name or kind, to be changed. */
function golden(file: string, wanted: string): VectorCase {
  const { cases } = JSON.parse(readFileSync(new URL(`./golden/${file}`, import.meta.url), "utf8"));
  return cases.find(({ name, kind }: VectorCase) => name === wanted || kind === wanted);
}

async function outcomes(file: string, cases: readonly object[]) {
  writeFileSync(join(dir, file), JSON.stringify({ about: "", cases }));
  const results = await runVectors(dir, suites, [file]);
  return results.map(({ failure, unjudged }) => ({ failure, unjudged }));
}

const holds = { failure: undefined, unjudged: undefined };

/** Kinds of recordings that no golden file has, and that other folders have. */
describe("the runner of vectors judges", () => {
  it("a topology update that names nobody", async () => {
    const one = golden("topology.json", "encode");
    const none = { ...one, hex: "", decoded: null, input: { ...one.input, names: null } };
    expect(await outcomes("topology.json", [none])).toEqual([holds]);
  });

  it("the overhead of sleeve", async () => {
    const cases = [
      { name: "plaintext", kind: "overhead", input: { encrypted: false }, hex: "", expected: 62 },
      { name: "encrypted", kind: "overhead", input: { encrypted: true }, hex: "", expected: { overhead: 86 } },
    ];
    expect(await outcomes("sleeve-frames.json", cases)).toEqual([holds, holds]);
  });

  it("a grant out of space that is partly in use", async () => {
    const one = golden("ipam-ring.json", "donate-half");
    const input = { ...one.input, allocatedHere: ["10.0.0.5"] };
    // The largest free block is the upper half, more than half of what is free: its own upper half is granted.
    const [us, them] = ["00:00:00:00:00:01", "00:00:00:00:00:02"];
    const entries = [
      { free: 191, peer: us, token: "10.0.0.0", version: 3 },
      { free: 64, peer: them, token: "10.0.0.192", version: 0 },
    ];
    const expected = { ...one.expected, ringAfter: { ...one.expected.ringAfter, entries } };
    expect(await outcomes("ipam-ring.json", [{ ...one, input, expected }])).toEqual([holds]);
  });

  it("an allocation without a subnet", async () => {
    const results = ["10.0.0.0", "10.0.0.1"].map((address, index) => ({
      ok: true,
      address,
      free: 255 - index,
      owned: 1 + index,
    }));
    const input = { ops: [["allocate"], ["allocate", ""]], ranges: [["10.0.0.0", "10.0.1.0"]] };
    expect(
      await outcomes("ipam-ring.json", [{ name: "all", kind: "space", input, hex: "", expected: { results } }]),
    ).toEqual([holds]);
  });

  it("a method that a path does not know", async () => {
    const input = { steps: [{ method: "PATCH", path: "/status" }] };
    const expected = { responses: [{ status: 405, contentType: "", body: "" }] };
    const one = { name: "wrong method", kind: "http-sequence", input, hex: "", expected };
    expect(await outcomes("http-api.json", [one])).toEqual([holds]);
  });
});

it("the runner of vectors says that it cannot judge a case of another shape", async () => {
  const odd = { name: "odd", kind: "gossip", input: null, hex: "" };
  const unknown = { name: "odd", kind: "no such kind", input: {}, hex: "" };
  const results = await outcomes("gossip-envelopes.json", [odd, unknown]);
  for (const { failure, unjudged } of results) {
    expect(unjudged).toBe(true);
    expect(failure).toMatch(/^cannot judge: /);
  }
});
