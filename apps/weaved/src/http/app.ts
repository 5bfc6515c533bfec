import { Hono } from "hono";
import { WeavedError } from "../values/error.ts";
import { dnsRoutes } from "./dns-routes.ts";
import { refuse, text } from "./exchange.ts";
import { ipamRoutes } from "./ipam-routes.ts";
import { ownRoutes } from "./own-routes.ts";
import type { ControlPorts } from "./ports.ts";
import { routerRoutes } from "./router-routes.ts";
import { statusRoutes } from "./status-routes.ts";

/** The control interface: everything an operator or the `weave` command can ask. Never to be reachable from containers. */
export function controlApp(ports: ControlPorts): Hono {
  const app = bareApp();
  if (ports.ipam) ipamRoutes(app, ports.ipam, ports);
  if (ports.dns) dnsRoutes(app, ports.dns, ports);
  routerRoutes(app, ports);
  statusRoutes(app, ports, { formats: true });
  ownRoutes(app, ports);
  return app;
}

/** The read-only part of it, for `--status-addr`. */
export function statusApp(ports: Pick<ControlPorts, "report" | "metrics">): Hono {
  const app = bareApp();
  // Templates cost the processor of the daemon, so they are for those who control it.
  statusRoutes(app, ports, { formats: false });
  return app;
}

/** Only `/metrics`, for `--metrics-addr`. */
export function metricsApp(ports: Pick<ControlPorts, "metrics">): Hono {
  const app = bareApp();
  app.get("/metrics", async () => {
    return new Response(await ports.metrics(), {
      headers: { "content-type": "text/plain; version=0.0.4; charset=utf-8" },
    });
  });
  return app;
}

function bareApp(): Hono {
  const app = new Hono();
  app.onError((error) => {
    if (error instanceof WeavedError) return refuse(error.message, error.code === "REQUEST_INVALID" ? 400 : 500);
    return refuse(`internal error: ${error.message}`, 500);
  });
  app.notFound((context) => {
    const known = app.routes.some((route) => matches(route.path, context.req.path));
    return known ? text("", 405) : text("404 page not found\n", 404);
  });
  return app;
}

/** Does a path fit a route's pattern, whatever the method? */
function matches(pattern: string, path: string): boolean {
  const wanted = pattern.split("/");
  const given = path.split("/");
  return wanted.length === given.length && wanted.every((part, index) => part.startsWith(":") || part === given[index]);
}
