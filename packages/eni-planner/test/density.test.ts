import { describe, expect, it } from "vitest";
import { densityOf, EniPlannerError, ecsTasks, instanceTypes, limitsOf, maxPods, mixedMaxPods } from "../src/index.ts";
import { vcpusOf } from "../src/instances.ts";

describe("density", () => {
  // type, max pods, ECS plain, ECS trunked: the AWS documents' sample. Multi-card types count all cards for ECS.
  it.each([
    ["a1.medium", 8, 1, 10],
    ["c5.large", 29, 2, 10],
    ["m5.large", 29, 2, 10],
    ["c5.xlarge", 58, 3, 20],
    ["c5.2xlarge", 58, 3, 40],
    ["c5.4xlarge", 234, 7, 60],
    ["c5.9xlarge", 234, 7, 60],
    ["c5.18xlarge", 737, 14, 120],
    ["p4d.24xlarge", 737, 59, 120],
    ["c6in.32xlarge", 394, 15, 120],
    ["m4.large", 20, 1, null],
    ["t3.small", 11, 2, null],
    ["i4i.16xlarge", 737, 14, 248],
    ["i4i.metal", 737, 14, 498],
    ["trn1n.32xlarge", 247, 79, 242],
    ["i3.large", 29, 2, null],
    ["p3dn.24xlarge", 737, 14, null],
  ])("%s holds %i pods, %i tasks, %s with trunking", (type, pods, plain, trunked) => {
    expect(maxPods(limitsOf(type))).toBe(pods);
    expect(ecsTasks(limitsOf(type))).toEqual({ plain, trunked });
  });

  it("follows the formulas of the other schemes", () => {
    const { eks } = densityOf("m5.large");
    expect(eks).toMatchObject({ customNetworking: 20, prefixDelegation: 434, prefixCustomNetworking: 290 });
    expect(eks).toMatchObject({ recommendedPrefixDelegation: 110, securityGroups: { standard: 20, branch: 9 } });
    expect(densityOf("m5.24xlarge").eks.recommended).toBe(250);
    expect(densityOf("m4.large").eks).toMatchObject({ prefixDelegation: null, securityGroups: null, ipv6: null });
  });

  it("explains why c5.large holds two tasks, with trunking ten", () => {
    const text = densityOf("c5.large").explain.join("\n");
    expect(text).toContain("3 - 1 = 2 tasks");
    expect(text).toContain("12 - 2 = 10 tasks");
  });

  it("knows dual stack: as many ECS tasks, pods of one family", () => {
    expect(densityOf("c5.large").dualStack).toEqual({ plain: 2, trunked: 10 });
    expect(densityOf("m3.large").dualStack).toBeNull();
    expect(densityOf("c5.large").explain.join()).toContain("EKS pods have one family: 110 pods with IPv6");
  });

  it("takes the smallest type of a mixed group", () => expect(mixedMaxPods(["m5.large", "t3.small"])).toBe(11));

  it("says unknown where the table does not know, and null where the type cannot", () => {
    const limits = { ...limitsOf("m5.large"), type: "new.large", branchInterfaces: undefined, trunking: undefined };
    const unknown = densityOf({ ...limits, kind: "unknown", ipv6PerEni: undefined }, 2);
    expect(unknown.ecs.trunked).toBe("unknown");
    expect(unknown.dualStack).toBe("unknown");
    const { prefixDelegation, prefixCustomNetworking, recommendedPrefixDelegation, securityGroups, ipv6 } = unknown.eks;
    for (const figure of [prefixDelegation, prefixCustomNetworking, recommendedPrefixDelegation, securityGroups, ipv6])
      expect(figure).toBe("unknown");
    expect(unknown.explain.join()).not.toContain("not possible");
    const old = densityOf("m4.large");
    expect([old.ecs.trunked, old.eks.prefixDelegation, old.eks.ipv6]).toEqual([null, null, null]);
  });
  it("keeps unknown trunking apart from none", () => {
    expect(limitsOf("trn2.3xlarge").trunking).toBeUndefined();
    expect(densityOf("trn2.3xlarge").explain.join()).toContain("not in the table");
  });

  it("names an unknown type and the day of its table", () => {
    expect(() => limitsOf("c99.large")).toThrow(EniPlannerError);
    expect(() => limitsOf("c99.large")).toThrow(/c99\.large.*2026-08-11/);
  });

  it("never says a scheme holds more than the interfaces' addresses", () => {
    expect(instanceTypes().size).toBe(1392);
    for (const limits of instanceTypes().values()) {
      const { eks, ecs } = densityOf(limits);
      expect(eks.maxPods - 2).toBeLessThanOrEqual(limits.enis * limits.ipv4PerEni);
      expect(eks.recommended).toBeLessThanOrEqual(250);
      expect(ecs.plain).toBeLessThan(limits.totalEnis);
      expect(limits.branchInterfaces ?? 0).toBeLessThanOrEqual(120);
    }
  });

  it("reads vCPUs off the names", () => {
    expect(["c5.large", "c5.9xlarge", "m5.metal", "t3.nano", "r7i.metal-24xl"].map(vcpusOf)).toEqual([
      2, 36, 96, 2, 96,
    ]);
  });
});
