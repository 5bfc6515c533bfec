import { Hono } from "hono";
import type { Logger } from "../logging.ts";

/** Methods of Docker's plugin protocol by name, such as `NetworkDriver.Join`; what a handler throws, Docker shows its user. */
export type Handlers = Readonly<Record<string, (body: unknown) => Promise<object>>>;

const mediaType = "application/vnd.docker.plugins.v1.1+json";

/** Serves one plugin: every method is a POST to its name, with JSON both ways. */
export function pluginApp(implements_: readonly string[], handlers: Handlers, logger: Logger): Hono {
  const app = new Hono();
  const answer = (value: object, status = 200) =>
    new Response(JSON.stringify(value), { status, headers: { "content-type": mediaType } });
  app.post("/Plugin.Activate", () => answer({ Implements: implements_ }));
  app.post("/:method", async (context) => {
    const method = context.req.param("method");
    const handler = handlers[method];
    if (!handler) return answer({ Err: `${method} is not supported` }, 404);
    const text = await context.req.text();
    try {
      logger.debug(method, { body: text });
      return answer(await handler(text.trim() === "" ? {} : JSON.parse(text)));
    } catch (error) {
      const { message } = error as Error;
      logger.warn(`${method}: ${message}`, { code: "PLUGIN_CALL" });
      return answer({ Err: `weave: ${message}` }, 500);
    }
  });
  return app;
}
