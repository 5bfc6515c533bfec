import { describe, expect, it } from "vitest";
import {
  formatMac,
  linkLocalOf,
  linkLocalsOf,
  macOfAddress,
  macsOfRange,
  mergeRanges,
  parseMac,
  readCidr,
  readIpv4,
  subnetOf,
} from "../src/address.ts";

describe("reading addresses", () => {
  it("refuses what other readers would read differently", () => {
    for (const bad of ["010.0.0.1", "10.0.0", "10.0.0.256", "10.0.0.1.2", "", "10.0.0.x", " 10.0.0.1", "::1"])
      expect(() => readIpv4(bad), bad).toThrow("not a valid");
    for (const bad of ["10.0.0.1", "10.0.0.1/33", "10.0.0.1/08", "10.0.0.1/24/1", "10.0.0.1/"])
      expect(() => readCidr(bad), bad).toThrow("not a valid");
    for (const bad of ["", "aa:bb:cc:dd:ee", "aa:bb:cc:dd:ee:fg", "aabbccddeeff"])
      expect(() => parseMac(bad), bad).toThrow("not a valid MAC address");
  });
});

describe("subnetOf", () => {
  it.each([
    ["10.32.1.7/24", "10.32.1.0/24"],
    ["10.32.1.7/0", "0.0.0.0/0"],
    ["255.255.255.255/32", "255.255.255.255/32"],
    ["192.168.200.9/12", "192.160.0.0/12"],
    ["2001:db8::7/64", "2001:db8::/64"],
  ])("puts %s into %s", (cidr, subnet) => expect(subnetOf(cidr)).toBe(subnet));
});

describe("macOfAddress", () => {
  it("gives the same MAC whatever the prefix length", () => {
    expect(macOfAddress("10.32.1.7/24")).toBe("0a:58:0a:20:01:07");
    expect(macOfAddress("10.32.1.7/12")).toBe("0a:58:0a:20:01:07");
  });
  it("covers a range of addresses by a range of MACs", () => {
    const { first, last } = macsOfRange({ first: 0x0a200000n, last: 0x0a2000ffn });
    expect([formatMac(first), formatMac(last)]).toEqual(["0a:58:0a:20:00:00", "0a:58:0a:20:00:ff"]);
  });
});

describe("linkLocalOf", () => {
  it("derives the address that the kernel gives to an interface", () => {
    // RFC 4291, appendix A, with the MAC of a container at 10.32.0.1.
    expect(linkLocalOf(parseMac("0a:58:0a:20:00:01")).toString(16)).toBe("fe8000000000000008580afffe200001");
  });
  it("splits a range of MACs where the derived addresses are not contiguous", () => {
    const macs = macsOfRange({ first: 0x0afffffen, last: 0x0b000001n });
    expect(linkLocalsOf(macs).map(({ first, last }) => [first, last].map((bits) => bits.toString(16)))).toEqual([
      ["fe8000000000000008580afffefffffe", "fe8000000000000008580afffeffffff"],
      ["fe8000000000000008580bfffe000000", "fe8000000000000008580bfffe000001"],
    ]);
  });
});

describe("mergeRanges", () => {
  it("joins ranges that overlap or touch", () => {
    const range = (first: number, last: number) => ({ first: BigInt(first), last: BigInt(last) });
    expect(mergeRanges([range(5, 9), range(1, 2), range(3, 3), range(6, 7), range(12, 12)])).toEqual([
      range(1, 3),
      range(5, 9),
      range(12, 12),
    ]);
  });
});
