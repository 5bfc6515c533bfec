import { describe, expect, it } from "vitest";
import { MAC_AGE_MS, MacTable } from "../src/macs.ts";

describe("MacTable", () => {
  it("follows a MAC that moves, keeps a flapping one at its last peer, forgets old ones and those of lost peers", () => {
    const table = new MacTable();
    expect(table.learn(1, 10, 0)).toBe("new");
    expect(table.learn(1, 10, 1)).toBe("known");
    expect(table.learn(1, 20, 2)).toBe("moved");
    const moves = Array.from({ length: 10 }, (_, i) => table.learn(1, i % 2 === 0 ? 10 : 20, 3 + i));
    expect(moves).toContain("held");
    expect(table.learn(1, 99, 60_000)).toBe("moved");
    expect(table.forget(99)).toEqual([1]);
    table.learn(2, 10, 0);
    expect(table.expire(MAC_AGE_MS)).toEqual([2]);
    expect(table.size).toBe(0);
  });

  it("keeps within its limit by dropping the MAC that was learned first", () => {
    const table = new MacTable(4);
    for (let mac = 0; mac < 100; mac++) table.learn(mac, 1, mac);
    expect(table.size).toBe(4);
    expect(table.find(99)).toBe(1);
  });
});
