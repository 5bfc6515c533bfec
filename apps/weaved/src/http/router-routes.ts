import type { Hono } from "hono";
import { parseBool } from "../values/boolean.ts";
import { parseCidr } from "../values/cidr.ts";
import { WeavedError } from "../values/error.ts";
import { done, parameters, refuse, text } from "./exchange.ts";
import type { ControlPorts } from "./ports.ts";

/** Peers, exposure and leaving over HTTP (docs/protocol/control.md#16.3). */
export function routerRoutes(app: Hono, ports: ControlPorts): void {
  const { router, host, ipam } = ports;
  app.post("/connect", async (context) => {
    const given = await parameters(context);
    const errors = await router.connect(given.getAll("peer"), { replace: given.get("replace") === "true" });
    return errors.length === 0 ? text("") : refuse(errors.join("\n"));
  });
  app.post("/forget", async (context) => {
    await router.forget((await parameters(context)).getAll("peer"));
    return text("");
  });
  app.post("/expose/:ip/:length", async (context) => {
    const cidr = exposedCidr(`${context.req.param("ip")}/${context.req.param("length")}`);
    const skipNat = parseBool((await parameters(context)).get("skipNAT"));
    try {
      await host.exposeAt(cidr, { masquerade: !skipNat });
      return done();
    } catch (error) {
      return refuse(`unable to expose: ${(error as Error).message}`, 500);
    }
  });
  if (ipam) {
    app.delete("/peer/:who", async (context) => {
      const who = context.req.param("who");
      try {
        return text(`${await ipam.takeOver(who, context.req.raw.signal)} IPs taken over from ${who}\n`);
      } catch (error) {
        return refuse((error as Error).message);
      }
    });
  }
  app.delete("/peer", async () => {
    await ipam?.leave();
    await ports.left?.();
    return done();
  });
  const { proxyAddresses } = ports;
  if (proxyAddresses)
    app.get("/proxyaddrs", () =>
      text(
        proxyAddresses()
          .map((address) => `${address}\n`)
          .join(""),
      ),
    );
}

function exposedCidr(value: string): ReturnType<typeof parseCidr> {
  try {
    return parseCidr(value);
  } catch (error) {
    throw new WeavedError("REQUEST_INVALID", `unable to parse ip addr: ${(error as Error).message}`);
  }
}
