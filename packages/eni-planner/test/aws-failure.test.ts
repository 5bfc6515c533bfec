import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readVpc } from "../src/node/index.ts";

/** Answers every call with the error that the VPC's id names, as EC2 writes it. */
let server: Server;
let endpoint: string;
beforeAll(async () => {
  process.env.AWS_ACCESS_KEY_ID = "test";
  process.env.AWS_SECRET_ACCESS_KEY = "test";
  server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk) => (body += chunk));
    request.on("end", () => {
      const code = new URLSearchParams(body).get("Filter.1.Value.1") ?? "";
      response.writeHead(code === "AuthFailure" ? 401 : 403, { "content-type": "text/xml" });
      response.end(
        `<Response><Errors><Error><Code>${code}</Code><Message>refused</Message></Error></Errors><RequestID>1</RequestID></Response>`,
      );
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => server.close());

describe("readVpc", () => {
  it.each([
    ["AuthFailure", "not valid for this account"],
    ["UnauthorizedOperation", "allow ec2:DescribeSubnets"],
    ["InvalidVpcID.NotFound", "check the id and the region"],
    ["RequestExpired", "set the clock"],
  ])("turns %s into one line with the remedy", async (vpc, remedy) => {
    const failure = await readVpc({ vpc, region: "eu-west-1", endpoint }).catch((error: Error) => error);
    expect(failure).toMatchObject({
      code: "INPUT_INVALID",
      message: expect.stringContaining(`cannot read VPC ${vpc}`),
    });
    expect((failure as Error).message).toContain(remedy);
    expect((failure as Error).message).not.toContain("\n");
  });

  it("says that the endpoint does not answer", async () => {
    const closed = readVpc({ vpc: "vpc-1", region: "eu-west-1", endpoint: "http://127.0.0.1:1" });
    await expect(closed).rejects.toThrow("check --endpoint");
  });

  it("asks for the region where none is known", async () => {
    const saved = { ...process.env };
    for (const name of ["AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"]) delete process.env[name];
    process.env.AWS_CONFIG_FILE = "/dev/null";
    try {
      await expect(readVpc({ vpc: "vpc-1", endpoint })).rejects.toThrow("name it with --region");
    } finally {
      process.env = saved;
    }
  });
});
