import { describe, expect, it } from "vitest";
import { addToRegistry, registryCapacity } from "../src/registry.ts";
import { eni, ranges, setUp } from "./set-up.ts";

describe("a reconciler checks", () => {
  it.each([
    ["the VPC's own addresses", { cidr: "10.32.0.0/16" }, undefined],
    ["a peered VPC that a table leads to", {}, "10.40.0.0/16"],
  ])("for an overlap with %s, writes nothing", async (_, options, peered) => {
    const { clock, ec2, start, destinations } = setUp(options);
    if (peered !== undefined) ec2.putRoute("rtb-2", { destination: peered, gateway: "pcx-1" });
    const one = start(1);
    one.update({ ranges });
    await clock.advance(60_000);
    expect(one.status().error?.code).toBe("CIDR_OVERLAP");
    expect(one.status().error?.message).toContain(peered ?? "10.32.0.0/16");
    expect(destinations()).toEqual([]);
    await one.close();
  });

  it("for peered VPCs that are not routed yet: a warning, for two calls in all", async () => {
    const { clock, ec2, start, destinations } = setUp({ peered: ["10.40.0.0/16", "192.168.0.0/16"] });
    const one = start(1);
    one.update({ ranges });
    await clock.advance(7_200_000);
    expect(one.status().problems).toMatchObject([{ code: "CIDR_OVERLAP" }]);
    expect(one.status().problems[0]?.message).toContain("10.40.0.0/16");
    expect(ec2.calls.DescribeVpcs).toBe(1);
    expect(destinations()).toHaveLength(1);
    await one.close();
  });

  it("which permission is missing, gives the smallest policy, goes on where it can", async () => {
    const { clock, ec2, start, destinations } = setUp();
    ec2.deny("DescribeNetworkInterfaces");
    ec2.deny("DescribeVpcs");
    const one = start(1);
    one.update({ ranges });
    await clock.advance(60_000);
    expect(destinations()).toHaveLength(1);
    expect(one.status().sourceDestCheck).toBe("unknown");
    expect(one.status().error).toBeUndefined();
    const said = one.status().problems.map((problem) => problem.message);
    expect(said.join()).toMatch(/ec2:DescribeNetworkInterfaces.*ec2:DescribeVpcs/);
    ec2.deny("DeleteRoute");
    one.update({ ranges: [] });
    await clock.advance(60_000);
    const { error } = one.status();
    expect(error?.message).toContain("ec2:DeleteRoute");
    const routes = error?.policy?.Statement.find((statement) => statement.Sid === "Routes");
    expect(routes?.Resource).toEqual(["rtb-1", "rtb-2"].map((id) => `arn:aws:ec2:*:*:route-table/${id}`));
    await one.close();
  });

  it("the source/destination check: with it on, encapsulates if told so", async () => {
    const { clock, ec2, start, destinations } = setUp();
    const [one, two] = [start(1), start(2, { whenChecked: "overlay", fixSourceDestCheck: true })];
    await ec2.setSourceDestCheck(eni(2), true);
    ec2.deny("ModifyNetworkInterfaceAttribute");
    for (const host of [one, two]) host.update({ ranges });
    await clock.advance(60_000);
    expect(destinations()).toEqual([`10.32.0.0/24 ${eni(1)}`]);
    expect(one.status().overlay).toEqual([ranges[1]]);
    expect(two.status()).toMatchObject({ sourceDestCheck: "on", native: [], overlay: [ranges[0]] });
    expect(two.status().problems[0]?.message).toContain("ec2:ModifyNetworkInterfaceAttribute");
    expect(two.status().problems.map(({ code }) => code)).toEqual(["PERMISSION_MISSING", "CHECK_ON"]);
    // The permission is granted: a minute later this host makes its routes.
    ec2.allow("ModifyNetworkInterfaceAttribute");
    await clock.advance(60_000);
    expect(two.status()).toMatchObject({ sourceDestCheck: "off", problems: [] });
    await clock.advance(600_000);
    expect(one.status().overlay).toEqual([]);
    await Promise.all([one.close(), two.close()]);
  });
});

