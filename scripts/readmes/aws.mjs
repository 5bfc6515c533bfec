/** An AWS account for the command lines that need one: moto's EC2 server with a VPC, two instances, their metadata. */
import { spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { instanceMetadata, serveMetadata } from "../../packages/vpc-routes/test/host/support/metadata.mjs";

const region = "eu-west-1";
const key = "README";

/** A Python with moto: the system's, else the one that the tests of vpc-routes installed. */
function findPython(checkout) {
  const candidates = ["python3", join(checkout, ".cache/moto/bin/python")];
  return candidates.find((python) => {
    if (python !== "python3" && !existsSync(python)) return false;
    return spawnSync(python, ["-c", "import moto.server, flask"], { stdio: "ignore" }).status === 0;
  });
}

function listen(server) {
  return new Promise((resolve, reject) => {
    server.once("error", reject).listen(0, "127.0.0.1", () => resolve(server.address().port));
  });
}

async function startMoto(python) {
  const probe = createServer();
  const port = await listen(probe);
  await new Promise((resolve) => probe.close(resolve));
  const child = spawn(python, ["-m", "moto.server", "-H", "127.0.0.1", "-p", String(port)], { stdio: "ignore" });
  const endpoint = `http://127.0.0.1:${port}`;
  for (const deadline = Date.now() + 60_000; ; ) {
    const up = await fetch(`${endpoint}/moto-api/data.json`).then(
      (answer) => answer.ok,
      () => false,
    );
    if (up) return { endpoint, close: () => child.kill() };
    if (child.exitCode !== null || Date.now() > deadline) throw new Error("moto did not start");
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** EC2's query protocol; moto reads the region from the signature and does not verify it. */
async function ec2(endpoint, action, parameters) {
  const body = new URLSearchParams({ Action: action, Version: "2016-11-15", ...parameters });
  const scope = `Credential=${key}/20260101/${region}/ec2/aws4_request`;
  const authorization = `AWS4-HMAC-SHA256 ${scope}, SignedHeaders=host, Signature=none`;
  const answer = await fetch(endpoint, { method: "POST", body, headers: { authorization } });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${action}: ${text}`);
  return (tag) => new RegExp(`<${tag}>([^<]*)</${tag}>`).exec(text)?.[1] ?? "";
}

/** The first of two instances in the region's default VPC: the host on which the README is read. */
async function makeAccount(endpoint) {
  const size = { MinCount: "2", MaxCount: "2", InstanceType: "c5.large", ImageId: "ami-12c6146b" };
  const run = await ec2(endpoint, "RunInstances", size);
  const [vpc, subnet] = [run("vpcId"), run("subnetId")];
  const subnetCidr = (await ec2(endpoint, "DescribeSubnets", { "SubnetId.1": subnet }))("cidrBlock");
  const vpcCidr = (await ec2(endpoint, "DescribeVpcs", { "VpcId.1": vpc }))("cidrBlock");
  const [eni, mac] = [run("networkInterfaceId"), run("macAddress")];
  return { instance: run("instanceId"), vpc, subnet, eni, mac, subnetCidr, vpcCidr };
}

async function startMetadata(account) {
  const server = createServer(serveMetadata(instanceMetadata({ region, ...account })));
  return { endpoint: `http://127.0.0.1:${await listen(server)}`, close: () => server.close() };
}

/**
 * @param {string} checkout
 * @returns {Promise<{ why: string } | { env: Record<string, string>, close(): void }>} `why` there is none
 */
export async function startAws(checkout) {
  const python = findPython(checkout);
  if (python === undefined) return { why: "python3 has no moto to stand for AWS: pip install 'moto[server,ec2]'" };
  const moto = await startMoto(python);
  try {
    const account = await makeAccount(moto.endpoint);
    const metadata = await startMetadata(account);
    const close = () => {
      metadata.close();
      moto.close();
    };
    return { env: environment(account, moto.endpoint, metadata.endpoint), close };
  } catch (error) {
    moto.close();
    throw error;
  }
}

/** `VPC` is what the README leaves to its reader, the rest is where AWS's SDKs look. */
function environment(account, endpoint, metadata) {
  return {
    VPC: account.vpc,
    AWS_REGION: region,
    AWS_ACCESS_KEY_ID: key,
    AWS_SECRET_ACCESS_KEY: key,
    AWS_ENDPOINT_URL: endpoint,
    AWS_EC2_METADATA_SERVICE_ENDPOINT: metadata,
  };
}
