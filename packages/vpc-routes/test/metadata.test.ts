import { createServer } from "node:http";
import { afterEach, describe, expect, it } from "vitest";
import { readHostIdentity } from "../src/node/index.ts";
import { createMetadataClient } from "../src/node/metadata.ts";

const MAC = "0a:1b:2c:3d:4e:5f";
const KEYS: Readonly<Record<string, string>> = {
  "meta-data/instance-id": "i-0123456789abcdef0",
  "meta-data/mac": MAC,
  [`meta-data/network/interfaces/macs/${MAC}/interface-id`]: "eni-0123456789abcdef0",
  [`meta-data/network/interfaces/macs/${MAC}/subnet-id`]: "subnet-1",
  [`meta-data/network/interfaces/macs/${MAC}/vpc-id`]: "vpc-1",
  [`meta-data/network/interfaces/macs/${MAC}/subnet-ipv4-cidr-block`]: "172.31.1.0/24",
  [`meta-data/network/interfaces/macs/${MAC}/vpc-ipv4-cidr-blocks`]: "172.31.0.0/16\n100.64.0.0/16\n",
  "dynamic/instance-identity/document": JSON.stringify({
    region: "eu-west-1",
    accountId: "111122223333",
    instanceType: "c5.large",
  }),
};

/** IMDSv2: no token, no answer; a token dies after `uses` requests. */
async function startMetadata(uses: number, refuse?: number) {
  const log: string[] = [];
  let left = new Map<string, number>();
  const server = createServer((request, response) => {
    const path = (request.url ?? "").replace("/latest/", "");
    log.push(`${request.method} ${path}`);
    const answer = (status: number, text = "") => response.writeHead(status).end(text);
    if (refuse !== undefined || request.headers["x-forwarded-for"] !== undefined) return answer(refuse ?? 403);
    if (request.method === "PUT" && path === "api/token") {
      const ttl = Number(request.headers["x-aws-ec2-metadata-token-ttl-seconds"]);
      if (!(ttl >= 1 && ttl <= 21600)) return answer(400);
      const token = `token-${log.length}`;
      left = new Map([[token, uses]]);
      return answer(200, token);
    }
    const token = String(request.headers["x-aws-ec2-metadata-token"]);
    const more = left.get(token) ?? 0;
    left.set(token, more - 1);
    if (more <= 0) return answer(401);
    const value = KEYS[path];
    return value === undefined ? answer(404) : answer(200, value);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const endpoint = `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}`;
  return { endpoint, log, close: () => new Promise<void>((resolve) => server.close(() => resolve())) };
}

describe("instance metadata", () => {
  const open: { close(): Promise<void> }[] = [];
  const start = async (uses: number, refuse?: number) => {
    const server = await startMetadata(uses, refuse);
    open.push(server);
    return server;
  };
  afterEach(async () => {
    for (const one of open.splice(0)) await one.close();
  });

  it("gives the host's place with one token, without any EC2 call", async () => {
    const { endpoint, log } = await start(100);
    expect(await readHostIdentity({ endpoint })).toEqual({
      instance: "i-0123456789abcdef0",
      region: "eu-west-1",
      account: "111122223333",
      instanceType: "c5.large",
      eni: "eni-0123456789abcdef0",
      mac: MAC,
      subnet: "subnet-1",
      vpc: "vpc-1",
      subnetCidr: "172.31.1.0/24",
      vpcCidrs: ["172.31.0.0/16", "100.64.0.0/16"],
    });
    expect(log.filter((line) => line.startsWith("PUT"))).toHaveLength(1);
  });
  it("renews a token that expired, once", async () => {
    const { endpoint, log } = await start(1);
    const get = createMetadataClient({ endpoint });
    expect([await get("meta-data/mac"), await get("meta-data/mac")]).toEqual([MAC, MAC]);
    expect(log.filter((line) => line.startsWith("PUT"))).toHaveLength(2);
    const never = await start(0);
    await expect(createMetadataClient({ endpoint: never.endpoint })("meta-data/mac")).rejects.toThrow("401");
  });
  it("says what is wrong", async () => {
    const { endpoint } = await start(100, 403);
    await expect(readHostIdentity({ endpoint })).rejects.toMatchObject({
      code: "METADATA_UNAVAILABLE",
      // A pattern by itself would match anything: to toMatchObject it is an object without keys.
      message: expect.stringMatching(/disabled/),
    });
    await expect(readHostIdentity({ endpoint: "http://127.0.0.1:1" })).rejects.toThrow("hop limit");
  });
});
