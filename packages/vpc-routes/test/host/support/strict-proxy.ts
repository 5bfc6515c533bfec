import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { Ec2Port, RouteTable } from "../../../src/ports.ts";
import { canonical } from "../../../src/routes.ts";

/** What stands between the reconcilers and moto, which is laxer than AWS. */
export interface StrictProxy {
  readonly endpoint: string;
  /** Requests by action that moto got or the proxy answered. */
  readonly calls: Record<string, number>;
  /** Called for each request: an EC2 error code to answer with, or nothing. */
  inject: (action: string, body: URLSearchParams) => string | undefined;
  /** Routes per table. */
  limit: number;
  /** Whether to look for interfaces that are gone, which costs a request each time. */
  blackholes: boolean;
  close(): Promise<void>;
}

/** EC2's statuses: throttling is 503, the rest 4xx. */
const STATUS: Readonly<Record<string, number>> = { RequestLimitExceeded: 503, UnauthorizedOperation: 403 };

/**
 * An HTTP proxy with the rules that moto does not keep: no second route for a destination, no more routes than the quota
 * (both per table), black holes for interfaces that are gone. It can answer with any error instead.
 */
export async function startStrictProxy(moto: string, behind: Ec2Port, vpc: () => string): Promise<StrictProxy> {
  let turn: Promise<unknown> = Promise.resolve();
  const inject: StrictProxy["inject"] = () => undefined;
  const state = { calls: {} as Record<string, number>, limit: 500, blackholes: false, inject };
  const serve = async (request: IncomingMessage, response: ServerResponse) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const form = new URLSearchParams(body.toString());
    const action = form.get("Action") ?? String(request.headers["x-amz-target"] ?? "").split(".")[1] ?? "";
    state.calls[action] = (state.calls[action] ?? 0) + 1;
    const refusal = state.inject(action, form) ?? (await refuse(action, form));
    if (refusal !== undefined) return void response.writeHead(STATUS[refusal] ?? 400).end(errorXml(refusal));
    const headers = new Headers();
    for (const [name, value] of Object.entries(request.headers)) {
      if (typeof value === "string" && !["host", "connection", "content-length"].includes(name))
        headers.set(name, value);
    }
    const answer = await fetch(`${moto}${request.url}`, { method: request.method ?? "POST", headers, body });
    const text = await answer.text();
    const shown = action === "DescribeRouteTables" && state.blackholes ? await withBlackholes(text) : text;
    response.writeHead(answer.status, { "content-type": answer.headers.get("content-type") ?? "text/xml" }).end(shown);
  };
  const refuse = async (action: string, form: URLSearchParams): Promise<string | undefined> => {
    if (action !== "CreateRoute") return undefined;
    const tables = await behind.describeRouteTables(vpc());
    const table = tables.find((one) => one.id === form.get("RouteTableId"));
    const wanted = form.get("DestinationCidrBlock") ?? form.get("DestinationIpv6CidrBlock") ?? "";
    return table === undefined ? undefined : refuseRoute(table, canonical(wanted), state.limit);
  };
  const withBlackholes = async (xml: string): Promise<string> => {
    const ids = [...new Set(xml.match(/eni-[0-9a-f]+/g) ?? [])];
    if (ids.length === 0) return xml;
    const living = new Set((await behind.describeInterfaces(ids)).map((eni) => eni.id));
    return xml.replace(/<item>(?:(?!<item>)[\s\S])*?<\/item>/g, (item) => {
      const id = /<networkInterfaceId>(eni-[0-9a-f]+)</.exec(item)?.[1];
      return id === undefined || living.has(id) ? item : item.replace("<state>active<", "<state>blackhole<");
    });
  };
  const server = createServer((request, response) => {
    // One at a time: checking a rule and acting on it is atomic in EC2.
    turn = turn.then(() => serve(request, response)).catch((error) => void response.writeHead(500).end(String(error)));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  return Object.assign(state, {
    endpoint: `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  });
}

function refuseRoute(table: RouteTable, destination: string, limit: number): string | undefined {
  if (table.routes.some((route) => route.destination === destination)) return "RouteAlreadyExists";
  const family = destination.includes(":");
  const used = table.routes.filter((route) => route.destination.includes(":") === family).length;
  return used >= limit ? "RouteLimitExceeded" : undefined;
}

function errorXml(code: string): string {
  return `<?xml version="1.0"?><Response><Errors><Error><Code>${code}</Code><Message>injected</Message></Error></Errors><RequestID>x</RequestID></Response>`;
}
