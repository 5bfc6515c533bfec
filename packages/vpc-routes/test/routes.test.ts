import { describe, expect, it } from "vitest";
import { iamPolicy, nativeRanges, partitionOf, planTable, stillNative } from "../src/index.ts";
import type { Route, RouteTable } from "../src/ports.ts";
import { countRoutes } from "../src/routes.ts";
import { parseOwnership } from "../src/saved-ownership.ts";
import { eni, ranges } from "./set-up.ts";

const route = (destination: string, more: Partial<Route> = {}): Route => ({
  ...{ destination, state: "active", origin: "CreateRoute" },
  ...more,
});
const table = (...routes: Route[]): RouteTable => ({
  ...{ id: "rtb-1", vpcId: "vpc-1", main: true, subnets: [], tags: {} },
  routes,
});

describe("countRoutes", () => {
  it("counts a prefix list with all its entries, and propagated routes not at all", () => {
    const routes = [
      route("10.0.0.0/16"),
      route("pl-1", { entries: 60 }),
      route("pl-2"),
      route("10.9.0.0/16", { origin: "EnableVgwRoutePropagation" }),
      route("10.8.0.0/16", { origin: "Advertisement" }),
      route("fd00::/64"),
    ];
    expect([countRoutes(routes, 4), countRoutes(routes, 6)]).toEqual([62, 1]);
  });
});

describe("a static route beside a propagated one", () => {
  const propagated = route("10.32.0.0/24", { origin: "EnableVgwRoutePropagation", gateway: "vgw-1" });
  const input = { self: eni(1), wanted: ["10.32.0.0/24"], members: new Map([[eni(1), 1]]), within: ["10.32.0.0/12"] };

  it("is created, for a propagated route holds nothing", () => {
    const { steps, conflicts } = planTable({ ...input, table: table(propagated) });
    expect(steps.map((step) => `${step.do} ${step.destination}`)).toEqual(["create 10.32.0.0/24"]);
    expect(conflicts).toEqual([]);
  });

  it.each([[0], [1]])("is kept, and is the one that packets follow, in either order (%i)", (first) => {
    const own = route("10.32.0.0/24", { eni: eni(1) });
    const both = first === 0 ? [own, propagated] : [propagated, own];
    expect(planTable({ ...input, table: table(...both) })).toEqual({ steps: [], conflicts: [] });
    expect(nativeRanges(both, input.members, ranges.slice(0, 1))).toEqual(ranges.slice(0, 1));
  });
});

describe("stillNative", () => {
  it("keeps what the same peer still owns, and adds nothing", () => {
    const seen = [
      { start: 10, end: 20, peer: 1 },
      { start: 20, end: 30, peer: 2 },
    ];
    const owned = [
      { start: 5, end: 15, peer: 1 },
      { start: 15, end: 25, peer: 3 },
      { start: 25, end: 40, peer: 2 },
    ];
    expect(stillNative(seen, owned)).toEqual([
      { start: 10, end: 15, peer: 1 },
      { start: 25, end: 30, peer: 2 },
    ]);
  });
});

describe("iamPolicy", () => {
  it.each([
    ["eu-west-1", "aws"],
    ["cn-northwest-1", "aws-cn"],
    ["us-gov-east-1", "aws-us-gov"],
    ["us-iso-east-1", "aws-iso"],
    ["us-isob-east-1", "aws-iso-b"],
    ["eusc-de-east-1", "aws-eusc"],
    [undefined, "aws"],
  ])("names the partition of %s", (region, partition) => {
    expect(partitionOf(region)).toBe(partition);
    const { Statement } = iamPolicy({ tables: ["rtb-1"], ...(region && { region }) });
    expect(JSON.stringify(Statement)).toContain(`arn:${partition}:ec2:`);
  });

  it("allows the tags of the registry only", () => {
    const registry = iamPolicy({ tables: ["rtb-1"] }).Statement.find(({ Sid }) => Sid === "Registry");
    expect(registry?.Condition).toEqual({ "ForAllValues:StringLike": { "aws:TagKeys": ["weaved/*"] } });
  });
});

describe("parseOwnership", () => {
  it("gives a named peer no number that another peer of the file has", () => {
    const text = JSON.stringify([
      { peer: "berlin", cidr: "10.32.0.0/24" },
      { peer: 1, cidr: "10.32.1.0/24" },
      { peer: "00:00:00:00:00:02", cidr: "10.32.2.0/24" },
      { peer: "99999999999999999999", cidr: "10.32.3.0/24" },
    ]);
    const { names } = parseOwnership(text);
    expect(new Set(names.values()).size).toBe(4);
    expect([names.get("1"), names.get("00:00:00:00:00:02")]).toEqual([1, 2]);
  });

  it.each([
    ["{}", "expected a list"],
    ["[null]", "entry 1 lacks its peer"],
    ['[{"peer":1}]', "needs a cidr, or a start and an end"],
    ['[{"peer":1,"cidr":5}]', "needs a cidr"],
    ['[{"peer":1,"start":"10.0.0.0"}]', "needs a cidr"],
    ['[{"peer":1,"cidr":"10.0.0/8"}]', "is not a valid"],
    ["nonsense", "not a list of who owns what"],
  ])("refuses %s", (text, reason) => {
    expect(() => parseOwnership(text)).toThrow(reason);
  });
});
