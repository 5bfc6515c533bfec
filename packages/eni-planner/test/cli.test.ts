import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { main } from "../src/node/cli.ts";

const folder = mkdtempSync(join(tmpdir(), "eni-planner-"));
afterAll(() => rmSync(folder, { recursive: true }));

async function run(...argv: string[]) {
  let out = "";
  let errors = "";
  const status = await main(
    argv,
    (text) => (out += text),
    (text) => (errors += text),
  );
  return { status, out, errors, json: <T>() => JSON.parse(out) as T };
}
const file = (name: string, value: unknown) => {
  const path = join(folder, name);
  writeFileSync(path, JSON.stringify(value));
  return path;
};

const saved = file("vpc.json", {
  vpc: "vpc-1",
  subnets: [
    { id: "subnet-a", cidr: "10.0.0.0/25", az: "1a", available: 60 },
    { id: "subnet-b", cidr: "10.0.1.0/24", az: "1b", available: 240 },
  ],
  interfaces: [{ id: "eni-1", subnet: "subnet-a", status: "in-use", addresses: ["10.0.0.20"], prefixes: [] }],
  instances: [{ id: "i-1", type: "m5.large", subnet: "subnet-a" }],
});
const plan = file("plan.json", {
  subnets: [{ id: "s", cidr: "10.0.0.0/24", az: "1a" }],
  fleet: [{ type: "m5.large", count: 2, growthPerMonth: 1, tasksPerInstance: 20, scheme: "eks" }],
});

