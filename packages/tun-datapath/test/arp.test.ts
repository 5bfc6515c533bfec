import { describe, expect, it } from "vitest";
import { ArpMemory, isArp, putArpIsAt } from "../src/arp.ts";

describe("ArpMemory", () => {
  it("answers from what was heard lately, and lets a repeated question go to all peers", () => {
    const memory = new ArpMemory();
    memory.hear(7, 0xabc, 0);
    expect(memory.find(7, 59_999)).toBe(0xabc);
    expect(memory.find(7, 60_000)).toBeUndefined();
    expect([0, 100, 5_200].map((at) => memory.mayAskOwnerAlone(7, at))).toEqual([true, false, true]);
    memory.forgetMac(0xabc);
    expect(memory.find(7, 1)).toBeUndefined();
  });

  it("writes well-formed answers", () => {
    const reply = new Uint8Array(42);
    putArpIsAt(reply, 0, { ip: 0x0a200001, mac: 0x020000000009 }, { ip: 0x0a200002, mac: 0x020000000007 });
    expect(isArp(reply, 0, 42)).toBe(true);
    expect(Buffer.from(reply).toString("hex")).toBe(
      "02000000000702000000000908060001080006040002" + "0200000000090a200001" + "0200000000070a200002",
    );
  });
});
