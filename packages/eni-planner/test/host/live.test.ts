import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import {
  AssignPrivateIpAddressesCommand,
  CreateNetworkInterfaceCommand,
  CreateSubnetCommand,
  CreateVpcCommand,
  DescribeImagesCommand,
  EC2Client,
  RunInstancesCommand,
} from "@aws-sdk/client-ec2";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Moto, startMoto, whyNoMoto } from "../../../vpc-routes/test/host/support/moto.ts";
import type { SubnetReport } from "../../src/index.ts";

const bin = fileURLToPath(new URL("../../bin/eni-planner", import.meta.url));
const env = {
  ...process.env,
  AWS_ACCESS_KEY_ID: "test",
  AWS_SECRET_ACCESS_KEY: "test",
  AWS_REGION: "eu-west-1",
  NODE_NO_WARNINGS: "1",
};
/** Runs the program as a user does. */
const run = async (...argv: string[]) =>
  (await promisify(execFile)(process.execPath, [bin, ...argv], { env, maxBuffer: 2 ** 24 })).stdout;
const runJson = async <T>(...argv: string[]) => JSON.parse(await run(...argv, "--json")) as T;

describe("the program, from a built checkout", () => {
  it("knows densities", async () => {
    expect(await runJson("density", "c5.large")).toMatchObject({
      ecs: { plain: 2, trunked: 10 },
      eks: { maxPods: 29 },
    });
    expect(await run("max-pods", "m5.large")).toBe("29\n");
  });
  it("lists every type", async () => {
    const pods = await runJson<Record<string, number>>("max-pods", "--all");
    expect(Object.values(pods).every((n) => Number.isInteger(n) && n > 0)).toBe(true);
    const tasks = await runJson<Record<string, { plain: number; trunked: number | null }>>("ecs-tasks", "--all");
    expect(Object.keys(tasks).sort()).toEqual(Object.keys(pods).sort());
    expect(tasks["c5.18xlarge"]).toEqual({ plain: 14, trunked: 120 });
  });
  it("takes the four settings of the warm pool", async () => {
    const flags = ["--warm-eni-target", "1", "--warm-prefix-target", "1", "--prefix-delegation"];
    const addresses = ["--warm-ip-target", "5", "--minimum-ip-target", "10"];
    const pool = await runJson("warm-pool", "p3dn.24xlarge", "--pods", "45", ...flags, ...addresses);
    expect(pool).toMatchObject({ mode: "prefixes", prefixes: 4, unusedPrefixes: 1, unusedIps: 19 });
  });
});

const reason = await whyNoMoto();

describe("a live VPC, on moto's EC2 server", () => {
  let moto: Moto;
  let client: EC2Client;
  let vpc: string;
  const subnets: string[] = [];
  const folder = mkdtempSync(join(tmpdir(), "eni-planner-"));

  beforeAll(async () => {
    if (reason !== undefined) return;
    moto = await startMoto();
    const credentials = { accessKeyId: "test", secretAccessKey: "test" };
    client = new EC2Client({ region: "eu-west-1", endpoint: moto.endpoint, credentials });
    vpc = (await client.send(new CreateVpcCommand({ CidrBlock: "10.0.0.0/16" }))).Vpc?.VpcId ?? "";
    for (const [i, zone] of ["a", "b"].entries()) {
      const CidrBlock = `10.0.${i}.0/24`;
      const made = await client.send(
        new CreateSubnetCommand({ VpcId: vpc, CidrBlock, AvailabilityZone: `eu-west-1${zone}` }),
      );
      subnets.push(made.Subnet?.SubnetId ?? "");
    }
    const { Images } = await client.send(new DescribeImagesCommand({ MaxResults: 5 }));
    const [SubnetId] = subnets;
    const more = { InstanceType: "m5.large", MinCount: 2, MaxCount: 2, SubnetId } as const;
    await client.send(new RunInstancesCommand({ ImageId: Images?.[0]?.ImageId ?? "ami-12c6146b", ...more }));
    const eni = await client.send(
      new CreateNetworkInterfaceCommand({ SubnetId: subnets[1], PrivateIpAddress: "10.0.1.10" }),
    );
    const NetworkInterfaceId = eni.NetworkInterface?.NetworkInterfaceId;
    // Named, because moto draws the same address twice at times.
    const PrivateIpAddresses = ["10.0.1.11", "10.0.1.12", "10.0.1.13"];
    await client.send(new AssignPrivateIpAddressesCommand({ NetworkInterfaceId, PrivateIpAddresses }));
  });
  afterAll(async () => {
    rmSync(folder, { recursive: true });
    client?.destroy();
    await moto?.close();
  });

  it("is read, saved, reported on alike from both", async ({ skip }) => {
    if (reason !== undefined) skip(reason);
    const file = join(folder, "vpc.json");
    const live = await runJson<SubnetReport[]>("report", "--vpc", vpc, "--endpoint", moto.endpoint, "--save", file);
    expect(live).toEqual(await runJson("report", "--from", file));
    expect(live).toMatchObject([
      { id: subnets[0], usable: 251, free: 249, instances: 2, interfaces: 2 },
      { id: subnets[1], usable: 251, free: 247, instances: 0, interfaces: 1, unattached: 1 },
    ]);
    expect(await run("report", "--from", file)).toMatch(new RegExp(`${subnets[0]} +eu-west-1a +251 +249`));
  });

  it("is planned from, drawn", async ({ skip }) => {
    if (reason !== undefined) skip(reason);
    const source = ["--vpc", vpc, "--endpoint", moto.endpoint, "--grow", "100", "--scheme", "eks"];
    const plan = await runJson<{ subnets: { use: number[] }[]; needs: object[] }>("plan", ...source);
    expect(plan.needs).toMatchObject([{ type: "m5.large", tasks: 10 }]);
    expect(plan.subnets[0]?.use[0]).toBeGreaterThanOrEqual(2);
    const picture = join(folder, "use.svg");
    await run("svg", ...source.filter((flag) => flag !== "--json"), "-o", picture);
    expect(readFileSync(picture, "utf8")).toMatch(/^<svg[\s\S]*<polyline[\s\S]*<\/svg>\n$/);
  });
});
