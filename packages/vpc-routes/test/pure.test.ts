import { describe, expect, it } from "vitest";
import { toBlock, toNumber } from "../src/address.ts";
import {
  choosePath,
  findCidrProblems,
  iamPolicy,
  needsNat,
  planRoutes,
  planTable,
  printPlan,
  type RouteTable,
  VpcRoutesError,
} from "../src/index.ts";
import { addToRegistry, readRegistry, registryCapacity, removeFromRegistry } from "../src/registry.ts";
import { parseOwnership } from "../src/saved-ownership.ts";

describe("addresses", () => {
  it("are read strictly", () => {
    for (const text of ["010.0.0.1", "10", "10.0.0", "10.0.0.256", "1.2.3.4.5", "", "0x1.2.3.4"]) {
      expect(() => toNumber(text)).toThrow("not a valid IP");
    }
  });
  it.each([
    ["100.68.0.18/18", "100.68.0.0/18"],
    ["0.0.0.0/0", "0.0.0.0/0"],
    ["fd00:0:0:1::1/64", "fd00:0:0:1::/64"],
    ["::/0", "::/0"],
    ["2001:db8:0:0:1::/80", "2001:db8:0:0:1::/80"],
    ["2001:DB8::1/128", "2001:db8::1/128"],
  ])("of %s have the canonical form %s", (text, canonical) => expect(toBlock(text).toString()).toBe(canonical));
});

describe("the registry", () => {
  it("keeps members in tags, in the documented form", () => {
    const tag = addToRegistry("blue", {}, "eni-0123456789abcdef0", 0x7a9febb60c6e);
    expect(Object.values(tag ?? {})).toEqual(["ABI0VniavN7wep_rtgxu"]);
    expect(Object.keys(tag ?? {})[0]).toMatch(/^weaved\/blue\/\d\d$/);
    expect(readRegistry("blue", tag ?? {})).toEqual(new Map([["eni-0123456789abcdef0", 0x7a9febb60c6e]]));
    expect(readRegistry("green", tag ?? {}).size).toBe(0);
    expect(addToRegistry("blue", tag ?? {}, "eni-0123456789abcdef0", 0x7a9febb60c6e)).toBeUndefined();
  });
  it("holds as many as it says, within EC2's limits on tags, then refuses", () => {
    let tags: Record<string, string> = {};
    const id = (i: number) =>
      i % 2 === 0 ? `eni-${i.toString(16).padStart(17, "0")}` : `eni-${i.toString(16).padStart(8, "0")}`;
    for (let i = 0; i < registryCapacity; i++) tags = { ...tags, ...addToRegistry("c", tags, id(i), i) };
    expect(readRegistry("c", tags).size).toBe(480);
    expect(Object.keys(tags).length).toBeLessThanOrEqual(40);
    for (const value of Object.values(tags)) expect(value.length).toBeLessThanOrEqual(256);
    expect(() => addToRegistry("c", tags, id(9999), 1)).toThrow("480 members");
    const all = new Set(readRegistry("c", tags).keys());
    expect(removeFromRegistry("c", tags, all).delete.sort()).toEqual(Object.keys(tags).sort());
  });
});

