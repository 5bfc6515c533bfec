import { toCidr } from "@weaved/ip";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  cheapestTypes,
  expectedCleanPrefixes,
  fleetOf,
  measureFragmentation,
  type PlanInput,
  planAddresses,
  printPlan,
  reportVpc,
  runningIn,
  secondaryRange,
  simulateScale,
  subnetChart,
  subnetsOf,
  usableAddresses,
  usablePrefixes,
  withSecondaryRange,
} from "../src/index.ts";
import { isReserved, parseSubnet } from "../src/subnet.ts";

describe("subnets", () => {
  it("leave five addresses to EC2", () => {
    expect(["10.0.0.0/28", "10.0.0.0/24", "10.0.0.0/20"].map(usableAddresses)).toEqual([11, 251, 4091]);
    expect(["10.0.0.0/28", "10.0.0.0/24"].map(usablePrefixes)).toEqual([0, 14]);
  });
  it("refuse what EC2 refuses", () => {
    for (const cidr of ["10.0.0.0/29", "10.0.0.0/15", "10.0.0.1/24", "10.0.0.0", "10.0.0.256/24"]) {
      expect(() => parseSubnet(cidr)).toThrow(cidr);
    }
  });
  it("lose whole prefixes quickly to single addresses at random", () => {
    expect(expectedCleanPrefixes("10.0.0.0/24", 0)).toBe(14);
    expect(expectedCleanPrefixes("10.0.0.0/24", 40)).toBeLessThan(1);
    expect(expectedCleanPrefixes("10.0.0.0/24", 30)).toBeGreaterThan(1);
  });
  it("gain from a secondary range no more blocks than the quota", () => {
    expect(secondaryRange("100.64.0.0/10", 4)).toMatchObject({ blocks: 4, addresses: 4 * 65531 });
    expect(secondaryRange("100.64.0.0/10", 50)).toMatchObject({ blocks: 50 });
    expect(secondaryRange("100.64.0.0/10", 100)).toMatchObject({ blocks: 64 });
  });
  it("are measured without counting reserved addresses as used or free", () => {
    const used = fc.uniqueArray(fc.integer({ min: 0, max: 255 }));
    fc.assert(
      fc.property(used, (offsets) => {
        const start = parseSubnet("10.1.2.0/24").start;
        const seen = measureFragmentation(
          "10.1.2.0/24",
          offsets.map((o) => start + o),
        );
        const real = offsets.filter((o) => !isReserved("10.1.2.0/24", start + o)).length;
        expect(seen.free).toBe(251 - real);
        expect(seen.stranded).toBeGreaterThanOrEqual(0);
        expect(seen.cleanPrefixes).toBeLessThanOrEqual(seen.packedPrefixes);
        expect(seen.longestRun).toBeLessThanOrEqual(seen.cleanPrefixes);
      }),
    );
  });
});

const plan: PlanInput = {
  subnets: [
    { id: "a", cidr: "10.0.0.0/24", az: "1a" },
    { id: "b", cidr: "10.0.1.0/24", az: "1b", used: 20 },
    { id: "pods", cidr: "100.64.0.0/20", az: "1a", pods: true },
  ],
  fleet: [{ type: "m5.large", count: 6, growthPerMonth: 2, tasksPerInstance: 20, scheme: "eks" }],
};

