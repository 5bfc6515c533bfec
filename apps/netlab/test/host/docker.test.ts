/* Two hosts with a real Docker engine each. */
import { readdirSync } from "node:fs";
import { request } from "node:http";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createLab, type DockerEngine, dockerImage, type Lab, whyNoLab } from "../../src/index.ts";
import { processId } from "../../src/node/proc.ts";

const why = whyNoLab(["docker"]);

function get(socketPath: string, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const call = request({ socketPath, path }, (response) => {
      let text = "";
      response.on("data", (chunk) => {
        text += chunk;
      });
      response.on("end", () => resolve(text));
    });
    call.once("error", reject);
    call.end();
  });
}

describe("Docker engines of a lab", () => {
  let lab: Lab;
  let engines: DockerEngine[];
  beforeAll(async () => {
    if (why) return;
    lab = await createLab({ hosts: { d1: { docker: true }, d2: { docker: true }, plain: {} } });
    engines = await Promise.all(["d1", "d2"].map((name) => lab.host(name).startDocker()));
  });
  afterAll(() => lab?.close());
  beforeEach((ctx) => {
    if (why) ctx.skip(why);
  });

  it("run containers that the other engine does not know", async () => {
    const [one, two] = engines as [DockerEngine, DockerEngine];
    expect(await one.must(["run", "--rm", dockerImage, "echo", "hello"])).toBe("hello");
    await one.must(["run", "-d", "--name", "sleeper", dockerImage, "sleep", "1000"]);
    expect(await one.must(["ps", "--format", "{{.Names}}"])).toBe("sleeper");
    expect(await two.must(["ps", "-aq"])).toBe("");
    const pid = await one.must(["inspect", "-f", "{{.State.Pid}}", "sleeper"]);
    expect(await lab.host("d1").must("nsenter", ["-t", pid, "-n", "ip", "-br", "addr"])).toContain("eth0");
  });

  it("are reached from outside through their sockets", async () => {
    expect(await get(engines[0]?.outsideSocket ?? "", "/_ping")).toBe("OK");
  });

  it("refuse to start where the topology does not say docker", () => {
    expect(() => lab.host("plain").startDocker()).toThrow("docker: true");
  });

  it("leave no process, no control group", async () => {
    const { id } = lab;
    const groups = () =>
      readdirSync("/sys/fs/cgroup", { recursive: true, encoding: "utf8" }).filter((name) => name.includes(id));
    const [one] = engines as [DockerEngine];
    // Engine and containers live in the host's process namespace, which ends with its first process.
    const pids = [one.daemon.pid, lab.host("d1").pid];
    const alive = () => pids.map((pid) => processId(pid) !== undefined);
    expect(groups()).not.toEqual([]);
    expect(alive()).toEqual([true, true]);
    await lab.close();
    expect(groups()).toEqual([]);
    expect(alive()).toEqual([false, false]);
  });
});
