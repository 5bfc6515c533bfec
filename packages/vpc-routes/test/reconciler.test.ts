import { describe, expect, it } from "vitest";
import { eni, ranges, setUp } from "./set-up.ts";

describe("a reconciler", () => {
  it("acts once for a burst of updates, verifies after a change, then makes six reads an hour", async () => {
    const { clock, ec2, start, destinations } = setUp();
    const one = start(1);
    for (let i = 0; i < 10; i++) one.update({ ranges: ranges.slice(0, 1) });
    await clock.advance(2_000);
    expect(one.status().passes).toBe(1);
    expect(destinations()).toEqual([`10.32.0.0/24 ${eni(1)}`]);
    expect(destinations("rtb-2")).toEqual(destinations());
    await clock.advance(20_000);
    const before = { ...ec2.calls };
    await clock.advance(3_600_000);
    const idle = Object.fromEntries(Object.entries(ec2.calls).map(([k, v]) => [k, v - (before[k] ?? 0)]));
    // An hour costs six reads of the tables, at most one look at the check, one at the quota.
    expect(idle).toMatchObject({ DescribeRouteTables: 6, CreateRoute: 0, CreateTags: 0 });
    expect((idle.DescribeNetworkInterfaces ?? 0) + (idle.GetServiceQuota ?? 0)).toBeLessThanOrEqual(2);
    await one.close();
  });

  it("changes a route with one call", async () => {
    const { clock, ec2, start } = setUp({ tables: [{ id: "rtb-1", main: true }] });
    const [one, two] = [start(1), start(2)];
    for (const host of [one, two]) host.update({ ranges });
    await clock.advance(30_000);
    const before = { ...ec2.calls };
    const swapped = ranges.map((range) => ({ ...range, peer: 3 - range.peer }));
    for (const host of [one, two]) host.update({ ranges: swapped });
    await clock.advance(2_000);
    expect((ec2.calls.ReplaceRoute ?? 0) - (before.ReplaceRoute ?? 0)).toBe(2);
    expect(ec2.calls.DeleteRoute ?? 0).toBe(0);
    await Promise.all([one.close(), two.close()]);
  });

  it("looks again soon while hosts come, ever later while nobody comes", async () => {
    const { clock, ec2, start } = setUp();
    const four = [1, 2, 3, 4].map((peer) => ({ start: 0x0a200000 + peer * 256, end: 0x0a200100 + peer * 256, peer }));
    const hosts = [start(1)];
    hosts[0]?.update({ ranges: four });
    for (const peer of [2, 3, 4]) {
      await clock.advance(12_000);
      hosts.push(start(peer));
      hosts.at(-1)?.update({ ranges: four });
    }
    await clock.advance(15_000);
    expect(hosts[0]?.status().native.map((range) => range.peer)).toEqual([1, 2, 3, 4]);
    for (const host of hosts.slice(1)) await host.close();
    hosts[0]?.update({ ranges: [...four, { start: 0x0a200900, end: 0x0a200a00, peer: 9 }] });
    await clock.advance(3_600_000);
    const before = ec2.calls.DescribeRouteTables ?? 0;
    await clock.advance(3_600_000);
    expect((ec2.calls.DescribeRouteTables ?? 0) - before).toBeLessThanOrEqual(7);
    await hosts[0]?.close();
  });

  it("leaves a stopped instance's routes, sweeps a terminated one's", async () => {
    const { clock, ec2, start, destinations } = setUp();
    const [one, two] = [start(1), start(2)];
    for (const host of [one, two]) host.update({ ranges });
    await clock.advance(30_000);
    await two.close();
    ec2.setInstanceState("i-2", "stopped");
    await clock.advance(3_600_000);
    expect(destinations()).toHaveLength(2);
    // Proof is asked for at once, then once in an hour: a stopped host is a suspect for long.
    expect(ec2.calls.DescribeInstances).toBeLessThanOrEqual(3);
    ec2.setInstanceState("i-2", "terminated");
    await clock.advance(4_500_000);
    expect(destinations()).toEqual([`10.32.0.0/24 ${eni(1)}`]);
    expect(one.status().members).toBe(1);
    await one.close();
  });

  it("learns a full table, tells what the overlay must carry", async () => {
    const { clock, start } = setUp({ limit: 2 });
    const [one, two] = [start(1), start(2)];
    for (const host of [one, two]) host.update({ ranges });
    await clock.advance(600_000);
    const full = [one.status(), two.status()].filter((status) => status.limit.from === "learned");
    expect(full.length).toBeGreaterThan(0);
    expect(one.status().native.length + two.status().native.length).toBe(2);
    await Promise.all([one.close(), two.close()]);
  });

  it("tries again after throttling, and notices a granted permission within a minute", async () => {
    const { clock, ec2, start, destinations } = setUp();
    ec2.fail("CreateRoute", "RequestLimitExceeded", "RequestLimitExceeded", "InternalError");
    const one = start(1);
    one.update({ ranges });
    await clock.advance(60_000);
    expect(destinations()).toHaveLength(1);
    expect(one.status().throttled).toBe(2);
    ec2.deny("DescribeRouteTables");
    await clock.advance(600_000);
    expect(one.status().error).toMatchObject({ code: "PERMISSION_MISSING" });
    expect(one.status().error?.message).toContain("ec2:DescribeRouteTables");
    ec2.allow("DescribeRouteTables");
    await clock.advance(60_000);
    expect(one.status().error).toBeUndefined();
    await one.close();
  });

  it("tells listeners when what is native changes, until they unsubscribe", async () => {
    const { clock, start } = setUp();
    const one = start(1);
    let heard = 0;
    const stop = one.onChange(() => heard++);
    one.update({ ranges });
    await clock.advance(60_000);
    expect(heard).toBe(1);
    stop();
    one.update({ ranges: [] });
    await clock.advance(60_000);
    expect(heard).toBe(1);
    await one.close();
    await one.close();
  });

  it("closes at once in the middle of a wait", async () => {
    const { clock, ec2, start } = setUp();
    ec2.fail("DescribeRouteTables", ...Array<string>(50).fill("RequestLimitExceeded"));
    const one = start(1);
    one.update({ ranges });
    await clock.advance(1_500);
    await one.close();
    expect(ec2.calls.DescribeRouteTables).toBeLessThan(10);
  });
});