describe("address plans", () => {
  it("say when a subnet is exhausted", () => {
    const done = planAddresses(plan);
    // Twenty pods with one warm interface: three interfaces of nine addresses, and their own.
    expect(done.needs[0]).toMatchObject({ addresses: 30, tasks: 20 });
    expect(done.subnets.map((s) => s.exhaustedInMonth)).toEqual([5, 5, undefined]);
    expect(done.subnets[0]?.use[0]).toBe(90);
  });
  it("put pods of custom networking in the pod subnet of the zone", () => {
    const [group] = plan.fleet;
    const done = planAddresses({
      ...plan,
      fleet: [{ ...(group as PlanInput["fleet"][number]), customNetworking: true }],
    });
    expect(done.needs[0]).toMatchObject({ addresses: 1, tasks: 18 });
    expect(done.subnets[2]?.use[0]).toBeGreaterThan(0);
  });
  it("never give out a reserved address, whatever the fleet", () => {
    const group = fc.record({
      type: fc.constantFrom("m5.large", "c5.large", "c5.4xlarge", "m5.24xlarge"),
      count: fc.nat(200),
      growthPerMonth: fc.nat(20),
      tasksPerInstance: fc.nat(150),
      scheme: fc.constantFrom("ecs", "ecs-trunk", "eks", "eks-prefix" as const),
    });
    fc.assert(
      fc.property(fc.array(group, { maxLength: 4 }), fc.integer({ min: 16, max: 28 }), (fleet, length) => {
        const subnets = ["1a", "1b"].map((az, i) => ({ id: az, az, cidr: `10.${i}.0.0/${length}` }));
        const done = planAddresses({ subnets, fleet: fleet as PlanInput["fleet"], months: 3 });
        for (const s of done.subnets) for (const used of s.use) expect(used).toBeLessThanOrEqual(s.usable);
        // Whole blocks are not invented either.
        const clean = usablePrefixes(subnets[0]?.cidr ?? "");
        for (const s of done.subnets) {
          for (const left of s.cleanPrefixes) {
            expect(left).toBeGreaterThanOrEqual(0);
            expect(left).toBeLessThanOrEqual(clean);
          }
        }
        const asked = fleet.reduce((n, g) => n + g.count + 3 * g.growthPerMonth, 0);
        const addresses = done.subnets.reduce((n, s) => n + (s.use[3] ?? 0), 0);
        if (done.unplaced[3] === asked) expect(addresses).toBe(0);
        for (const need of done.needs)
          expect(need.tasks + need.tooMany).toBe(fleet[done.needs.indexOf(need)]?.tasksPerInstance);
      }),
      { numRuns: 60 },
    );
  });
  it("count what warm pools hold, where instances are, what the loss of a zone costs now and later", () => {
    const done = planAddresses(plan);
    // 20 pods of 27 addresses: seven warm on each of six instances.
    expect(done.needs[0]?.warm).toBe(7);
    expect(done.warm[0]).toBe(42);
    expect(done.loseOneAz.reduce((n, zone) => n + zone.instances, 0)).toBe(6 + 2 * 12 - (done.unplaced[12] ?? 0));
    expect(done.loseOneAz).toMatchObject([{ az: "1a", unplaced: 0 }, { az: "1b" }]);
    expect(done.loseOneAz[0]?.unplacedAtEnd).toBe(30 - 7);
  });
  it("run out of whole prefixes while addresses are left, the sooner the more is scattered", () => {
    const fleet = [
      { type: "m5.large", count: 2, growthPerMonth: 1, tasksPerInstance: 30, scheme: "eks-prefix" },
    ] as const;
    const at = (used: number, cleanPrefixes?: number) =>
      planAddresses({
        fleet,
        subnets: [
          { id: "s", cidr: "10.0.0.0/22", az: "1a", used, ...(cleanPrefixes === undefined ? {} : { cleanPrefixes }) },
        ],
      }).subnets[0];
    // Three prefixes each, one of them warm: 62 blocks of a /22 are enough for 20 instances.
    expect(at(0)).toMatchObject({ exhaustedInMonth: undefined, exhausted: undefined });
    expect(at(100)).toMatchObject({ exhausted: "prefixes" });
    expect(at(100)?.exhaustedInMonth).toBeLessThan(6);
    // The same hundred, packed densely.
    expect(at(100, 57)?.exhaustedInMonth).toBeUndefined();
    expect(at(100, 6)).toMatchObject({ exhaustedInMonth: 1, exhausted: "prefixes" });
  });
  it("last longer with a secondary range, for fewer pods on each instance", () => {
    const small = { ...plan, subnets: plan.subnets.slice(0, 2) };
    const more = withSecondaryRange(small, "100.64.0.0/10", 4);
    expect(more.subnets.slice(2)).toEqual([
      { id: "pods-1a", az: "1a", cidr: toCidr("100.64.0.0/16"), pods: true },
      { id: "pods-1b", az: "1b", cidr: toCidr("100.65.0.0/16"), pods: true },
    ]);
    expect(planAddresses(more).unplaced.at(-1)).toBe(0);
    expect(planAddresses(more).needs[0]?.tasks).toBe(18);
    expect(planAddresses(small).unplaced.at(-1)).toBeGreaterThan(0);
    expect(withSecondaryRange(small, "100.64.0.0/18").subnets).toHaveLength(3);
    expect(() => withSecondaryRange(small, "100.64.0.0")).toThrow("100.64.0.0");
  });
  it("put each month's growth in the zone with the fewest instances of the group", () => {
    const subnets = ["1a", "1b", "1c"].map((az, i) => ({ id: az, cidr: `10.0.${i}.0/24`, az }));
    const group = { type: "m5.large", count: 0, growthPerMonth: 1, tasksPerInstance: 5, scheme: "eks" } as const;
    const instances = (input: PlanInput) => planAddresses(input).loseOneAz.map((zone) => zone.instances);
    expect(instances({ subnets, fleet: [group], months: 6 })).toEqual([2, 2, 2]);
    // Two groups that each grow by one do not meet in the first zone either.
    expect(instances({ subnets, fleet: [group, { ...group, type: "c5.large" }], months: 3 })).toEqual([2, 2, 2]);
    // What runs already counts, by type.
    const running = { "m5.large": { "1a": 2, "1b": 1 } };
    expect(instances({ subnets, fleet: [group], months: 3, running })).toEqual([0, 1, 2]);
  });
  it("plan the known types and name the others", () => {
    const fleet = [
      { type: "m5.large", count: 2, tasksPerInstance: 5, scheme: "eks" },
      { type: "m99.huge", count: 3, tasksPerInstance: 5, scheme: "eks" },
      { type: "t3.small", count: 4, tasksPerInstance: 5, scheme: "ecs-trunk" },
      { type: "trn2.3xlarge", count: 5, tasksPerInstance: 5, scheme: "ecs-trunk" },
    ] as const;
    const done = planAddresses({ subnets: plan.subnets, fleet });
    expect(done.needs.map(({ type }) => type)).toEqual(["m5.large"]);
    expect(done.leftOut.map(({ type, count }) => [type, count])).toEqual([
      ["m99.huge", 3],
      ["t3.small", 4],
      ["trn2.3xlarge", 5],
    ]);
    expect(done.leftOut[1]?.reason).toContain("cannot trunk");
    expect(done.leftOut[2]?.reason).toContain("not known");
    expect(printPlan(done)).toContain('left out: 3 x m99.huge: instance type "m99.huge" is not in the table');
  });
  it.each([
    ["count", Number.NaN],
    ["count", -1],
    ["count", 1.5],
    ["count", 10_000_000],
    ["growthPerMonth", -3],
    ["growthPerMonth", Number.POSITIVE_INFINITY],
    ["tasksPerInstance", "many"],
    ["tasksPerInstance", undefined],
    ["scheme", "swarm"],
    ["type", ""],
  ])("refuse a group whose %s is %s", (field, value) => {
    const group = { type: "m5.large", count: 1, tasksPerInstance: 5, scheme: "eks", [field]: value };
    const fleet = [group as unknown as PlanInput["fleet"][number]];
    expect(() => planAddresses({ ...plan, fleet })).toThrowError(expect.objectContaining({ code: "SETTING_INVALID" }));
  });
  it.each([-1, 0.5, Number.NaN, 1e9])("refuse a plan of %s months", (months) => {
    expect(() => planAddresses({ ...plan, months })).toThrowError(expect.objectContaining({ code: "SETTING_INVALID" }));
  });
  it("are drawn as SVG", () => {
    const svg = subnetChart(planAddresses(plan).subnets);
    expect(svg.match(/<polyline/g)).toHaveLength(3);
    expect(svg).toContain("</svg>");
  });
});

