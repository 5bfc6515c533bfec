import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Cidr, Ip, IpError, parseInterface, toCidr } from "../src/index.ts";

/** Blocks of a small space, so that they often overlap. */
const small = fc
  .record({ family: fc.constantFrom<4 | 6>(4, 6), host: fc.nat(255), short: fc.nat(8) })
  .map(({ family, host, short }) => Cidr.of(Ip.fromBits(family, BigInt(host)), (family === 4 ? 32 : 128) - short));
const members = (cidr: Cidr) => [...cidr.blocks(cidr.family === 4 ? 32 : 128)].map(({ base }) => base.toString());

describe("Cidr.parse", () => {
  it.each([
    ["10.32.0.0/12", "10.32.0.0/12"],
    ["0.0.0.0/0", "0.0.0.0/0"],
    ["::/0", "::/0"],
    ["2001:DB8::/32", "2001:db8::/32"],
    ["fd00::5/128", "fd00::5/128"],
  ])("reads %s", (text, canonical) => {
    expect(Cidr.parse(text).toString()).toBe(canonical);
  });

  it.each([
    ["10/8", /^"10\/8" is not a valid IPv4 CIDR; expected a form such as 10\.32\.0\.0\/12$/],
    ["10.0.0.0", /not a valid IPv4 CIDR/],
    ["10.0.0.0/", /not a valid IPv4 CIDR/],
    ["10.0.0.0/33", /not a valid IPv4 CIDR/],
    ["10.0.0.0/08", /not a valid IPv4 CIDR/],
    ["10.0.0.0/8/8", /not a valid IPv4 CIDR/],
    ["10.0.0.0/255.0.0.0", /not a valid IPv4 CIDR/],
    ["::/129", /not a valid IPv6 CIDR/],
    ["fe80::%eth0/64", /not a valid IPv6 CIDR/],
    ["all", /^"all" is not a valid CIDR; expected a form such as 10\.32\.0\.0\/12 or 2001:db8::\/32$/],
    ["10.0.0.1/8", /^"10\.0\.0\.1\/8" has host bits set; write 10\.0\.0\.0\/8$/],
  ])("refuses %j with its reason", (text, message) => {
    expect(() => Cidr.parse(text)).toThrow(message);
    expect(() => Cidr.parse(text)).toThrow(IpError);
    expect(Cidr.tryParse(text)).toBeUndefined();
  });

  it("returns the CIDR whose text it reads", () => {
    fc.assert(
      fc.property(small, (cidr) => {
        expect(Cidr.parse(cidr.toString())).toEqual(cidr);
      }),
    );
  });
});

describe("Cidr", () => {
  it("clears host bits in Cidr.of and keeps them in parseInterface", () => {
    expect(Cidr.of("100.68.0.18", 18).toString()).toBe("100.68.0.0/18");
    expect(Cidr.of("10.0.0.1").toString()).toBe("10.0.0.1/32");
    const { address, cidr } = parseInterface("10.32.0.5/12");
    expect(`${address} ${cidr}`).toBe("10.32.0.5 10.32.0.0/12");
    expect(() => Cidr.of("10.0.0.1", 33)).toThrow("/33 is not a valid IPv4 prefix length; expected 0 to 32");
  });

  it("contains, overlaps, and equals as sets of addresses do", () => {
    fc.assert(
      fc.property(small, small, (a, b) => {
        const [inA, inB] = [new Set(members(a)), members(b)];
        expect(a.contains(b)).toBe(inB.every((one) => inA.has(one)));
        expect(a.overlaps(b)).toBe(inB.some((one) => inA.has(one)));
        expect(a.equals(b)).toBe(a.toString() === b.toString());
        expect(a.contains(b.base)).toBe(inA.has(b.base.toString()));
        expect(a.contains(`${b.last}`)).toBe(inA.has(b.last.toString()));
      }),
    );
  });

  it("subtracts exactly the addresses of the other, in disjoint blocks", () => {
    fc.assert(
      fc.property(small, small, (a, b) => {
        const hole = new Set(members(b));
        const left = a.subtract(b);
        expect(left.flatMap(members)).toEqual(members(a).filter((one) => !hole.has(one)));
        expect(left.length).toBeLessThanOrEqual(Math.max(1, b.length - a.length));
      }),
    );
    expect(Cidr.parse("::/0").subtract("::1/128")).toHaveLength(128);
  });

  it("splits into blocks lazily, up to the last address of the family", () => {
    expect([...Cidr.parse("255.255.255.252/30").blocks(31)].join(" ")).toBe("255.255.255.252/31 255.255.255.254/31");
    expect(Cidr.parse("::/0").blocks(128).next().value?.toString()).toBe("::/128");
    expect(() => [...Cidr.parse("10.0.0.0/8").blocks(7)]).toThrow("10.0.0.0/8 has no blocks of /7; it is smaller");
  });

  it("knows its size and its last address", () => {
    expect(Cidr.parse("::/0").size).toBe(2n ** 128n);
    expect(Cidr.parse("10.32.0.0/12").last.toString()).toBe("10.47.255.255");
  });

  it("sorts by first address, the larger block first", () => {
    const sorted = ["::/0", "10.0.0.0/24", "10.0.0.0/8", "9.0.0.0/8"].map(toCidr).sort(Cidr.compare);
    expect(sorted.join(" ")).toBe("9.0.0.0/8 10.0.0.0/8 10.0.0.0/24 ::/0");
  });

  it("becomes its text in JSON", () => {
    expect(JSON.stringify({ cidr: Cidr.parse("10.0.0.0/8") })).toBe('{"cidr":"10.0.0.0/8"}');
  });
});
