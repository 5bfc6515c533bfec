import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parseDockerAddress } from "../../src/engine/address.ts";
import { createLineReader } from "../../src/engine/json-lines.ts";
import { readContainer, readEvent } from "../../src/engine/read.ts";
import { createDockerClient } from "../../src/node/engine/client.ts";

describe("an engine's address", () => {
  it.each([
    ["unix:///var/run/docker.sock", { socketPath: "/var/run/docker.sock" }],
    ["/var/run/docker.sock", { socketPath: "/var/run/docker.sock" }],
    ["tcp://10.0.0.1:2375", { host: "10.0.0.1", port: 2375 }],
    ["localhost:2375", { host: "localhost", port: 2375 }],
    ["tcp://[::1]:2375", { host: "::1", port: 2375 }],
  ])("%s is understood", (text, address) => {
    expect(parseDockerAddress(text)).toEqual(address);
  });

  it.each(["docker.sock", "ssh://host", "tcp://host", "tcp://host:99999"])("%s is refused", (text) => {
    expect(() => parseDockerAddress(text)).toThrow("expected unix:///path or tcp://host:port");
  });
});

describe("a stream of JSON lines", () => {
  it("gives the same values however it is cut, also within a character", () => {
    const bytes = Buffer.from('{"id":"ä"}\n\nno json\n{"id":"b"}\n{"id":');
    for (let size = 1; size <= bytes.length; size++) {
      const seen: unknown[] = [];
      const push = createLineReader((value) => seen.push(value));
      for (let at = 0; at < bytes.length; at += size) push(bytes.subarray(at, at + size));
      expect(seen).toEqual([{ id: "ä" }, { id: "b" }]);
    }
  });
});

describe("what Docker writes", () => {
  const minimal = {
    Id: "ab",
    Name: "/web",
    State: { Running: true, Pid: 7 },
    Config: { Hostname: "web", Env: null, Entrypoint: "/w/w" },
  };

  it("is read with nulls, missing parts, and an entrypoint of one word", () => {
    const container = readContainer(minimal);
    expect(container).toMatchObject({
      name: "web",
      running: true,
      pid: 7,
      env: [],
      entrypoint: ["/w/w"],
      networks: [],
    });
  });

  it("does not run while it waits to be restarted", () => {
    const container = readContainer({ ...minimal, State: { Running: true, Restarting: true, Pid: 7 } });
    expect(container).toMatchObject({ running: false, pid: 0 });
  });

  it("is an event in the form of old engines and of new ones; others are passed over", () => {
    expect(readEvent({ status: "start", id: "ab" })).toEqual({ what: "start", id: "ab" });
    expect(readEvent({ Type: "container", Action: "die", Actor: { ID: "ab" } })).toEqual({ what: "die", id: "ab" });
    expect(readEvent({ Type: "network", Action: "destroy", Actor: { ID: "ab" } })).toBeUndefined();
    const health = (Action: string) => readEvent({ Type: "container", Action, Actor: { ID: "ab" } });
    expect(health("health_status: unhealthy")).toEqual({ what: "unhealthy", id: "ab" });
    expect(health("health_status: healthy")).toEqual({ what: "healthy", id: "ab" });
    expect(health("health_status: starting")).toBeUndefined();
    expect(readEvent({ Type: "container", Action: "exec_start: ls", Actor: { ID: "ab" } })).toBeUndefined();
    expect(readEvent("?")).toBeUndefined();
  });
});

describe("a client of an engine", () => {
  let dir: string;
  let server: Server;
  let answer: { status: number; body: string };
  beforeEach(async () => {
    dir = mkdtempSync(join(tmpdir(), "weaved-docker-"));
    server = createServer((_, response) => response.writeHead(answer.status).end(answer.body));
    await new Promise<void>((resolve) => server.listen(join(dir, "docker.sock"), resolve));
  });
  afterEach(() => {
    server.close();
    rmSync(dir, { recursive: true });
  });

  it("says nothing for what is not there, and passes on what the engine says when it refuses", async () => {
    const engine = createDockerClient(join(dir, "docker.sock"));
    answer = { status: 404, body: '{"message":"No such container: x"}' };
    expect(await engine.container("x")).toBeUndefined();
    answer = { status: 500, body: '{"message":"disk is full"}' };
    await expect(engine.kill("x")).rejects.toMatchObject({
      code: "ENGINE_REFUSED",
      message: "disk is full",
      status: 500,
    });
  });

  it("says where nobody answered", async () => {
    const engine = createDockerClient("unix:///nowhere/docker.sock");
    await expect(engine.containers()).rejects.toMatchObject({
      code: "ENGINE_UNREACHABLE",
      message: "Docker does not answer at /nowhere/docker.sock (ENOENT)",
    });
  });
});