describe("the cheapest type", () => {
  it("is the densest: with trunking the largest share of tasks among addresses", () => {
    const [best] = cheapestTypes({ scheme: "ecs-trunk", types: ["c5.large", "c5.2xlarge", "m5.large", "t3.small"] });
    expect(best).toMatchObject({ type: "c5.2xlarge", tasks: 40, totalAddresses: 42 });
  });
  it("for a number of tasks counts whole instances; prices break ties", () => {
    const types = ["c5.large", "m5.large", "c5.18xlarge"];
    const found = cheapestTypes({ scheme: "ecs", tasks: 4, types, prices: { "c5.large": 0.1, "m5.large": 0.09 } });
    expect(found.map((one) => [one.type, one.instances, one.totalAddresses])).toEqual([
      ["m5.large", 2, 6],
      ["c5.large", 2, 6],
      ["c5.18xlarge", 1, 15],
    ]);
    expect(found[0]?.totalPrice).toBe(0.18);
  });
  it("is found among all that can", () => {
    for (const scheme of ["ecs", "ecs-trunk", "eks", "eks-prefix"] as const) {
      const found = cheapestTypes({ scheme });
      expect(found.length).toBeGreaterThan(400);
      expect(found[0]?.addressesPerTask).toBeLessThan(1.5);
    }
  });
});

