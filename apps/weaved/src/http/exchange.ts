import type { Context } from "hono";
import type { Cidr } from "./ports.ts";

/** Plain text as the original's server writes it; an empty body has no content type. */
export function text(body: string, status = 200): Response {
  if (body === "") return new Response(null, { status });
  return new Response(body, { status, headers: { "content-type": "text/plain; charset=utf-8" } });
}

/** Done, nothing to say. */
export function done(): Response {
  return new Response(null, { status: 204 });
}

/** One line that says what was wrong. */
export function refuse(message: string, status = 400): Response {
  return text(`${message}\n`, status);
}

/** JSON followed by a newline, as Go's encoder writes it. */
export function json(value: unknown): Response {
  return new Response(`${JSON.stringify(value)}\n`, { headers: { "content-type": "application/json" } });
}

/** Parameters of a request: from the query and, except for DELETE and GET, from a form body. */
export async function parameters(context: Context): Promise<URLSearchParams> {
  const all = new URLSearchParams(new URL(context.req.url).search);
  const method = context.req.method;
  const form = context.req.header("content-type")?.startsWith("application/x-www-form-urlencoded");
  if (!form || method === "GET" || method === "DELETE") return all;
  for (const [key, value] of new URLSearchParams(await context.req.text())) all.append(key, value);
  return all;
}

/** A refusal that becomes the answer: thrown by parsers, caught once in the app. */
export class BadRequest extends Error {
  override readonly name = "BadRequest";
}

const octet = "(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)";
const dottedQuad = new RegExp(`^${octet}(?:\\.${octet}){3}$`);

/** Four decimal octets without leading zeros, nothing else. */
export function parseAddress(value: string): string {
  if (!dottedQuad.test(value)) throw new BadRequest(`invalid IP Address: ${value}`);
  return value;
}

/** An address with a prefix length of 0 to 32. */
export function parseCidr(value: string): Cidr {
  const [address, length, ...rest] = value.split("/");
  const prefixLength = /^\d{1,2}$/.test(length ?? "") ? Number(length) : 33;
  if (rest.length > 0 || !dottedQuad.test(address ?? "") || prefixLength > 32) {
    throw new BadRequest(`invalid CIDR address: ${value}`);
  }
  return { address: address!, prefixLength };
}

/** A CIDR without host bits and with room for at least two hosts (a prefix of 30 or shorter). */
export function parseSubnet(value: string): Cidr {
  const cidr = parseCidr(value);
  const bits = cidr.address.split(".").reduce((number, part) => number * 256 + Number(part), 0);
  if (bits % 2 ** (32 - cidr.prefixLength) !== 0)
    throw new BadRequest(`invalid subnet - bits after network prefix are not all zero: ${value}`);
  if (cidr.prefixLength > 30) throw new BadRequest(`invalid subnet - smaller than minimum size 4: ${value}`);
  return cidr;
}

/** `10.32.1.77/24`. */
export function cidrText({ address, prefixLength }: Cidr): string {
  return `${address}/${prefixLength}`;
}

/** Go's ParseBool; empty is false. */
export function parseBool(value: string | null): boolean {
  if (value === null || /^(?:|0|f|F|false|FALSE|False)$/.test(value)) return false;
  if (/^(?:1|t|T|true|TRUE|True)$/.test(value)) return true;
  throw new BadRequest(`invalid boolean: ${value}`);
}