describe("eni-planner", () => {
  it("explains a type", async () => {
    const { out } = await run("density", "c5.large");
    expect(out).toMatch(/ECS awsvpc +2\n/);
    expect(out).toContain("12 - 2 = 10 tasks");
    const { ecs, eks } = (await run("density", "c5.large", "--json")).json<{ ecs: unknown; eks: unknown }>();
    expect(ecs).toEqual({ plain: 2, trunked: 10 });
    expect(eks).toMatchObject({ maxPods: 29 });
  });

  it("lists every type as an object of numbers", async () => {
    const all = (await run("max-pods", "--all", "--json")).json<Record<string, number>>();
    expect(Object.keys(all)).toHaveLength(1392);
    expect(all).toMatchObject({ "c5.large": 29, "p4d.24xlarge": 737, "t3.small": 11 });
    const tasks = (await run("ecs-tasks", "--all", "--json")).json<Record<string, object>>();
    expect(tasks["p4d.24xlarge"]).toEqual({ plain: 59, trunked: 120 });
    expect(Object.values(tasks).every((one) => Object.keys(one).join() === "plain,trunked")).toBe(true);
    expect((await run("max-pods", "c5.large")).out).toBe("29\n");
  });

  it.each([
    ["--warm-ip-target", "2", "--minimum-ip-target", "5"],
    ["--WARM_IP_TARGET=2", "--MINIMUM_IP_TARGET=5"],
    ["--warm-ip", "2", "--minimum-ip", "5"],
  ])("takes the VPC CNI's settings as flags: %s", async (...flags) => {
    const pool = (await run("warm-pool", "t3.small", "--pods", "5", ...flags, "--json")).json();
    expect(pool).toMatchObject({ ips: 7, unusedIps: 2, ipsPerEni: [3, 3, 1] });
  });

  it("takes the other two settings, too", async () => {
    const enis = (await run("warm-pool", "--type", "m5.large", "--warm-eni-target", "2", "--json")).json();
    expect(enis).toMatchObject({ ips: 18, enis: 2 });
    const prefixes = (await run("warm-pool", "m5.large", "--warm-prefix-target", "2", "--json")).json();
    expect(prefixes).toMatchObject({ mode: "prefixes", prefixes: 2 });
  });

  it("reports on a saved VPC, plans its growth, draws it", async () => {
    expect((await run("report", "--from", saved)).out).toMatch(/subnet-a +1a +123 +122/);
    const { subnets } = (await run("plan", "--from", saved, "--grow", "300", "--scheme", "eks", "--json")).json<{
      subnets: { use: number[]; exhaustedInMonth: number }[];
    }>();
    expect(subnets[0]?.use[0]).toBe(63);
    expect(subnets[0]?.exhaustedInMonth).toBeLessThan(4);
    const exhausted = (await run("exhaustion", "--from", saved, "--grow", "300", "--scheme", "eks", "--json")).json();
    expect(exhausted).toMatchObject([{ subnet: "subnet-a", of: "addresses" }, { subnet: "subnet-b" }]);
    const output = join(folder, "use.svg");
    await run("svg", "--from", saved, "-o", output);
    expect(readFileSync(output, "utf8").match(/<polyline/g)).toHaveLength(2);
    expect((await run("plan", plan, "--from", saved, "--json")).json()).toMatchObject({
      subnets: [{ id: "subnet-a" }, { id: "subnet-b" }],
      needs: [{ type: "m5.large", tasks: 20 }],
    });
  });

  it("plans, compares a secondary range", async () => {
    expect((await run("plan", plan, "--months", "3")).out).toContain("0 instances without room at the end");
    const compared = (await run("secondary", "--plan", plan, "--json")).json();
    expect(compared).toMatchObject({
      blocks: 4,
      without: { firstFull: 7, unplaced: 6, tasks: [20] },
      with: { firstFull: null, unplaced: 0, tasks: [18] },
    });
  });

  it("compares types, simulates", async () => {
    const prices = file("prices.json", { "c5.large": 0.1 });
    const { out } = await run("cheapest", "--types", "c5.large", "c5.xlarge", "--tasks", "6", "--prices", prices);
    expect(out.split("\n")[1]).toMatch(/^c5.xlarge +3 +2 +8 /);
    const flags = ["--count", "150", "--tasks", "25", "--scheme", "eks", "--json"];
    expect((await run("simulate", "m5.large", ...flags)).json()).toMatchObject({
      calls: { AttachNetworkInterface: 300 },
    });
  });

  it.each([
    [["density", "c99.large"], 1, "c99.large"],
    [["plan", "/nowhere.json"], 1, "is not a plan"],
    [["plan"], 1, "need a plan"],
    [["report"], 1, "need --from"],
    [["warm-pool", "m5.large", "--warm-ip-target", "-1"], 2, "whole number"],
    [["fragmentation", "10.0.0.0/29"], 1, "/16 to /28"],
    [["nonsense"], 2, "unknown command"],
    [["report", "--from", "/nowhere.json"], 1, "cannot read /nowhere.json: no such file or directory"],
    [["report", "--from", saved, "--save", "/nowhere/vpc.json"], 1, "cannot write /nowhere/vpc.json"],
    [["svg", plan, "-o", "/nowhere/use.svg"], 1, "cannot write /nowhere/use.svg"],
    [["cheapest", "--prices", "/nowhere.json"], 1, "is not a list of prices"],
    [["cheapest", "--prices", plan], 1, "is not a list of prices"],
    [["report", "--from", plan], 1, '"available" of subnets[0]'],
    [["plan", saved], 1, 'lacks the list "fleet"'],
    [["simulate", "m5.large", "--others", "1"], 1, "below 1"],
    [["simulate", "m5.large", "--count", "1000000000"], 1, "expected a whole number, 0 to 1000000"],
    [["plan", "--from", saved, "--grow", "-10"], 1, "growth is -10 %"],
    [["plan", "--from", saved, "--include", "public"], 1, "--include"],
    [["plan", "--from", saved, "--include", "nonsense"], 2, "Allowed choices"],
    [["secondary", "192.168.0.0/16", "--vpc-cidr", "10.0.0.0/16"], 1, "AWS refuses"],
    [["secondary", "192.168.0.0/16", "--plan", plan], 1, "AWS refuses"],
    [["secondary", "nonsense"], 1, "nonsense"],
  ] as const)("fails for %j with status %i", async (argv, status, text) => {
    const done = await run(...argv);
    expect(done.status).toBe(status);
    expect(done.errors).toContain(text);
    expect(done.errors).not.toMatch(/\n +at /);
  });
});
