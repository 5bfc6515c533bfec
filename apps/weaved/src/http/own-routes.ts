import type { Context, Hono, MiddlewareHandler } from "hono";
import * as z from "zod";
import { cidrText } from "../values/cidr.ts";
import { WeavedError } from "../values/error.ts";
import { done, refuse } from "./exchange.ts";
import type { AttachmentsPort, ControlPorts, ExposuresPort, ServicesPort } from "./ports.ts";

/**
 * What the original's command line does with helper containers, the daemon does itself under `/v1`: attachments, exposures,
 * services, and what people ask beyond the original's reports. Bodies and answers are JSON.
 */
export function ownRoutes(app: Hono, ports: ControlPorts): void {
  const { attachments, exposures, services, diagnostics, ipam } = ports;
  app.use("/v1/*", jsonOnly);
  if (attachments) attachmentRoutes(app, attachments);
  if (exposures) exposureRoutes(app, exposures);
  if (services) serviceRoutes(app, services);
  if (ipam) app.post("/v1/ring/join", () => attempt(async () => answer(await ipam.join())));
  if (!diagnostics) return;
  app.get("/v1/overview", async () => answer(await diagnostics.overview()));
  app.get("/v1/firewall", async () => answer(await diagnostics.firewall()));
  app.get("/v1/settings", () => answer(diagnostics.settings()));
  app.get("/v1/explain", async (context) => {
    const from = context.req.query("from");
    const to = context.req.query("to");
    if (!from || !to) return refuse("explain needs from and to");
    return answer(await diagnostics.explain(from, to));
  });
}

const attachBody = z.object({
  container: z.string().min(1),
  addresses: z.array(z.string()).default([]),
  dns: z.boolean().default(true),
  rewriteHosts: z.boolean().default(false),
  multicastRoute: z.boolean().default(true),
  id: z.string().min(1).optional(),
  ifname: z.string().min(1).optional(),
  hairpin: z.boolean().optional(),
  routes: z.array(z.object({ to: z.string(), via: z.string().exactOptional() })).optional(),
  allowSources: z.array(z.string()).optional(),
  allowDhcp: z.boolean().optional(),
});

function attachmentRoutes(app: Hono, attachments: AttachmentsPort): void {
  app.post("/v1/attachments", async (context) => {
    const request = await body(context, attachBody);
    return attempt(async () => answer((await attachments.attach(request)).map(cidrText)));
  });
  app.delete("/v1/attachments", (context) => {
    const container = context.req.query("container");
    if (!container) return refuse("which container?");
    const addresses = context.req.queries("address") ?? [];
    return attempt(async () => answer((await attachments.detach(container, addresses)).map(cidrText)));
  });
  app.get("/v1/attachments", (context) =>
    attempt(async () => {
      const rows = await attachments.list(context.req.queries("container") ?? []);
      return answer(rows.map((row) => ({ ...row, addresses: row.addresses.map(cidrText) })));
    }),
  );
}

const exposeBody = z.object({
  addresses: z.array(z.string()).default([]),
  masquerade: z.boolean().default(true),
  hostname: z.string().optional(),
  keep: z.boolean().default(false),
});

function exposureRoutes(app: Hono, exposures: ExposuresPort): void {
  app.post("/v1/exposures", async (context) => {
    const { hostname, ...request } = await body(context, exposeBody);
    return attempt(async () =>
      answer((await exposures.expose({ ...request, ...(hostname && { hostname }) })).map(cidrText)),
    );
  });
  app.delete("/v1/exposures", (context) =>
    attempt(async () => answer((await exposures.hide(context.req.queries("address") ?? [])).map(cidrText))),
  );
}

const serviceBody = z.object({ kind: z.enum(["export", "import", "bind"]), listen: z.string(), target: z.string() });

function serviceRoutes(app: Hono, services: ServicesPort): void {
  app.get("/v1/services", async () => answer(await services.list()));
  app.post("/v1/services", async (context) => {
    const rule = await body(context, serviceBody);
    return attempt(async () => {
      await services.add(rule);
      return done();
    });
  });
  app.delete("/v1/services", (context) =>
    attempt(async () => {
      await services.remove(context.req.query("name") ?? "");
      return done();
    }),
  );
}

/** A page of another site cannot send this type without asking first, and nothing here answers such a question. */
const jsonOnly: MiddlewareHandler = async (context, next) => {
  const changes = ["POST", "PUT", "PATCH"].includes(context.req.method);
  const type = context.req.header("content-type")?.split(";")[0]?.trim().toLowerCase();
  if (changes && type !== "application/json")
    return refuse("the body must be JSON; send the header Content-Type: application/json", 415);
  await next();
  return undefined;
};

function answer(value: unknown): Response {
  return Response.json(value ?? null);
}

async function body<T extends z.ZodType>(context: Context, schema: T): Promise<z.output<T>> {
  const given = await context.req.json().catch(() => {
    throw new WeavedError("REQUEST_INVALID", "the body is not JSON");
  });
  const result = schema.safeParse(given);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new WeavedError("REQUEST_INVALID", `${issue?.path.join(".") || "body"}: ${issue?.message}`);
}

/** What cannot be done is the caller's to read: one line, with the reason the part that refused gave. */
async function attempt(act: () => Promise<Response>): Promise<Response> {
  try {
    return await act();
  } catch (error) {
    return refuse(error instanceof Error ? error.message : String(error));
  }
}
