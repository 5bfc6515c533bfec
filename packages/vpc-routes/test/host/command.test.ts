import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import {
  AcceptVpcPeeringConnectionCommand,
  CreateRouteCommand,
  CreateVpcCommand,
  CreateVpcPeeringConnectionCommand,
} from "@aws-sdk/client-ec2";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { main } from "../../src/node/cli.ts";
import { createEc2Port, type SdkEc2 } from "../../src/node/index.ts";
import { type Moto, startMoto, whyNoMoto } from "./support/moto.ts";
import { credentials, makeVpc, region, type TestVpc } from "./support/vpc.ts";

const reason = await whyNoMoto();

describe("the command, against moto's EC2 server", () => {
  let moto: Moto;
  let ec2: SdkEc2;
  let vpc: TestVpc;
  const folder = mkdtempSync(join(tmpdir(), "vpc-routes-"));

  beforeAll(async () => {
    vi.stubEnv("AWS_ACCESS_KEY_ID", credentials.accessKeyId);
    vi.stubEnv("AWS_SECRET_ACCESS_KEY", credentials.secretAccessKey);
    vi.stubEnv("AWS_REGION", region);
    if (reason !== undefined) return;
    moto = await startMoto();
    vi.stubEnv("AWS_ENDPOINT_URL_EC2", moto.endpoint);
    ec2 = await createEc2Port({ region, endpoint: moto.endpoint, credentials });
  });
  beforeEach(async ({ skip }) => {
    if (reason !== undefined) return skip(reason);
    vpc = await makeVpc(moto.endpoint);
    return () => vpc.client.destroy();
  });
  afterAll(async () => {
    vi.unstubAllEnvs();
    rmSync(folder, { recursive: true });
    ec2?.close();
    await moto?.close();
  });

  const run = async (...argv: string[]) => {
    let out = "";
    let errors = "";
    const status = await main(
      argv,
      (text) => (out += text),
      (text) => (errors += text),
    );
    return { status, out, errors };
  };
  const peerWith = async (CidrBlock: string) => {
    const { Vpc } = await vpc.client.send(new CreateVpcCommand({ CidrBlock }));
    const ask = new CreateVpcPeeringConnectionCommand({ VpcId: vpc.vpc, PeerVpcId: Vpc?.VpcId });
    const { VpcPeeringConnection } = await vpc.client.send(ask);
    const VpcPeeringConnectionId = VpcPeeringConnection?.VpcPeeringConnectionId;
    await vpc.client.send(new AcceptVpcPeeringConnectionCommand({ VpcPeeringConnectionId }));
    return VpcPeeringConnectionId;
  };

  it("plan prints every table's steps with their costs, and writes nothing", async () => {
    const { eni } = await vpc.addHost();
    const ranges = join(folder, "ranges.json");
    const owners = [
      { peer: "7a:9f:eb:b6:0c:6e", start: "10.32.0.0", end: "10.32.3.0" },
      { peer: "other", cidr: "10.32.4.0/24" },
      { peer: "7a:9f:eb:b6:0c:6e", cidr: "10.47.255.0/24" },
    ];
    writeFileSync(ranges, JSON.stringify(owners));
    const { status, out } = await run("plan", "--eni", eni, "--ranges", ranges, "--peer", "7a:9f:eb:b6:0c:6e");
    expect(status).toBe(0);
    for (const table of vpc.tables) {
      expect(out).toMatch(new RegExp(`create +${table} +10.32.0.0/23 +${eni}`));
      expect(out).toMatch(new RegExp(`refuse +${table} +10.47.255.0/24 +- +${vpc.stranger} +foreign`));
      expect(out).toMatch(new RegExp(`${table}: 4 routes now, 6 after, of \\d+`));
    }
    expect(out).toContain("6 EC2 calls, no waiting");
    for (const table of await ec2.describeRouteTables(vpc.vpc)) {
      expect(table.routes).toHaveLength(4);
      expect(table.tags).toEqual({});
    }
  });

  it("check finds the source/destination check, switches it off with --fix", async () => {
    const { eni } = await vpc.addHost();
    const found = await run("check", "--eni", eni);
    expect(found).toMatchObject({ status: 1, errors: "" });
    expect(found.out).toContain(`FAIL  source/destination check of ${eni}: on`);
    expect(found.out.match(/^ok {4}rtb-/gm)).toHaveLength(3);
    expect((await run("check", "--eni", eni, "--fix")).status).toBe(0);
    expect((await ec2.describeInterfaces([eni]))[0]?.sourceDestCheck).toBe(false);
    expect((await run("check", "--eni", eni)).out).toContain(`ok    source/destination check of ${eni}: off`);
  });

  it("check and plan name an overlap with the VPC, with a peered VPC", async () => {
    const { eni } = await vpc.addHost();
    const own = await run("check", "--eni", eni, "--fix", "--within", "172.16.0.0/12");
    expect(own.out).toContain("FAIL  172.16.0.0/12 overlaps 172.31.0.0/16, inside the VPC's own addresses");
    const VpcPeeringConnectionId = await peerWith("10.40.0.0/16");
    const peered = await run("check", "--eni", eni);
    expect(peered.out).toContain("FAIL  10.32.0.0/12 overlaps 10.40.0.0/16, used by a peered VPC");
    const [RouteTableId] = vpc.tables;
    const DestinationCidrBlock = "10.40.0.0/16";
    await vpc.client.send(new CreateRouteCommand({ RouteTableId, DestinationCidrBlock, VpcPeeringConnectionId }));
    const ranges = join(folder, "one.json");
    writeFileSync(ranges, JSON.stringify([{ peer: 1, cidr: "10.32.0.0/24" }]));
    const plan = await run("plan", "--eni", eni, "--ranges", ranges, "--peer", "1");
    expect(plan.status).toBe(1);
    expect(plan.errors).toContain("10.32.0.0/12 overlaps 10.40.0.0/16");
  });

  it("is a program that prints a policy, from a built checkout", async () => {
    const bin = fileURLToPath(new URL("../../bin/vpc-routes", import.meta.url));
    const { stdout } = await promisify(execFile)(process.execPath, [bin, "policy", "rtb-1", "--region", "eu-west-1"]);
    const { Statement } = JSON.parse(stdout) as { Statement: { Sid: string; Resource: unknown }[] };
    const routes = Statement.find((one) => one.Sid === "Routes");
    expect(routes?.Resource).toEqual(["arn:aws:ec2:eu-west-1:*:route-table/rtb-1"]);
  });
});
