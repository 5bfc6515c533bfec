import { describe, expect, it } from "vitest";
import { makeKernel } from "./support/kernel.ts";

const [B, C] = [2, 3];
const [MAC, OTHER] = [0x0a580a200001, 0x0a580a200002];
const [AT_B, AT_C] = ["192.0.2.2", "192.0.2.3"];

/** Entries with two neighbours, over a kernel in memory. */
function setUp(lingerMs = 600_000) {
  const kernel = makeKernel();
  const entries = kernel.attach(lingerMs);
  entries.open({ link: 1, peer: B, address: AT_B, mac: 0x020000000002 });
  entries.open({ link: 2, peer: C, address: AT_C, mac: 0x020000000003 });
  return { entries, kernel };
}

describe("VxlanEntries", () => {
  it("follows MACs and the state of links", () => {
    const { entries, kernel } = setUp();
    entries.setMac(MAC, B);
    expect(kernel.forwarded.size).toBe(0);
    entries.setForwarding(B, 1, "usable");
    expect(kernel.forwarded.get(MAC)).toBe(AT_B);
    entries.setForwarding(C, 2, "usable");
    entries.setMac(MAC, C);
    expect(kernel.forwarded.get(MAC)).toBe(AT_C);
    entries.setForwarding(C, 2, "on hold");
    expect(kernel.forwarded.size).toBe(0);
  });

  it("keeps forwarding to a peer whose daemon ended, as long as a MAC lives", () => {
    const { entries, kernel } = setUp();
    entries.setMac(MAC, B);
    entries.setMac(OTHER, B);
    entries.setForwarding(B, 1, "usable");
    entries.close(B, 1);
    entries.setMac(MAC, 0);
    kernel.advance(599_999);
    expect(kernel.forwarded.size).toBe(2);
    kernel.advance(1);
    expect(kernel.forwarded.size).toBe(0);
    expect(kernel.sources).toEqual([AT_C]);
  });

  it("does not prolong the wait for a peer that dials again and again without a usable tunnel", () => {
    const { entries, kernel } = setUp();
    entries.setMac(MAC, B);
    entries.setForwarding(B, 1, "usable");
    entries.close(B, 1);
    for (let link = 3; link < 20; link++) {
      kernel.advance(40_000);
      entries.open({ link, peer: B, address: AT_B, mac: 0x020000000002 });
      entries.close(B, link);
    }
    expect(kernel.forwarded.size).toBe(0);
  });

  it("uses the entries of a peer again when its daemon is back, before its MACs are heard of", () => {
    const { entries, kernel } = setUp();
    entries.setMac(MAC, B);
    entries.setForwarding(B, 1, "usable");
    entries.close(B, 1);
    entries.setMac(MAC, 0);
    entries.open({ link: 3, peer: B, address: AT_B, mac: 0x020000000002 });
    entries.setForwarding(B, 3, "usable");
    expect(kernel.forwarded.get(MAC)).toBe(AT_B);
    entries.setMac(MAC, B);
    kernel.advance(600_000);
    expect(kernel.forwarded.get(MAC)).toBe(AT_B);
  });

  it("stops forwarding at once when there is another way, or the MAC shows up elsewhere", () => {
    const { entries, kernel } = setUp();
    entries.setForwarding(B, 1, "usable");
    entries.setForwarding(C, 2, "usable");
    entries.setMac(MAC, B);
    entries.setMac(OTHER, B);
    entries.close(B, 1);
    entries.setMac(MAC, 0);
    entries.setMac(OTHER, C);
    expect(kernel.forwarded.get(OTHER)).toBe(AT_C);
    entries.setRoutes(new Map([[B, C]]));
    expect(kernel.forwarded.has(MAC)).toBe(false);
  });

  it("ignores news of a link that another link has replaced", () => {
    const { entries, kernel } = setUp();
    entries.setMac(MAC, B);
    entries.setForwarding(B, 1, "usable");
    entries.open({ link: 3, peer: B, address: AT_B, mac: 0x020000000002 });
    entries.setForwarding(B, 3, "usable");
    entries.setForwarding(B, 1, "on hold");
    entries.close(B, 1);
    expect(kernel.forwarded.get(MAC)).toBe(AT_B);
  });

  it("keeps adopted entries that a usable link confirms within ten seconds, for as long as a MAC lives", () => {
    const { entries, kernel } = setUp();
    kernel.forwarded.set(MAC, AT_B).set(OTHER, "192.0.2.9");
    entries.adopt([...kernel.forwarded]);
    expect(kernel.sources).toEqual([AT_B, AT_C, "192.0.2.9"]);
    kernel.advance(9_000);
    entries.setForwarding(B, 1, "usable");
    kernel.advance(1_000);
    expect([...kernel.forwarded]).toEqual([[MAC, AT_B]]);
    expect(kernel.sources).toEqual([AT_B, AT_C]);
    kernel.advance(600_000);
    expect(kernel.forwarded.size).toBe(0);
  });

  it("removes adopted entries whose link is up but whose tunnel does not answer", () => {
    const { entries, kernel } = setUp();
    kernel.forwarded.set(MAC, AT_B);
    entries.adopt([...kernel.forwarded]);
    kernel.advance(10_000);
    expect(kernel.forwarded.size).toBe(0);
  });

  it.each(["a living link", "a link that ended", "an earlier life"])(
    "ends what %s left when a link is encrypted",
    (why) => {
      const { entries, kernel } = setUp();
      if (why === "an earlier life") {
        kernel.forwarded.set(MAC, "192.0.2.9");
        entries.adopt([...kernel.forwarded]);
        entries.encrypted(9, "192.0.2.9");
      } else {
        entries.setMac(MAC, B);
        entries.setForwarding(B, 1, "usable");
        if (why === "a link that ended") entries.close(B, 1);
        entries.encrypted(B, AT_B);
      }
      expect(kernel.forwarded.size).toBe(0);
      expect(kernel.sources).not.toContain(why === "an earlier life" ? "192.0.2.9" : AT_B);
    },
  );

  it("ends what was kept for an address when a peer of another name encrypts from there", () => {
    const { entries, kernel } = setUp();
    entries.setMac(MAC, B);
    entries.setForwarding(B, 1, "usable");
    entries.close(B, 1);
    entries.encrypted(9, AT_B);
    expect(kernel.forwarded.size).toBe(0);
  });

  it("admits the addresses that heartbeats of a link come from, the latest two, as long as the link lives", () => {
    const { entries, kernel } = setUp();
    for (const address of ["198.51.100.1", "198.51.100.2", "198.51.100.3"]) entries.heardFrom(B, 1, address);
    expect(kernel.sources).toEqual([AT_B, AT_C, "198.51.100.2", "198.51.100.3"]);
    entries.heardFrom(B, 7, "203.0.113.1");
    entries.close(B, 1);
    expect(kernel.sources).toEqual([AT_C]);
  });
});
