import { describe, expect, it } from "vitest";
import { parseResolvConf } from "../src/resolv-conf.ts";

const addresses = (...lines: string[]): string[] => parseResolvConf(lines.join("\n")).map(({ address }) => address);

describe("parseResolvConf", () => {
  it("lists the servers in order and ignores everything else", () => {
    const lines = [
      "# c",
      "search a b",
      "nameserver 10.0.0.2",
      " nameserver\t2001:db8::1 # x",
      "nameserver fe80::1%eth0",
    ];
    const rest = ["nameserver 10.0.0.2", "nameserver nonsense", "options ndots:5", "nameserver 10.0.0.3;comment"];
    expect(addresses(...lines, ...rest)).toEqual(["10.0.0.2", "2001:db8::1", "fe80::1%eth0", "10.0.0.3"]);
  });

  it("takes the first of two addresses on one line, as glibc does", () => {
    expect(addresses("nameserver 10.0.0.1 10.0.0.2", "nameserver 10.0.0.3")).toEqual(["10.0.0.1", "10.0.0.3"]);
  });

  it("ignores addresses that the C library would read as others", () => {
    const odd = ["10.1", "010.0.0.1", "10.0.0.1%eth0", "fe80::1%", "::1::2", "1.2.3.4.5", "0x7f000001"];
    expect(addresses(...odd.map((text) => `nameserver ${text}`))).toEqual([]);
  });

  it("stops at eight servers", () => {
    expect(addresses(...Array.from({ length: 20 }, (_, i) => `nameserver 10.0.0.${i}`))).toHaveLength(8);
  });
});
