import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Intercept, Refusal } from "../src/intercept/interception.ts";
import { serveConnection } from "../src/node/connection.ts";

/** A real pair of sockets on either side of the proxy; Docker is played by what a test writes. */
let dir: string;
let docker: Server;
let proxy: Server;
let intercept: Intercept;
let talk: (socket: Socket) => void;

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), "weaved-proxy-"));
  intercept = () => undefined;
  docker = createServer({ allowHalfOpen: true }, (socket) => talk(socket.on("error", () => {})));
  await new Promise<void>((resolve) => docker.listen(join(dir, "docker"), resolve));
  const open = () =>
    new Promise<Socket>((resolve, reject) => {
      const socket = connect({ path: join(dir, "docker"), allowHalfOpen: true });
      socket.once("error", reject).once("connect", () => resolve(socket));
    });
  proxy = createServer({ allowHalfOpen: true }, (client) => {
    void serveConnection({ client, connect: open, intercept: (request) => intercept(request) });
  });
  await new Promise<void>((resolve) => proxy.listen(join(dir, "proxy"), resolve));
});
afterEach(() => {
  docker.close();
  proxy.close();
  rmSync(dir, { recursive: true });
});

/** Writes pieces with pauses, half-closes if told, and returns all that came back. */
async function exchange(pieces: readonly string[], end = true): Promise<string> {
  const socket = connect({ path: join(dir, "proxy"), allowHalfOpen: true });
  let got = "";
  socket.on("error", () => {});
  socket.on("data", (chunk) => (got += chunk.toString("latin1")));
  const closed = new Promise<void>((resolve) => socket.once("end", resolve).once("close", () => resolve()));
  for (const piece of pieces) {
    socket.write(piece, "latin1");
    await sleep(5);
  }
  if (end) socket.end();
  await closed;
  socket.destroy();
  return got;
}

/** Collects what Docker hears; answers each head with the next answer. */
function answering(answers: readonly string[]): { heard: () => string } {
  let heard = "";
  let next = 0;
  talk = (socket) => {
    socket.on("data", (chunk) => {
      heard += chunk.toString("latin1");
      const heads = heard.match(/ HTTP\/1\.1\r\n(?:.+\r\n)*\r\n/g) ?? [];
      for (; next < heads.length; next++) socket.write(answers[next] ?? "", "latin1");
    });
    socket.on("end", () => socket.end());
  };
  return { heard: () => heard };
}

describe("a connection through the proxy", () => {
  it("carries several requests, as they are, however they are cut", async () => {
    const one = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK";
    const two = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    const { heard } = answering([one, two, one]);
    const requests =
      "GET /_ping HTTP/1.1\r\nHost: d\r\nX-Odd:  Kept As It Is\r\n\r\n" +
      "POST /build HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n" +
      "GET /_ping HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n";
    expect(await exchange([requests])).toBe(one + two + one.replace("\r\n\r\nOK", "\r\nconnection: close\r\n\r\nOK"));
    expect(heard()).toBe(requests.replace("X-Odd:  Kept", "X-Odd: Kept"));
    answering([one, two, one]);
    expect(await exchange([...requests])).toMatch(/OK$/);
  });

  it("tells Docker another host where an old client puts the path of the socket", async () => {
    const { heard } = answering(["HTTP/1.1 204 No Content\r\n\r\n"]);
    await exchange(["GET / HTTP/1.1\r\nHost: /var/run/weave/weave.sock\r\n\r\n"]);
    expect(heard()).toMatch(/^host: docker\r$/m);
  });

  it("talks raw both ways after a switch of protocols, with the end of input passed on", async () => {
    talk = (socket) => {
      let heard = "";
      socket.on("data", (chunk) => {
        const before = heard.includes("\r\n\r\n");
        heard += chunk;
        if (!before && heard.includes("\r\n\r\n"))
          socket.write("HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n");
      });
      socket.on("end", () => socket.end(`heard ${heard.split("\r\n\r\n")[1]}`));
    };
    const got = await exchange([
      "POST /v1.41/containers/a/attach?stdin=1 HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n",
      "input",
    ]);
    expect(got).toBe("HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\nheard input");
  });

  it("talks raw after a 200 without length, where input came with the request", async () => {
    talk = (socket) => {
      let heard = "";
      // Docker takes the connection over and answers before it reads any input.
      socket.once("data", () =>
        socket.write("HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\n"),
      );
      socket.on("data", (chunk) => (heard += chunk));
      socket.on("end", () => socket.end(`heard ${heard.split("\r\n\r\n")[1]}`));
    };
    const got = await exchange([
      "POST /exec/e/start HTTP/1.1\r\nHost: d\r\nContent-Length: 2\r\n\r\n{}early",
      " and late",
    ]);
    expect(got).toMatch(/heard \{\}early and late$/);
  });

  it("passes interim answers, and answers that come before the request is whole", async () => {
    answering(["HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n"]);
    const got = await exchange([
      "POST /images/load HTTP/1.1\r\nHost: d\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n",
    ]);
    expect(got).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 413/);
  });

  it("does not wait for a body after HEAD, 204, 304", async () => {
    const { heard } = answering([
      "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n",
      "HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n\r\n",
      "HTTP/1.1 204 No Content\r\n\r\n",
    ]);
    await exchange(["HEAD /_ping HTTP/1.1\r\n\r\nPOST /x HTTP/1.1\r\n\r\nPOST /x HTTP/1.1\r\n\r\n"]);
    expect(heard().match(/HTTP\/1\.1/g)).toHaveLength(3);
  });

  it("says in Docker's form that Docker does not answer", async () => {
    await new Promise<void>((resolve) => docker.close(() => resolve()));
    const got = await exchange(["GET /_ping HTTP/1.1\r\nHost: d\r\n\r\n"]);
    expect(got).toMatch(/^HTTP\/1\.1 502 .*"weave: Docker does not answer \(ENOENT\)"\}\n$/s);
  });

  it("ends with what is no HTTP, and with a head without end", async () => {
    answering([]);
    expect(await exchange(["nonsense\r\n\r\n"])).toBe("");
    expect(await exchange([`GET / HTTP/1.1\r\nX: ${"x".repeat(2 << 20)}`])).toBe("");
    expect(await exchange(["GET / HTTP/1.1\r\nHost: d\r\nContent-Length: many\r\n\r\n"])).toBe("");
  });
});

