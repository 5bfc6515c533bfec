import { describe, expect, it } from "vitest";
import { OwnerTable } from "../src/owners.ts";

describe("OwnerTable", () => {
  it("finds the owner of an address, with exclusive ends up to 2^32", () => {
    const table = new OwnerTable();
    table.set([
      { start: 10, end: 20, peer: 1 },
      { start: 20, end: 30, peer: 2 },
      { start: 4_000_000_000, end: 2 ** 32, peer: 3 },
    ]);
    expect([9, 10, 19, 20, 29, 30, 0xffffffff].map((ip) => table.find(ip))).toEqual([
      undefined,
      1,
      1,
      2,
      2,
      undefined,
      3,
    ]);
  });
});
