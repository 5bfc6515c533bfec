import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { instanceTypes, limitsOf, warmPool } from "../src/index.ts";

const T3 = "t3.small";
const P3 = "p3dn.24xlarge";

describe("warm pool", () => {
  // The VPC CNI's published examples (docs/eni-and-ip-target.md): type, WARM_ENI, WARM_IP, MINIMUM_IP, pods -> addresses on each interface.
  it.each([
    [T3, 1, undefined, undefined, 0, [3]],
    [T3, 1, undefined, undefined, 5, [3, 3, 3]],
    [T3, 1, undefined, undefined, 9, [3, 3, 3]],
    [T3, undefined, 1, 1, 0, [1]],
    [T3, undefined, 1, 1, 5, [3, 3]],
    [T3, undefined, 1, 1, 9, [3, 3, 3]],
    [T3, undefined, 2, 5, 0, [3, 2]],
    [T3, undefined, 2, 5, 5, [3, 3, 1]],
    [T3, undefined, 2, 5, 9, [3, 3, 3]],
    [P3, 1, undefined, undefined, 0, [49]],
    [P3, 1, undefined, undefined, 3, [49, 49]],
    [P3, 1, undefined, undefined, 95, [49, 49, 49]],
    [P3, undefined, 5, 10, 0, [10]],
    [P3, undefined, 5, 10, 7, [12]],
    [P3, undefined, 5, 10, 15, [20]],
    [P3, undefined, 5, 10, 45, [49, 1]],
  ] as const)("%s WARM_ENI %s WARM_IP %s MINIMUM_IP %s, %i pods: %j", (type, eni, ip, min, pods, perEni) => {
    const set = (name: string, value: number | undefined) => (value === undefined ? {} : { [name]: value });
    const pool = warmPool(type, pods, {
      ...set("warmEniTarget", eni),
      ...set("warmIpTarget", ip),
      ...set("minimumIpTarget", min),
    });
    expect([...pool.ipsPerEni].sort((a, b) => b - a)).toEqual(perEni);
    expect(pool.unusedIps).toBe(perEni.reduce<number>((a, b) => a + b, 0) - pods);
  });

  // The same with prefixes (docs/prefix-and-ip-target.md): prefixes, unused prefixes, unused addresses. Four rows there
  // contradict their own columns: three give p3dn an interface with nothing on it, one gives t3.small one of its two prefixes.
  it.each([
    [T3, 1, undefined, undefined, 0, [1], 1, 16],
    [T3, 1, undefined, undefined, 5, [2], 1, 27],
    [T3, 1, undefined, undefined, 16, [2], 1, 16],
    [T3, 1, undefined, undefined, 17, [3], 1, 31],
    [T3, 1, undefined, undefined, 58, [3, 2], 1, 22],
    [T3, undefined, 1, 1, 0, [1], 1, 16],
    [T3, undefined, 1, 1, 5, [1], 0, 11],
    [T3, undefined, 1, 1, 17, [2], 0, 15],
    [T3, undefined, 1, 1, 58, [3, 1], 0, 6],
    [T3, undefined, 7, 20, 0, [2], 2, 32],
    [T3, undefined, 7, 20, 5, [2], 1, 27],
    [T3, undefined, 7, 20, 17, [2], 0, 15],
    [T3, undefined, 7, 20, 58, [3, 2], 1, 22],
    [P3, 1, undefined, undefined, 0, [1], 1, 16],
    [P3, 1, undefined, undefined, 3, [2], 1, 29],
    [P3, 1, undefined, undefined, 95, [7], 1, 17],
    [P3, undefined, 5, 10, 0, [1], 1, 16],
    [P3, undefined, 5, 10, 7, [1], 0, 9],
    [P3, undefined, 5, 10, 15, [2], 1, 17],
    [P3, undefined, 5, 10, 45, [4], 1, 19],
  ] as const)(
    "%s WARM_PREFIX %s WARM_IP %s MINIMUM_IP %s, %i pods: %j",
    (type, prefix, ip, min, pods, perEni, unused, ips) => {
      const targets = ip === undefined ? { warmPrefixTarget: prefix } : { warmIpTarget: ip, minimumIpTarget: min };
      const pool = warmPool(type, pods, { ...targets, prefixDelegation: true });
      expect(pool).toMatchObject({ prefixesPerEni: perEni, unusedPrefixes: unused, unusedIps: ips });
    },
  );

  it("shows that MINIMUM_IP_TARGET alone is a ceiling", () => {
    const pool = warmPool("m5.large", 15, { minimumIpTarget: 11 });
    expect(pool).toMatchObject({ ips: 11, pending: 4 });
    expect(pool.warnings.join()).toContain("ceiling");
  });

  const types = [...instanceTypes().keys()];
  const target = fc.option(fc.nat(60), { nil: undefined });

  it("never exceeds a limit; has an address for each pod if there is room and a target above zero", () => {
    const settings = fc.record({ eni: target, ip: target, min: target, prefix: target, delegate: fc.boolean() });
    fc.assert(
      fc.property(fc.constantFrom(...types), fc.nat(300), settings, (type, pods, s) => {
        const limits = limitsOf(type);
        if (s.delegate && limits.kind === "xen") return;
        const pool = warmPool(type, pods, {
          ...(s.eni === undefined ? {} : { warmEniTarget: s.eni }),
          ...(s.ip === undefined ? {} : { warmIpTarget: s.ip }),
          ...(s.min === undefined ? {} : { minimumIpTarget: s.min }),
          ...(s.prefix === undefined ? {} : { warmPrefixTarget: s.prefix }),
          prefixDelegation: s.delegate,
        });
        const slots = limits.ipv4PerEni - 1;
        expect(pool.enis).toBeLessThanOrEqual(limits.enis);
        const perEni = s.delegate ? pool.prefixesPerEni : pool.ipsPerEni;
        for (const units of perEni) expect(units).toBeLessThanOrEqual(slots);
        expect(pool.unusedIps).toBeGreaterThanOrEqual(0);
        expect(pool.ips - pool.unusedIps + pool.pending).toBe(pods);
        const room = limits.enis * slots * (s.delegate ? 16 : 1);
        if (pods <= room && (s.ip ?? 1) > 0 && (s.min === undefined || s.ip !== undefined))
          expect(pool.pending).toBe(0);
      }),
      { numRuns: 500 },
    );
  });
});
