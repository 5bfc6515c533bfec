import { describe, expect, it } from "vitest";
import { VxlanEntries } from "../src/vxlan-entries.ts";

const [B, C] = [2, 3];
const [mac, other] = [0x0a580a200001, 0x0a580a200002];

/** Entries with what the kernel was told, and a clock that jumps to the end of all waiting. */
function setUp() {
  const kernel = new Map<number, string>();
  const timers = new Set<() => void>();
  const entries = new VxlanEntries({
    apply: (at, address) => void (address === undefined ? kernel.delete(at) : kernel.set(at, address)),
    after: (_ms, fn) => {
      timers.add(fn);
      return () => timers.delete(fn);
    },
  });
  const wait = () => {
    for (const fn of [...timers]) {
      timers.delete(fn);
      fn();
    }
  };
  entries.setTunnel(B, "192.0.2.2", 0x020000000002);
  entries.setTunnel(C, "192.0.2.3", 0x020000000003);
  return { entries, kernel, wait };
}

describe("the kernel's forwarding entries", () => {
  it("follow MACs and the state of links", () => {
    const { entries, kernel } = setUp();
    entries.setMac(mac, B);
    expect(kernel.size).toBe(0);
    entries.setForwarding(B, "usable");
    expect(kernel.get(mac)).toBe("192.0.2.2");
    entries.setForwarding(C, "usable");
    entries.setMac(mac, C);
    expect(kernel.get(mac)).toBe("192.0.2.3");
    entries.setForwarding(C, "on hold");
    expect(kernel.size).toBe(0);
  });

  it("outlive the daemon of the other host, also when the mesh forgets it, for as long as a MAC lives", () => {
    const { entries, kernel, wait } = setUp();
    entries.setMac(mac, B);
    entries.setMac(other, B);
    entries.setForwarding(B, "usable");
    entries.setForwarding(B, "ended");
    entries.setMac(mac, 0);
    expect(kernel.size).toBe(2);
    wait();
    expect(kernel.size).toBe(0);
  });

  it("are in use again when the daemon is back, before its MACs are heard of", () => {
    const { entries, kernel, wait } = setUp();
    entries.setMac(mac, B);
    entries.setForwarding(B, "usable");
    entries.setForwarding(B, "ended");
    entries.setMac(mac, 0);
    entries.setForwarding(B, "usable");
    expect(kernel.get(mac)).toBe("192.0.2.2");
    entries.setMac(mac, B);
    wait();
    expect(kernel.get(mac)).toBe("192.0.2.2");
  });

  it("go at once when there is another way, or the MAC shows up elsewhere", () => {
    const { entries, kernel } = setUp();
    entries.setForwarding(B, "usable");
    entries.setForwarding(C, "usable");
    entries.setMac(mac, B);
    entries.setMac(other, B);
    entries.setForwarding(B, "ended");
    entries.setMac(mac, 0);
    entries.setMac(other, C);
    expect(kernel.get(other)).toBe("192.0.2.3");
    entries.setRoutes(new Map([[B, C]]));
    expect(kernel.has(mac)).toBe(false);
  });

  it("of an earlier life are kept until something is known, but not for ever", () => {
    const { entries, kernel, wait } = setUp();
    const before = [
      [mac, "192.0.2.2"],
      [other, "192.0.2.2"],
    ] as const;
    for (const [at, address] of before) kernel.set(at, address);
    entries.adopt(before);
    entries.setForwarding(B, "usable");
    entries.setMac(mac, B);
    expect(kernel.size).toBe(2);
    wait();
    expect([...kernel.keys()]).toEqual([mac]);
  });
});
