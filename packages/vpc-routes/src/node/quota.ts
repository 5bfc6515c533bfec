import { createHash, createHmac } from "node:crypto";
import { partitionOf } from "../policy.ts";

/** AWS credentials, as the SDK's provider chain gives them. */
export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/** "Routes per route table" of Amazon VPC in Service Quotas. */
const QUOTA = { ServiceCode: "vpc", QuotaCode: "L-93826ACB" };

/**
 * Routes per table and family, as granted to this account in this region. One signed request (SigV4, RFC-like description
 * in "Signing AWS API requests") instead of a second SDK client of several megabytes.
 * @returns undefined when the service refuses, for it is an optional permission
 */
export async function readRouteQuota(
  region: string,
  credentials: Credentials,
  options: { readonly endpoint?: string; readonly now: Date; readonly signal?: AbortSignal },
): Promise<number | undefined> {
  const domain = partitionOf(region) === "aws-cn" ? "amazonaws.com.cn" : "amazonaws.com";
  const url = new URL(options.endpoint ?? `https://servicequotas.${region}.${domain}`);
  const body = JSON.stringify(QUOTA);
  const headers = sign(url, body, region, credentials, options.now);
  const init = { method: "POST", headers, body, signal: options.signal ?? AbortSignal.timeout(3_000) };
  const answer = await fetch(url, init);
  if (!answer.ok) return undefined;
  const value = ((await answer.json()) as { Quota?: { Value?: unknown } }).Quota?.Value;
  return typeof value === "number" && value > 0 ? value : undefined;
}

function sign(url: URL, body: string, region: string, credentials: Credentials, now: Date): Record<string, string> {
  const time = now.toISOString().replace(/[-:]|\.\d{3}/g, "");
  const scope = `${time.slice(0, 8)}/${region}/servicequotas/aws4_request`;
  const headers: Record<string, string> = {
    "content-type": "application/x-amz-json-1.1",
    host: url.host,
    "x-amz-date": time,
    ...(credentials.sessionToken === undefined ? {} : { "x-amz-security-token": credentials.sessionToken }),
    "x-amz-target": "ServiceQuotasV20190624.GetServiceQuota",
  };
  const names = Object.keys(headers).sort();
  const lines = names.map((name) => `${name}:${headers[name]}\n`).join("");
  const request = `POST\n/\n\n${lines}\n${names.join(";")}\n${sha256(body)}`;
  const toSign = `AWS4-HMAC-SHA256\n${time}\n${scope}\n${sha256(request)}`;
  const key = scope
    .split("/")
    .reduce<Buffer | string>((k, part) => hmac(k, part), `AWS4${credentials.secretAccessKey}`);
  const signature = hmac(key, toSign).toString("hex");
  const { host: _, ...sent } = headers;
  const credential = `Credential=${credentials.accessKeyId}/${scope}`;
  return {
    ...sent,
    authorization: `AWS4-HMAC-SHA256 ${credential}, SignedHeaders=${names.join(";")}, Signature=${signature}`,
  };
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

function hmac(key: Buffer | string, text: string): Buffer {
  return createHmac("sha256", key).update(text).digest();
}