describe("the plan of a table", () => {
  const self = "eni-00000001";
  const peer = "eni-00000002";
  const foreign = "eni-000000ff";
  const route = (destination: string, eni: string, state: "active" | "blackhole" = "active") =>
    ({ destination, eni, state, origin: "CreateRoute" }) as const;
  const table = (...routes: RouteTable["routes"]): RouteTable => ({
    id: "rtb-1",
    vpcId: "v",
    main: true,
    subnets: [],
    routes,
    tags: {},
  });
  const members = new Map([
    [self, 1],
    [peer, 2],
  ]);
  const within = ["10.32.0.0/12"];
  const plan = (routes: RouteTable["routes"], wanted: string[], more = {}) =>
    planTable({ table: table(...routes), self, wanted, members, within, ...more });

  it("creates before it deletes", () => {
    const { steps } = plan([route("10.32.0.0/13", self)], ["10.32.0.0/14"]);
    expect(steps.map((s) => `${s.do} ${s.destination}`)).toEqual(["create 10.32.0.0/14", "delete 10.32.0.0/13"]);
  });
  it("deletes first when there is no room", () => {
    const { steps } = plan([route("10.32.0.0/13", self)], ["10.32.0.0/14"], { limits: { 4: 1 } });
    expect(steps.map((s) => s.do)).toEqual(["delete", "create"]);
  });
  it("replaces what another member had", () => {
    expect(plan([route("10.32.0.0/24", peer)], ["10.32.0.0/24"]).steps).toMatchObject([
      { do: "replace", was: peer, eni: self },
    ]);
  });
  it("never touches what is not ours, adopts a black hole only when told", () => {
    const strange = [
      route("10.32.0.0/24", foreign, "blackhole"),
      route("10.33.0.0/24", foreign),
      route("192.168.0.0/16", self),
    ];
    const refused = plan(strange, ["10.32.0.0/24", "10.33.0.0/24"]);
    expect(refused.steps).toEqual([]);
    expect(refused.conflicts).toMatchObject([
      { holder: foreign, blackhole: true },
      { holder: foreign, blackhole: false },
    ]);
    const adopted = plan(strange, ["10.32.0.0/24", "10.33.0.0/24"], { adoptBlackholes: true });
    expect(adopted.steps).toMatchObject([{ do: "replace", destination: "10.32.0.0/24" }]);
  });
  it("leaves a route that it handed over for the new owner to replace", () => {
    const othersWant = new Set(["10.32.0.0/24"]);
    expect(plan([route("10.32.0.0/24", self)], [], { othersWant }).steps).toEqual([]);
  });
  it("leaves other members' routes alone, unless they are proven dead", () => {
    expect(plan([route("10.32.0.0/24", peer, "blackhole")], []).steps).toEqual([]);
    expect(plan([route("10.32.0.0/24", peer)], [], { dead: new Set([peer]) }).steps).toMatchObject([{ do: "delete" }]);
    expect(plan([route("10.32.0.0/24", foreign)], [], { dead: new Set([foreign]) }).steps).toEqual([]);
  });
  it("is printed with its costs", () => {
    const routes = planRoutes({ ranges: [{ start: 0x0a200000, end: 0x0a200100, peer: 1 }], within: ["10.32.0.0/12"] });
    const text = printPlan(routes, [plan([route("10.33.0.0/24", foreign)], ["10.32.0.0/24", "10.33.0.0/24"])]);
    expect(text).toContain("create  rtb-1  10.32.0.0/24  eni-00000001  -");
    expect(text).toContain("refuse  rtb-1  10.33.0.0/24");
    expect(text).toContain("1 EC2 call, no waiting");
  });
});

describe("a budget", () => {
  const range = (n: number, size: number, peer: number) => ({
    start: 0x0a200000 + n * 65536,
    end: 0x0a200000 + n * 65536 + size,
    peer,
  });
  const ranges = [range(0, 256, 1), range(1, 4096, 2), range(2, 256, 3)];
  const within = ["10.32.0.0/12"];
  const peers = (input: object) =>
    planRoutes({ ranges, within, budget: 1, aggregate: "owner", ...input }).routes.map((r) => r.peer);
  it("goes to the busiest, without traffic to the largest", () => {
    expect(peers({})).toEqual([2]);
    expect(
      peers({
        traffic: new Map([
          [1, 10],
          [3, 1000],
        ]),
      }),
    ).toEqual([3]);
  });
  it("does not flap between peers of about the same traffic", () => {
    const installed = new Map([["10.32.0.0/24", 1]]);
    expect(
      peers({
        installed,
        traffic: new Map([
          [1, 100],
          [3, 120],
        ]),
      }),
    ).toEqual([1]);
    expect(
      peers({
        installed,
        traffic: new Map([
          [1, 100],
          [3, 200],
        ]),
      }),
    ).toEqual([3]);
  });
  it("is not shared with IPv6", () => {
    const prefixes = [{ destination: "fd00::/64", peer: 1 }];
    const plan = planRoutes({ ranges, within: [...within, "fd00::/48"], budget: 0, prefixes });
    expect(plan.routes.map((route) => route.destination)).toEqual(["fd00::/64"]);
    expect(plan.overlay).toEqual(ranges);
  });
});

