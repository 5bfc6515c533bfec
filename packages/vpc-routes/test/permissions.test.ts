import { describe, expect, it } from "vitest";
import type { Logger } from "../src/ports.ts";
import { eni, ranges, setUp } from "./set-up.ts";

describe("a reconciler without every permission", () => {
  it("makes its own routes with the role of Weave Net's documentation, which may not tag", async () => {
    const { clock, ec2, start, destinations } = setUp();
    ec2.deny("CreateTags");
    ec2.deny("DeleteTags");
    const [one, two] = [start(1), start(2)];
    const interfaces = new Map([
      [eni(1), 1],
      [eni(2), 2],
    ]);
    for (const host of [one, two]) host.update({ ranges, interfaces });
    await clock.advance(60_000);
    expect(destinations()).toEqual([`10.32.0.0/24 ${eni(1)}`, `10.32.1.0/24 ${eni(2)}`]);
    for (const host of [one, two]) {
      expect(host.status()).toMatchObject({ native: ranges, overlay: [] });
      expect(host.status().error).toBeUndefined();
      expect(host.status().problems[0]).toMatchObject({ code: "PERMISSION_MISSING" });
      expect(host.status().problems[0]?.message).toContain("ec2:CreateTags");
    }
    await one.close({ leave: true });
    expect(destinations()).toEqual([`10.32.1.0/24 ${eni(2)}`]);
    await two.close();
  });

  it("leaves the ranges of unknown interfaces to the overlay", async () => {
    const { clock, ec2, start } = setUp();
    ec2.deny("CreateTags");
    const [one, two] = [start(1), start(2)];
    for (const host of [one, two]) host.update({ ranges });
    await clock.advance(60_000);
    expect(one.status()).toMatchObject({ native: [ranges[0]], overlay: [ranges[1]] });
    await Promise.all([one.close(), two.close()]);
  });

  it("leaves out one table by name, keeps the others, and notices the granted permission within a minute", async () => {
    const { clock, ec2, start, destinations } = setUp();
    ec2.deny("CreateRoute", "rtb-1");
    const one = start(1);
    one.update({ ranges: ranges.slice(0, 1) });
    await clock.advance(30_000);
    expect(destinations("rtb-1")).toEqual([]);
    expect(destinations("rtb-2")).toEqual([`10.32.0.0/24 ${eni(1)}`]);
    expect(one.status().error?.message).toMatch(/^rtb-1 is left out: .*allow ec2:CreateRoute/);
    // The host's own subnet uses the refused table, so nothing is native from here.
    expect(one.status().native).toEqual([]);
    const before = ec2.calls.CreateRoute ?? 0;
    await clock.advance(3_600_000);
    expect((ec2.calls.CreateRoute ?? 0) - before).toBeLessThanOrEqual(120);
    ec2.allow("CreateRoute");
    await clock.advance(60_000);
    expect(destinations("rtb-1")).toEqual(destinations("rtb-2"));
    expect(one.status().problems).toEqual([]);
    expect(one.status().error).toBeUndefined();
    await one.close();
  });

  it("says that credentials are wrong, not that a permission is missing", async () => {
    const { clock, ec2, start } = setUp();
    ec2.fail("DescribeRouteTables", ...Array<string>(20).fill("AuthFailure"));
    const one = start(1);
    one.update({ ranges });
    await clock.advance(60_000);
    expect(one.status().error).toMatchObject({ code: "CREDENTIALS_INVALID" });
    expect(one.status().error?.message).toContain("access key");
    expect(one.status().error?.policy).toBeUndefined();
    await one.close();
  });

  it("names the partition of its region in the policy", async () => {
    const { clock, ec2, start } = setUp();
    ec2.deny("CreateRoute");
    const one = start(1, { place: { region: "cn-north-1", account: "123456789012" } });
    one.update({ ranges });
    await clock.advance(10_000);
    const routes = one.status().error?.policy?.Statement.find(({ Sid }) => Sid === "Routes");
    expect(routes?.Resource).toContain("arn:aws-cn:ec2:cn-north-1:123456789012:route-table/rtb-1");
    await one.close();
  });

  it("logs a problem once when it comes and once when it goes", async () => {
    const { clock, ec2, start } = setUp();
    const lines: string[] = [];
    const line = (level: string) => (text: string) => void lines.push(`${level} ${text}`);
    const logger: Logger = { debug: () => {}, info: line("info"), warn: line("warn"), error: line("error") };
    ec2.deny("CreateRoute", "rtb-1");
    const one = start(1, { logger });
    one.update({ ranges: ranges.slice(0, 1) });
    await clock.advance(300_000);
    expect(lines.filter((text) => text.includes("rtb-1 is left out"))).toHaveLength(1);
    ec2.allow("CreateRoute");
    await clock.advance(60_000);
    expect(lines.filter((text) => text.startsWith("info VPC routes: no longer: rtb-1 is left out"))).toHaveLength(1);
    await one.close();
  });
});

