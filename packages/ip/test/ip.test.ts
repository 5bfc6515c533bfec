import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Ip, IpError, toIp } from "../src/index.ts";

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const anyIp = fc.oneof(bytes(4), bytes(16)).map((value) => Ip.fromBytes(value));
/** Many zero groups, so that every kind of `::` occurs. */
const sparse = fc
  .array(fc.oneof({ weight: 2, arbitrary: fc.constant(0) }, fc.nat(0xffff)), { minLength: 8, maxLength: 8 })
  .map((groups) => ({ groups, ip: Ip.parse(groups.map((group) => group.toString(16)).join(":")) }));

describe("Ip.parse", () => {
  it.each([
    ["0.0.0.0", "0.0.0.0"],
    ["255.255.255.255", "255.255.255.255"],
    ["::", "::"],
    ["::1", "::1"],
    ["1::", "1::"],
    ["2001:DB8::0001", "2001:db8::1"],
    ["2001:0:0:1:0:0:0:1", "2001:0:0:1::1"],
    ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
    ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
    ["::ffff:192.0.2.1", "::ffff:192.0.2.1"],
    ["::ffff:c000:201", "::ffff:192.0.2.1"],
    ["64:ff9b::192.0.2.33", "64:ff9b::c000:221"],
    ["1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"],
  ])("reads %s as %s", (text, canonical) => {
    expect(Ip.parse(text).toString()).toBe(canonical);
  });

  it.each([
    ...["", "10", "10.1", "10.0.0", "010.0.0.1", "10.0.0.256", "0x0a.0.0.1", "10.0.0.1.", ".10.0.0.1", "1.2.3.4.5"],
    ...[" 10.0.0.1", "10.0.0.1 ", "10.0.0.1/32", "1e1.0.0.1", "١.0.0.1", "10.0.0.-1", "host", "10..0.1"],
    ...[":", ":::", "1::2::3", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8::", "::12345", "::g", "[::1]"],
    ...[
      "::1.2.3",
      "::1.2.3.04",
      "1.2.3.4::",
      "::1.2.3.4:5",
      ":1:2:3:4:5:6:7",
      "1:2:3:4:5:6:7:",
      "::1/128",
      "1.2.3.4:5",
    ],
    ...["fe80::1%eth0", "%eth0"],
  ])("refuses %j", (text) => {
    expect(() => Ip.parse(text)).toThrow(IpError);
    expect(Ip.tryParse(text)).toBeUndefined();
  });

  it.each([
    ["010.0.0.1", /^"010\.0\.0\.1" is not a valid IPv4 address; expected/],
    ["10", /^"10" is not a valid IPv4 address/],
    ["1::2::3", /^"1::2::3" is not a valid IPv6 address/],
    ["host", /^"host" is not a valid IP address/],
    ["fe80::1%eth0", /^"fe80::1%eth0" has a zone id; leave out "%eth0"$/],
    ["x".repeat(1e6), /^.{0,160}$/],
  ])("names the value and the expected form of %.12s", (text, message) => {
    expect(() => Ip.parse(text)).toThrow(message);
  });

  it("returns the address whose text it reads, in canonical form", () => {
    fc.assert(
      fc.property(anyIp, (ip) => {
        expect(Ip.parse(ip.toString())).toEqual(ip);
        expect(Ip.parse(ip.toString().toUpperCase())).toEqual(ip);
        expect(Ip.fromBytes(ip.toBytes())).toEqual(ip);
        expect(Ip.fromBits(ip.family, ip.bits).equals(ip)).toBe(true);
      }),
    );
  });

  it("writes the longest run of zero groups as :: and never a single one (RFC 5952)", () => {
    fc.assert(
      fc.property(sparse, ({ groups, ip }) => {
        const runs =
          groups
            .map((group) => (group === 0 ? "0" : "x"))
            .join("")
            .match(/0+/g) ?? [];
        const longest = Math.max(0, ...runs.map((run) => run.length));
        const text = ip.toString();
        expect(Ip.parse(text)).toEqual(ip);
        if (text.includes(".")) return;
        expect(text.includes("::")).toBe(longest > 1);
        expect(text).toMatch(/^[0-9a-f:]+$/);
        const kept = text.split(":").filter((group) => group !== "").length;
        expect(kept).toBe(longest > 1 ? 8 - longest : 8);
      }),
    );
  });

  it("returns a value or an IpError for any text", () => {
    const near = fc.string({ unit: fc.constantFrom(..."0123456789abcdef.:/%x"), maxLength: 50 });
    fc.assert(
      fc.property(fc.oneof(near, fc.string()), (text) => {
        try {
          expect(Ip.parse(Ip.parse(text).toString())).toEqual(Ip.parse(text));
        } catch (error) {
          expect(error).toBeInstanceOf(IpError);
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe("Ip", () => {
  it("converts to and from the unsigned 32-bit number of an IPv4 address", () => {
    fc.assert(
      fc.property(fc.nat(0xffffffff), (value) => {
        expect(Ip.v4(value).toNumber()).toBe(value);
      }),
    );
    expect(Ip.v4(0xffffffff).toString()).toBe("255.255.255.255");
  });

  it.each([-1, 2 ** 32, 1.5, Number.NaN])("refuses %d as an IPv4 number", (value) => {
    expect(() => Ip.v4(value)).toThrow(expect.objectContaining({ code: "OUT_OF_RANGE" }));
  });

  it("has no 32-bit number when it is IPv6", () => {
    expect(() => Ip.parse("::1").toNumber()).toThrow("::1 is not an IPv4 address");
  });

  it("keeps an IPv4-mapped address apart until it is unmapped", () => {
    const mapped = Ip.parse("::ffff:192.0.2.1");
    expect(mapped.equals("192.0.2.1")).toBe(false);
    expect(mapped.unmapped().toString()).toBe("192.0.2.1");
    expect(Ip.parse("::192.0.2.1").unmapped().family).toBe(6);
  });

  it("ends at the last address of its family", () => {
    expect(Ip.parse("10.0.0.255").next()?.toString()).toBe("10.0.1.0");
    expect(Ip.parse("10.0.0.0").next(-1)?.toString()).toBe("9.255.255.255");
    expect(Ip.parse("255.255.255.255").next()).toBeUndefined();
    expect(Ip.parse("::").next(-1)).toBeUndefined();
    expect(
      Ip.parse("::")
        .next(2n ** 128n - 1n)
        ?.next(),
    ).toBeUndefined();
  });

  it("sorts IPv4 before IPv6 and by number", () => {
    const sorted = ["::", "10.0.0.2", "9.0.0.1", "10.0.0.10", "::1"].map((text) => Ip.parse(text)).sort(Ip.compare);
    expect(sorted.join(" ")).toBe("9.0.0.1 10.0.0.2 10.0.0.10 :: ::1");
    fc.assert(fc.property(anyIp, anyIp, (a, b) => (Ip.compare(a, b) === 0) === a.equals(b)));
  });

  it("is immutable, and becomes its text in JSON and in templates", () => {
    const ip = toIp("10.0.0.1");
    expect(Object.isFrozen(ip)).toBe(true);
    expect(toIp(ip)).toBe(ip);
    expect(JSON.stringify([ip, `${ip}`])).toBe('["10.0.0.1","10.0.0.1"]');
  });
});