describe("an interceptor", () => {
  const created = "HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}";

  it("rewrites a body, chunked or not; the length says so", async () => {
    intercept = () => ({ request: async (body) => Buffer.from(`${body.toString()}!`) });
    for (const request of [
      "POST /c HTTP/1.1\r\nHost: d\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\nbody",
      "POST /c HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nb\r\n3\r\nody\r\n0\r\n\r\n",
    ]) {
      const { heard } = answering([created]);
      expect(await exchange([...request])).toMatch(/HTTP\/1\.1 201 Created/);
      expect(heard()).toBe("POST /c HTTP/1.1\r\nHost: d\r\ncontent-length: 5\r\n\r\nbody!");
    }
  });

  it("rewrites an answer, and keeps the connection", async () => {
    intercept = ({ path }) =>
      path === "/i" ? { answer: async (_, body) => Buffer.from(body.toString().toUpperCase()) } : undefined;
    answering(["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", created]);
    const got = await exchange(["GET /i HTTP/1.1\r\n\r\nGET /j HTTP/1.1\r\n\r\n"]);
    expect(got).toBe(`HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nABC${created}`);
  });

  it("answers in Docker's place, before or after Docker did, and the next request is served", async () => {
    intercept = ({ path }) => {
      if (path === "/before") return { request: () => Promise.reject(new Refusal(400, "no")) };
      if (path === "/after") return { beforeAnswer: () => Promise.reject(new Refusal(500, "killed")) };
      return undefined;
    };
    for (const path of ["/before", "/after"]) {
      answering(path === "/after" ? [created, created] : [created]);
      const got = await exchange([`POST ${path} HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}`, "GET / HTTP/1.1\r\n\r\n"]);
      expect(got).toMatch(/^HTTP\/1\.1 [45]00 .*"message":"(?:no|killed)".*HTTP\/1\.1 201 Created/s);
    }
  });

  it.each([
    [
      "an upgrade that Docker ignores",
      "GET /_ping HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
      2,
    ],
    ["an attach that Docker refuses", "POST /containers/none/attach HTTP/1.1\r\nHost: d\r\nUpgrade: tcp\r\n\r\n", 1],
  ])("looks into a create behind %s, or does not send it", async (_, first, requests) => {
    const seen: string[] = [];
    intercept = ({ method, path }) => {
      seen.push(`${method} ${path}`);
      return path === "/containers/create" ? { request: async () => Buffer.from("{}") } : undefined;
    };
    const refused = "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nNO";
    const { heard } = answering([refused, refused]);
    await exchange([`${first}POST /containers/create HTTP/1.1\r\nHost: d\r\nContent-Length: 8\r\n\r\n{"a": 1}`]);
    expect(seen).toHaveLength(requests);
    expect(heard()).not.toContain('{"a": 1}');
  });

  it.each(["//containers/create", "/v1.41//containers/create/", "/%63ontainers/create", "/x/../containers/./create"])(
    "knows %s as a create",
    async (path) => {
      const seen: string[] = [];
      intercept = (request) => {
        seen.push(request.path);
        return undefined;
      };
      answering(["HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"]);
      await exchange([`POST ${path} HTTP/1.1\r\nHost: d\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`]);
      expect(seen[0]).toMatch(/^(?:\/v1\.41)?\/containers\/create$/);
    },
  );
});
