import { describe, expect, it } from "vitest";
import { macOfAddress, parseCidr, parseIpv4, subnetOf } from "../src/address.ts";

describe("addresses", () => {
  it("are read strictly", () => {
    expect(parseIpv4("10.32.0.1")).toBe(0x0a200001);
    for (const bad of ["010.0.0.1", "10.0.0", "10.0.0.256", "10.0.0.1.2", "", "10.0.0.x", " 10.0.0.1"])
      expect(() => parseIpv4(bad), bad).toThrow("no IPv4 address");
    for (const bad of ["10.0.0.1", "10.0.0.1/33", "10.0.0.1/08", "10.0.0.1/24/1", "10.0.0.1/"])
      expect(() => parseCidr(bad), bad).toThrow("expected a.b.c.d/n");
  });
  it.each([
    ["10.32.1.7/24", "10.32.1.0/24"],
    ["10.32.1.7/0", "0.0.0.0/0"],
    ["255.255.255.255/32", "255.255.255.255/32"],
    ["192.168.200.9/12", "192.160.0.0/12"],
  ])("%s is in %s", (cidr, subnet) => expect(subnetOf(cidr)).toBe(subnet));
  it("give the same MAC whatever the length of the prefix", () => {
    expect(macOfAddress("10.32.1.7/24")).toBe("0a:58:0a:20:01:07");
    expect(macOfAddress("10.32.1.7/12")).toBe("0a:58:0a:20:01:07");
  });
});
