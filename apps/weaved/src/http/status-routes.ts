import { runTemplate, TemplateError } from "@weaved/go-template";
import type { Hono } from "hono";
import { reportJson } from "../diagnostics/report.ts";
import { statusText, subReports } from "../diagnostics/status-text.ts";
import { refuse, text } from "./exchange.ts";
import type { ControlPorts } from "./ports.ts";

/** Read-only views, fit for a listener that every user of the host may ask (docs/protocol/control.md#16.4). */
export function statusRoutes(
  app: Hono,
  ports: Pick<ControlPorts, "report" | "metrics">,
  { formats }: { readonly formats: boolean },
): void {
  app.get("/status", () => {
    const report = ports.report();
    return text(statusText(report), report.Ready ? 200 : 503);
  });
  for (const [name, write] of Object.entries(subReports)) {
    app.get(`/status/${name}`, () => {
      const report = ports.report();
      return text(write(report), report.Ready ? 200 : 503);
    });
  }
  app.get("/report", (context) => {
    if (context.req.header("accept") === "application/json") {
      return new Response(reportJson(ports.report()), { headers: { "content-type": "application/json" } });
    }
    if (!formats) return refuse("formats are for the control interface; ask for application/json here", 403);
    const given = context.req.queries("format") ?? [];
    if (given.length !== 1) return refuse("error: must supply one format parameter");
    return formatted(given[0]!, ports.report());
  });
  app.get("/metrics", async () => {
    return new Response(await ports.metrics(), {
      headers: { "content-type": "text/plain; version=0.0.4; charset=utf-8" },
    });
  });
}

function formatted(format: string, report: unknown): Response {
  try {
    return text(runTemplate(format, report));
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error;
    if (error.code === "TEMPLATE_SYNTAX") return refuse(error.message);
    return refuse("error during template execution", 500);
  }
}