describe("scale-out", () => {
  it("is served from warm pools first, then by calls that refill them", () => {
    const group = { type: "m5.large", count: 10, tasksPerInstance: 15, scheme: "eks" } as const;
    // Ten pods have two interfaces of nine, one of them warm: eight addresses at once... the third interface refills.
    const out = simulateScale({ group, direction: "out", running: 10 });
    expect(out).toMatchObject({ tasks: 50, warm: 50, last: 0 });
    const none = simulateScale({ group: { ...group, warm: { warmIpTarget: 1 } }, direction: "out", running: 10 });
    expect(none).toMatchObject({ tasks: 50, warm: 10 });
    expect(none.last).toBeGreaterThanOrEqual(5);
    expect(simulateScale({ group, direction: "out" })).toMatchObject({ tasks: 150, warm: 0 });
  });
  it("has its way back: pools keep what their targets say", () => {
    const group = { type: "m5.large", count: 1, tasksPerInstance: 20, scheme: "eks" } as const;
    const back = simulateScale({ group, direction: "in" });
    // Three interfaces of nine; one stays warm with its nine addresses.
    expect(back).toMatchObject({ tasks: 20, warm: 2, calls: { DetachNetworkInterface: 2, DeleteNetworkInterface: 2 } });
    expect(back.last).toBeGreaterThanOrEqual(62);
    const kept = simulateScale({ group: { ...group, warm: { warmIpTarget: 25 } }, direction: "in" });
    expect(kept).toMatchObject({ tasks: 20, warm: 18 });
  });
  it("starts a thousand instances at once, then two a second", () => {
    const group = { type: "c5.large", count: 1100, tasksPerInstance: 0, scheme: "eks" } as const;
    const one = {
      type: "c5.large",
      count: 1100,
      tasksPerInstance: 1,
      scheme: "eks",
      warm: { warmIpTarget: 1 },
    } as const;
    expect(simulateScale({ group, direction: "out" })).toMatchObject({ tasks: 0, calls: { RunInstances: 110 } });
    expect(simulateScale({ group: one, direction: "out" }).last).toBeGreaterThanOrEqual(100 / 2 + 40);
  });
  it("is simulated for ten thousand tasks in no time", () => {
    const group = { type: "c5.large", count: 1000, tasksPerInstance: 10, scheme: "ecs-trunk" } as const;
    const { tasks, calls, last } = simulateScale({ group, direction: "out" });
    expect(tasks).toBe(10_000);
    // 11,000 attachments of both kinds, 50 at once, five a second.
    expect(calls.AssociateTrunkInterface).toBe(10_000);
    expect(last).toBeGreaterThanOrEqual((11_000 - 50) / 5);
  });
  it("is bounded by the attach calls: 300 of them take at least 50 s", () => {
    const group = { type: "m5.large", count: 150, tasksPerInstance: 25, scheme: "eks" } as const;
    const { last, calls } = simulateScale({ group, direction: "out" });
    expect(calls.AttachNetworkInterface).toBe(300);
    expect(last).toBeGreaterThanOrEqual(50);
  });
  it("waits longer when others use the API, and is quick for one host", () => {
    const group = { type: "c5.large", count: 60, tasksPerInstance: 2, scheme: "ecs" } as const;
    const alone = simulateScale({ group, direction: "out" });
    expect(simulateScale({ group, direction: "out", othersShare: 0.5 }).last).toBeGreaterThan(alone.last);
    expect(simulateScale({ group: { ...group, count: 1 }, direction: "out" }).last).toBe(60);
    expect(simulateScale({ group, direction: "in" }).calls.DeleteNetworkInterface).toBe(120);
  });
});