describe("a reconciler whose source/destination check is on", () => {
  it("says so as a problem with the remedy, until the check is off", async () => {
    const { clock, ec2, start } = setUp();
    const one = start(1);
    await ec2.setSourceDestCheck(eni(1), true);
    one.update({ ranges: ranges.slice(0, 1) });
    await clock.advance(30_000);
    expect(one.status().problems).toMatchObject([{ code: "CHECK_ON" }]);
    expect(one.status().problems[0]?.message).toContain(`check of ${eni(1)} is on`);
    await ec2.setSourceDestCheck(eni(1), false);
    await clock.advance(60_000);
    expect(one.status()).toMatchObject({ sourceDestCheck: "off", problems: [] });
    await one.close();
  });
});

describe("foreign routes", () => {
  it("names black holes of hosts that are not members, and removes them only when told and proven", async () => {
    const { clock, ec2, start, destinations } = setUp();
    ec2.putRoute("rtb-1", { destination: "10.40.0.0/16", eni: eni(77) });
    const plain = start(1);
    plain.update({ ranges: ranges.slice(0, 1) });
    await clock.advance(60_000);
    expect(plain.status().problems).toMatchObject([{ code: "BLACKHOLE" }]);
    expect(plain.status().problems[0]?.message).toContain("10.40.0.0/16");
    expect(destinations()).toContain(`10.40.0.0/16 ${eni(77)}`);
    await plain.close();
    const adopting = start(1, { adoptBlackholes: true, idleMs: 30_000 });
    adopting.update({ ranges: ranges.slice(0, 1) });
    await clock.advance(300_000);
    expect(destinations()).toEqual([`10.32.0.0/24 ${eni(1)}`]);
    expect(adopting.status().problems).toEqual([]);
    await adopting.close();
  });

  it("keeps routes of an instance that EC2 does not name", async () => {
    const { clock, ec2, start, destinations } = setUp();
    const [one, two] = [start(1, { idleMs: 30_000 }), start(2)];
    const alive = new Set([1]);
    for (const host of [one, two]) host.update({ ranges, alive });
    await clock.advance(30_000);
    await two.close();
    // The interface is there, and DescribeInstances does not answer for i-2.
    await clock.advance(600_000);
    expect(destinations()).toContain(`10.32.1.0/24 ${eni(2)}`);
    ec2.setInstanceState("i-2", "terminated");
    await clock.advance(600_000);
    expect(destinations()).toEqual([`10.32.0.0/24 ${eni(1)}`]);
    await one.close();
  });

  it("sees an overlap with a local route that was given another target", async () => {
    const { clock, ec2, start } = setUp({ cidr: "10.32.0.0/16" });
    ec2.putRoute("rtb-1", { destination: "10.32.0.0/16", eni: eni(50), origin: "CreateRouteTable" });
    ec2.putRoute("rtb-2", { destination: "10.32.0.0/16", eni: eni(50), origin: "CreateRouteTable" });
    const one = start(1);
    one.update({ ranges });
    await clock.advance(10_000);
    expect(one.status().error).toMatchObject({ code: "CIDR_OVERLAP" });
    await one.close();
  });
});

describe("options of a reconciler", () => {
  it.each([
    ["limit", Number.NaN],
    ["limit", 0],
    ["limit", -5],
    ["limit", 1.5],
    ["headroom", -1],
    ["headroom", Number.NaN],
    ["stickiness", -1],
    ["idleMs", Number.NaN],
    ["settleMs", Number.POSITIVE_INFINITY],
    ["debounceMs", -1],
  ])("refuse %s = %s", (name, value) => {
    expect(() => setUp().start(1, { [name]: value })).toThrowError(expect.objectContaining({ code: "OPTION_INVALID" }));
  });

  it("refuse a malformed container network", () => {
    expect(() => setUp().start(1, { within: ["10.32.0/12"] })).toThrowError(
      expect.objectContaining({ code: "ADDRESS_INVALID" }),
    );
  });
});
