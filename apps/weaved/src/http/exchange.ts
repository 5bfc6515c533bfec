import type { Context } from "hono";
import { printableText } from "../values/printable.ts";

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
  return text(`${printableText(message)}\n`, status);
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
