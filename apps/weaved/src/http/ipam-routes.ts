import type { Context, Hono } from "hono";
import type { Cidr } from "../values/cidr.ts";
import { cidrText, parseAddress, parseCidr, parseSubnet } from "../values/cidr.ts";
import { done, json, parameters, refuse, text } from "./exchange.ts";
import type { ControlPorts, IpamPort } from "./ports.ts";

/** Address allocation over HTTP (docs/protocol/control.md#16.1). */
export function ipamRoutes(app: Hono, ipam: IpamPort, ports: ControlPorts): void {
  app.get("/ipinfo/defaultsubnet", () => text(cidrText(ipam.defaultSubnet)));
  app.get("/ipinfo/tracker", () => text(`${ipam.tracker}\n`));
  app.get("/ring", async (context) => {
    // After leaving there will be no ring any more; the original answers, so a script does not hang.
    await ipam.ready(context.req.raw.signal).catch(ignoreCancelled);
    return text("");
  });
  app.get("/ip", () => {
    const owned = ipam.owned().map(({ id, addresses }) => ({ containerid: id, addrs: addresses.map(cidrText) }));
    return json({ owned: owned.length > 0 ? owned : null });
  });
  app.get("/ip/:id/:ip/:length", (context) => found(ipam, context, parseSubnet(cidrParameter(context))));
  app.get("/ip/:id", (context) => found(ipam, context, ipam.defaultSubnet));
  app.post("/ip/:id/:ip/:length", (context) => allocate(context, ipam, ports, parseSubnet(cidrParameter(context))));
  app.post("/ip/:id", (context) => allocate(context, ipam, ports, ipam.defaultSubnet));
  app.put("/ip/:id/:ip/:length", (context) => claim(context, ipam, ports, parseCidr(cidrParameter(context))));
  app.delete("/ip/:id/:ip", (context) => {
    const address = parseAddress(parameter(context, "ip"));
    return released("Unable to free: ", () => ipam.release(parameter(context, "id"), address));
  });
  app.delete("/ip/:id", (context) => released("", () => ipam.release(parameter(context, "id"))));
}

function found(ipam: IpamPort, context: Context, subnet: Cidr): Response {
  return text(ipam.lookup(parameter(context, "id"), subnet).map(cidrText).join(" "));
}

async function allocate(context: Context, ipam: IpamPort, ports: ControlPorts, subnet: Cidr): Promise<Response> {
  const id = parameter(context, "id");
  const isContainer = (await parameters(context)).get("check-alive") === "true";
  if (isContainer && !(await ports.isAlive(id))) return text("cancelled");
  try {
    return text(cidrText(await ipam.allocate(id, subnet, { isContainer, signal: context.req.raw.signal })));
  } catch (error) {
    return isCancelled(error) ? text("cancelled") : refuse(messageOf(error));
  }
}

async function claim(context: Context, ipam: IpamPort, ports: ControlPorts, cidr: Cidr): Promise<Response> {
  const id = parameter(context, "id");
  const given = await parameters(context);
  const isContainer = given.get("check-alive") === "true";
  if (isContainer && !(await ports.isAlive(id))) return text("cancelled");
  const noErrorOnUnknown = given.get("noErrorOnUnknown") === "true";
  try {
    await ipam.claim(id, cidr, { isContainer, noErrorOnUnknown, signal: context.req.raw.signal });
    return done();
  } catch (error) {
    return isCancelled(error) ? text("cancelled") : refuse(`Unable to claim: ${messageOf(error)}`);
  }
}

function released(prefix: string, release: () => void): Response {
  try {
    release();
    return done();
  } catch (error) {
    return refuse(prefix + messageOf(error));
  }
}

function parameter(context: Context, name: string): string {
  return context.req.param(name) ?? "";
}

function cidrParameter(context: Context): string {
  return `${parameter(context, "ip")}/${parameter(context, "length")}`;
}

function isCancelled(error: unknown): boolean {
  return (error as { code?: unknown }).code === "CANCELLED";
}

function ignoreCancelled(error: unknown): void {
  if (!isCancelled(error)) throw error;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