describe("a simulation that would not end, or makes no sense", () => {
  const group = { type: "c5.large", count: 10, tasksPerInstance: 2, scheme: "ecs" } as const;
  it.each([
    ["others take every call", { othersShare: 1 }],
    ["others take more than every call", { othersShare: 1.5 }],
    ["a share that is not a number", { othersShare: Number.NaN }],
    ["a negative share", { othersShare: -0.1 }],
    ["empty batches", { batch: 0 }],
    ["a negative number of running tasks", { running: -1 }],
    ["a boot time without end", { bootSeconds: Number.POSITIVE_INFINITY }],
    ["a fleet beyond the bound", { group: { ...group, count: 1e9 } }],
    ["more calls than the bound", { group: { ...group, type: "p5.48xlarge", tasksPerInstance: 60, count: 900_000 } }],
  ])("is refused: %s", (_name, input) => {
    expect(() => simulateScale({ group, direction: "out", ...input })).toThrowError(
      expect.objectContaining({ code: "SETTING_INVALID" }),
    );
  });
});

describe("a secondary range", () => {
  it.each([
    ["192.168.0.0/16", "10.0.0.0/16", "does not mix"],
    ["172.16.0.0/16", "192.168.0.0/20", "does not mix"],
    ["10.0.0.0/16", "10.1.0.0/24", "beside 10.1.0.0/24"],
    ["10.0.128.0/20", "10.0.0.0/16", "overlaps 10.0.0.0/16"],
    ["198.19.0.0/16", "10.0.0.0/16", "198.19.0.0/16"],
    ["10.5.0.0/16", "100.64.0.0/16", "RFC 1918"],
    ["172.31.0.0/16", "172.16.0.0/16", "172.31.0.0/16"],
    ["169.254.0.0/20", "10.0.0.0/16", "reserved"],
    ["127.0.0.0/16", "10.0.0.0/16", "reserved"],
    ["224.0.0.0/12", "10.0.0.0/16", "reserved"],
    ["0.0.0.0/8", "10.0.0.0/16", "reserved"],
  ])("%s is refused beside %s", (range, existing, reason) => {
    expect(() => secondaryRange(range, 4, [existing])).toThrow(reason);
  });
  it.each([
    ["100.64.0.0/16", "10.0.0.0/16"],
    ["10.8.0.0/16", "10.0.0.0/16"],
    ["172.20.0.0/16", "172.16.0.0/16"],
    ["54.0.0.0/16", "192.168.0.0/16"],
    ["100.66.0.0/16", "100.64.0.0/16"],
  ])("%s is accepted beside %s", (range, existing) => {
    expect(secondaryRange(range, 4, [existing]).blocks).toBe(1);
  });
  it("skips the blocks that are taken", () => {
    const { blockCidrs } = secondaryRange("100.64.0.0/10", 3, ["10.0.0.0/16", "100.64.0.0/16", "100.66.0.0/20"]);
    expect(blockCidrs.join(" ")).toBe("100.65.0.0/16 100.67.0.0/16 100.68.0.0/16");
  });
  it("that AWS refuses makes no plan", () => {
    const small = { ...plan, subnets: plan.subnets.slice(0, 2) };
    expect(() => withSecondaryRange(small, "192.168.0.0/16")).toThrow("AWS refuses 192.168.0.0/16");
  });
});

