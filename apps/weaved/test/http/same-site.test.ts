import { request } from "node:http";
import { Hono } from "hono";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Listening, listen } from "../../src/http/listen.ts";
import { ownRoutes } from "../../src/http/own-routes.ts";
import { foreignSite } from "../../src/http/same-site.ts";

const loopback = "127.0.0.1:6784";

describe("a request to a loopback listener", () => {
  it.each([
    [{ host: "127.0.0.1:6784" }],
    [{ host: "localhost:6784" }],
    [{ host: "[::1]:6784" }],
    [{ host: "127.0.0.1:6784", origin: "http://127.0.0.1:6784", "sec-fetch-site": "same-origin" }],
    [{ host: "127.0.0.1:6784", "sec-fetch-site": "none" }],
  ])("is carried out with the headers %j", (headers) => {
    expect(foreignSite(headers, loopback)).toBeUndefined();
  });

  it.each([
    [{ host: "attacker.example:6784" }],
    [{ host: "127.0.0.1.attacker.example" }],
    [{ host: "127.0.0.1:6784", origin: "http://attacker.example" }],
    [{ host: "127.0.0.1:6784", origin: "null" }],
    [{ host: "127.0.0.1:6784", origin: "http://127.0.0.1:8080" }],
    [{ host: "127.0.0.1:6784", "sec-fetch-site": "cross-site" }],
    [{ host: "127.0.0.1:6784", "sec-fetch-site": "same-site" }],
  ])("is refused with the headers %j", (headers) => {
    expect(foreignSite(headers, loopback)).toMatch(/use /);
  });

  it("may have any host name on a listener beyond loopback, as Prometheus does, but no foreign origin", () => {
    expect(foreignSite({ host: "host1.example:6782" }, "0.0.0.0:6782")).toBeUndefined();
    expect(foreignSite({ host: "host1.example:6782", origin: "http://evil.example" }, "0.0.0.0:6782")).toBeDefined();
  });
});

describe("a web page that sends orders to the control interface", () => {
  const added: unknown[] = [];
  let listening: Listening;
  const port = 18_784 + (process.pid % 1000);
  beforeAll(async () => {
    const app = new Hono();
    ownRoutes(app, { services: { add: async (rule: unknown) => void added.push(rule) } } as never);
    listening = await listen(app, `127.0.0.1:${port}`);
  });
  afterAll(() => listening.close());

  const post = (path: string, headers: Record<string, string>) =>
    new Promise<number>((resolve, reject) => {
      const sent = request({ host: "127.0.0.1", port, path, method: "POST", headers }, (response) => {
        response.resume();
        response.once("end", () => resolve(response.statusCode ?? 0));
      });
      sent.once("error", reject);
      sent.end(JSON.stringify({ kind: "export", listen: "80", target: "10.32.0.1:80" }));
    });

  it("adds no rule by text, by a form, from another origin, by another name, on any path", async () => {
    expect(await post("/v1/services", { "content-type": "text/plain" })).toBe(415);
    expect(await post("/v1/services", { "content-type": "application/x-www-form-urlencoded" })).toBe(415);
    expect(await post("/v1/services", {})).toBe(415);
    const json = { "content-type": "application/json" };
    expect(await post("/v1/services", { ...json, origin: "http://evil.example" })).toBe(403);
    expect(await post("/v1/services", { ...json, host: "evil.example" })).toBe(403);
    expect(await post("/unknown", { ...json, "sec-fetch-site": "cross-site" })).toBe(403);
    expect(added).toEqual([]);
    expect(await post("/v1/services", json)).toBe(204);
    expect(added).toHaveLength(1);
  });
});