describe("paths", () => {
  const at = { sameSubnet: false, inTable: true, checkOff: true };
  it.each([
    ["table", at, "vpc"],
    ["table", { ...at, sameSubnet: true }, "vpc"],
    ["table", { ...at, inTable: false }, "overlay"],
    ["mixed", { ...at, sameSubnet: true, inTable: false }, "direct"],
    ["mixed", at, "vpc"],
    ["mixed", { ...at, inTable: false }, "overlay"],
    ["cross-subnet", { ...at, sameSubnet: true }, "direct"],
    ["cross-subnet", at, "overlay"],
    ["mixed", { ...at, sameSubnet: true, checkOff: false }, "overlay"],
    ["overlay", { ...at, sameSubnet: true }, "overlay"],
  ] as const)("in mode %s with %j: %s", (mode, input, path) => expect(choosePath({ mode, ...input }).path).toBe(path));

  it.each([
    ["10.32.1.2", true, false],
    ["172.31.0.9", true, false],
    ["172.31.0.9", false, true],
    ["8.8.8.8", true, true],
    ["fd00::1", true, true],
  ])("to %s, with every table leading back %s: NAT %s", (destination, sourceInEveryTable, nat) => {
    expect(needsNat({ destination, within: ["10.32.0.0/12"], vpc: ["172.31.0.0/16"], sourceInEveryTable }).nat).toBe(
      nat,
    );
  });
});

describe("checks before the start", () => {
  it("find overlaps with the VPC, its peers, ranges EC2 keeps", () => {
    const problems = findCidrProblems(["10.32.0.0/12"], {
      own: ["10.0.0.0/8"],
      peered: ["10.40.0.0/16", "192.168.0.0/16"],
    });
    expect(problems.map((p) => p.with.toString())).toEqual(["10.0.0.0/8", "10.40.0.0/16"]);
    expect(findCidrProblems(["169.254.170.0/24"], { own: [], peered: [] })).toHaveLength(1);
  });
  it("print the smallest policy: writes only to these tables", () => {
    const policy = iamPolicy({
      region: "eu-west-1",
      account: "111122223333",
      tables: ["rtb-1"],
      interfaces: ["eni-1"],
    });
    const [read, ...writes] = policy.Statement;
    expect(read?.Action.every((action) => /:(Describe|Get)/.test(action))).toBe(true);
    for (const { Resource } of writes)
      for (const arn of Resource) expect(arn).toMatch(/(route-table\/rtb-1|network-interface\/eni-1)$/);
    expect(iamPolicy({ region: "r", account: "a", tables: ["t"], withoutFix: true }).Statement).toHaveLength(3);
  });
});

describe("a file of who owns what", () => {
  it("is read from CIDRs of both families, from ranges; peers get numbers", () => {
    const text = JSON.stringify([
      { peer: "b", start: "10.32.1.0", end: "10.32.1.128" },
      { peer: "7a:9f:eb:b6:0c:6e", cidr: "10.32.0.7/24" },
      { peer: 5, cidr: "fd00:32::/48" },
    ]);
    const { update, names } = parseOwnership(text);
    expect(update.ranges).toEqual([
      { start: 0x0a200000, end: 0x0a200100, peer: 0x7a9febb60c6e },
      { start: 0x0a200100, end: 0x0a200180, peer: 1 },
    ]);
    expect(update.prefixes).toEqual([{ destination: "fd00:32::/48", peer: 5 }]);
    expect([...names.keys()]).toEqual(["b", "7a:9f:eb:b6:0c:6e", "5"]);
  });
  it.each(["{}", "[{}]", "nonsense", '[{"peer":1,"cidr":"10.0.0.0"}]', '[{"peer":1}]'])("is refused as %s", (text) => {
    expect(() => parseOwnership(text)).toThrow(VpcRoutesError);
  });
});