describe("a dry run", () => {
  it("prints steps, costs, how full the tables are; writes nothing", async () => {
    const { ec2, start } = setUp({ quota: 500 });
    ec2.putRoute("rtb-1", { destination: "10.32.0.0/16", eni: eni(1) });
    const one = start(1);
    const { text } = await one.preview({ ranges });
    expect(text.split("\n")).toEqual([
      "DO      TABLE  DESTINATION   TO            WAS           WHY",
      "create  rtb-1  10.32.0.0/24  eni-00000001  -             owned here",
      "delete  rtb-1  10.32.0.0/16  -             eni-00000001  no longer owned here",
      "create  rtb-2  10.32.0.0/24  eni-00000001  -             owned here",
      "rtb-1: 2 routes now, 2 after, of 500",
      "rtb-2: 1 routes now, 2 after, of 500",
      "2 ranges, 2 routes exactly, 2 after aggregation (owner), 2 within the budget; 0 addresses by overlay",
      "3 EC2 calls, no waiting for the API's rate",
      "",
    ]);
    expect(Object.keys(ec2.calls).sort()).toEqual(["DescribeRouteTables", "GetServiceQuota"]);
    await one.close();
  });

  it("can be for everyone in the registry", async () => {
    const { clock, start } = setUp();
    const [one, two] = [start(1), start(2)];
    for (const host of [one, two]) host.update({ ranges });
    await clock.advance(30_000);
    const swapped = ranges.map((range) => ({ ...range, peer: 3 - range.peer }));
    const { tables } = await one.preview({ ranges: swapped }, "all");
    expect(tables.flatMap((table) => table.steps).map((step) => step.do)).toEqual(Array(4).fill("replace"));
    expect((await one.preview({ ranges })).text).toContain("nothing to do");
    await Promise.all([one.close(), two.close()]);
  });
});

describe("a cluster larger than the registry", () => {
  it("leaves the rest without routes of their own, able to use the others'", async () => {
    const { clock, ec2, start, destinations } = setUp({ tables: [{ id: "rtb-1", main: true }] });
    let tags: Record<string, string> = {};
    for (let n = 1000; n < 1000 + registryCapacity - 1; n++) {
      tags = { ...tags, ...addToRegistry("default", tags, eni(n), n) };
    }
    await ec2.setTags("rtb-1", tags);
    const [one, two] = [start(1), start(2)];
    one.update({ ranges });
    await clock.advance(30_000);
    two.update({ ranges });
    await clock.advance(30_000);
    expect(destinations()).toEqual([`10.32.0.0/24 ${eni(1)}`]);
    expect(two.status()).toMatchObject({
      members: registryCapacity,
      native: [ranges[0]],
      problems: [{ code: "TABLE_FULL" }],
    });
    expect(one.status().overlay).toEqual([ranges[1]]);
    await Promise.all([one.close(), two.close()]);
  });
});

describe("a budget in a reconciler", () => {
  it("is not spent on peers without an interface", async () => {
    const { clock, start, destinations } = setUp({ limit: 2, quota: 2 });
    const two = start(2);
    // Peer 9 owns most, has no interface; one route fits.
    const big = { start: 0x0a300000, end: 0x0a310000, peer: 9 };
    two.update({ ranges: [...ranges, big] });
    await clock.advance(60_000);
    expect(two.status().budget).toBe(1);
    expect(destinations()).toEqual([`10.32.1.0/24 ${eni(2)}`]);
    expect(two.status().overlay).toEqual([ranges[0], big]);
    await two.close();
  });

  it("is learned for each family by itself; the rest is overlay", async () => {
    const { clock, start, destinations } = setUp({ limit: 2 });
    const within = ["10.32.0.0/12", "fd00:32::/32"];
    const prefix = (n: number, peer: number) => ({ destination: `fd00:32:${n}::/48`, peer });
    const [one, two] = [start(1, { within }), start(2, { within })];
    const update = { ranges: ranges.slice(0, 1), prefixes: [prefix(1, 1), prefix(2, 1), prefix(3, 1)] };
    for (const host of [one, two]) host.update(update);
    await clock.advance(600_000);
    expect(destinations()).toEqual([`10.32.0.0/24 ${eni(1)}`, `fd00:32:1::/48 ${eni(1)}`, `fd00:32:2::/48 ${eni(1)}`]);
    expect(two.status()).toMatchObject({ native: update.ranges, overlay: [] });
    expect(two.status().nativePrefixes).toEqual([prefix(1, 1), prefix(2, 1)]);
    expect(two.status().overlayPrefixes).toEqual([prefix(3, 1)]);
    await Promise.all([one.close(), two.close()]);
  });
});
