import type { Context, Hono } from "hono";
import { parseAddress } from "../values/cidr.ts";
import { done, parameters, text } from "./exchange.ts";
import type { ControlPorts, DnsPort } from "./ports.ts";

/** Names over HTTP (docs/protocol/control.md#16.2). */
export function dnsRoutes(app: Hono, dns: DnsPort, ports: ControlPorts): void {
  app.get("/domain", () => text(dns.domain));
  app.get("/dns-address", () => text(dns.address));
  app.get("/dns-address-port", () => text(`${dns.address}:${dns.port}`));
  app.put("/name/:container/:ip", async (context) => {
    const address = parseAddress(context.req.param("ip"));
    const containerId = context.req.param("container");
    const given = await parameters(context);
    const fqdn = given.get("fqdn") ?? "";
    dns.add(fqdn, containerId, address);
    if (given.get("check-alive") === "true" && !(await ports.isAlive(containerId))) {
      dns.remove({ hostname: fullyQualified(fqdn), containerId, address });
    }
    return done();
  });
  for (const path of ["/name/:container/:ip", "/name/:container", "/name"]) {
    app.delete(path, (context) => remove(context, dns));
  }
  app.get("/name", (context) => {
    // The original has no route without this header: what is left of the path then only knows DELETE.
    if (context.req.header("accept") !== "application/json") return text("", 405);
    // The original sets no type, and Go then guesses this one from the bytes.
    return text(`${JSON.stringify(dns.entries())}\n`);
  });
}

async function remove(context: Context, dns: DnsPort): Promise<Response> {
  const fqdn = (await parameters(context)).get("fqdn");
  const containerId = context.req.param("container");
  const ip = context.req.param("ip");
  dns.remove({
    ...(fqdn && { hostname: fullyQualified(fqdn) }),
    ...(containerId !== undefined && { containerId }),
    ...(ip !== undefined && { address: parseAddress(ip) }),
  });
  return done();
}

function fullyQualified(name: string): string {
  return name.endsWith(".") ? name : `${name}.`;
}