describe("the subnets of a VPC", () => {
  const subnet = (id: string, az: string, more = {}) => ({ id, az, cidr: "10.0.0.0/24", available: 251, ...more });
  const eni = (subnetId: string, type: string) => ({
    ...{ id: `eni-${subnetId}`, subnet: subnetId, status: "in-use", addresses: [], prefixes: [] },
    type,
  });
  const saved = {
    vpc: "vpc-1",
    subnets: [
      subnet("private", "us-west-2a", { public: false }),
      subnet("public", "us-west-2a", { public: true }),
      subnet("local", "us-west-2-lax-1a", { public: false }),
      subnet("wavelength", "us-east-1-wl1-bos-wlz-1"),
      subnet("attachment", "us-west-2b", { public: false }),
    ],
    interfaces: [eni("attachment", "transit_gateway"), eni("private", "interface")],
    instances: [
      { id: "i-1", type: "m5.large", subnet: "private" },
      { id: "i-2", type: "m5.large", subnet: "local" },
    ],
  };
  it("have roles", () => {
    expect(reportVpc(saved).map(({ role }) => role)).toEqual([
      ...["ordinary", "public", "local zone", "local zone", "attachment"],
    ]);
  });
  it("are planned with where they are ordinary, unless others are named", () => {
    const ids = (...roles: Parameters<typeof subnetsOf>) => subnetsOf(...roles).map(({ id }) => id);
    expect(ids(saved)).toEqual(["private"]);
    expect(ids(saved, ["ordinary", "local zone"])).toEqual(["private", "local", "wavelength"]);
    const open = { ...saved, subnets: saved.subnets.filter(({ id }) => id === "public") };
    expect(ids(open)).toEqual(["public"]);
  });
  it("say where instances run", () => {
    expect(runningIn(saved)).toEqual({ "m5.large": { "us-west-2a": 1, "us-west-2-lax-1a": 1 } });
  });
});

describe("a saved VPC", () => {
  it("gives subnets, a growing fleet", () => {
    const saved = {
      vpc: "vpc-1",
      subnets: [{ id: "s", cidr: "10.0.0.0/24", az: "1a", available: 200 }],
      interfaces: [],
      instances: ["a", "b", "c"].map((id) => ({ id, type: "m5.large", subnet: "s" })),
    };
    expect(subnetsOf(saved)).toEqual([{ id: "s", cidr: toCidr("10.0.0.0/24"), az: "1a", used: 51, cleanPrefixes: 14 }]);
    const fleet = fleetOf(saved, 10, 5, "eks");
    expect(fleet).toEqual([{ type: "m5.large", count: 0, growthPerMonth: 1, tasksPerInstance: 5, scheme: "eks" }]);
  });
  it("is refused when it has an address in a short form, which other programs read differently", () => {
    const eni = { id: "eni-1", subnet: "s", status: "in-use", addresses: ["010.0.0.20"], prefixes: [] };
    const subnets = [{ id: "s", cidr: "10.0.0.0/24", az: "1a", available: 234 }];
    expect(() => reportVpc({ vpc: "vpc-1", subnets, interfaces: [eni], instances: [] })).toThrow(
      'the saved VPC has "010.0.0.20", which is not a valid IPv4 address',
    );
  });
  it("is reported by subnet", () => {
    const [report] = reportVpc({
      vpc: "vpc-1",
      subnets: [{ id: "s", cidr: "10.0.0.0/24", az: "1a", available: 234 }],
      interfaces: [
        { id: "eni-1", subnet: "s", status: "in-use", addresses: ["10.0.0.20"], prefixes: ["10.0.0.32/28"] },
        { id: "eni-2", subnet: "s", status: "available", addresses: ["10.0.0.21"], prefixes: [] },
      ],
      instances: [{ id: "i-1", type: "m5.large", subnet: "s" }],
    });
    expect(report).toMatchObject({ free: 233, cleanPrefixes: 12, unattached: 1, instances: 1, longestRun: 12 });
  });
});
