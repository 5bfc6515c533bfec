/* One host with a real Docker engine, used through the proxy. */
import { createHash, randomBytes } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { dockerImage, waitFor, whyNoLab } from "@weaved/netlab";
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFailed } from "vitest";
import { type EngineCluster, type EngineNode, proxySocket, startEngines } from "./engines.ts";

const why = whyNoLab(["docker", "dns"]);
const flags = ["--proxy", "-H", `unix://${proxySocket}`, "-H", "127.0.0.1:12375"];

let hosts: EngineCluster;
let a: EngineNode;
beforeAll(async () => {
  if (why) return;
  hosts = await startEngines(["a"], flags);
  [a] = hosts.nodes as [EngineNode];
});
afterAll(() => hosts?.cluster.close());
beforeEach((ctx) => {
  if (why) ctx.skip(why);
  onTestFailed(() => console.error(hosts.cluster.logs()));
});

/** Runs a script in a container made through the proxy; what it prints. */
function run(script: string, ...args: string[]): Promise<string> {
  return a.proxied("run", "--rm", ...args, dockerImage, "sh", "-c", script);
}

const show = "ip -o -4 address show ethwe | awk '{print $4}'";

describe("a container made through the proxy", () => {
  it("sees its address, routes, resolver, own name with its first instruction", async () => {
    const seen = await run(
      `${show}; ip route show dev ethwe; cat /etc/resolv.conf; grep ' first' /etc/hosts; hostname -f`,
      "--name",
      "first",
    );
    const [cidr, ...rest] = seen.split("\n");
    const address = cidr!.split("/")[0]!;
    expect(cidr).toMatch(/^10\.32\.\d+\.\d+\/16$/);
    expect(rest.join("\n")).toMatch(/^10\.32\.0\.0\/16 dev ethwe .*\n224\.0\.0\.0\/4 dev ethwe /);
    expect(seen).toMatch(/^nameserver 172\.17\.0\.1$/m);
    expect(seen).not.toMatch(/^search/m);
    expect(seen).toContain(`${address.padEnd(15)} first.weave.local first`);
    expect(seen).toMatch(/^first\.weave\.local$/m);
  });

  it("resolves its own name and that of another with its first instruction", async () => {
    await a.proxied("run", "-d", "--name", "other", dockerImage, "sleep", "1000");
    const seen = await run(
      "nslookup self.weave.local; nslookup other; ping -c1 -W1 other.weave.local",
      "--name",
      "self",
    );
    expect(seen).toMatch(/self\.weave\.local\nAddress: 10\.32\./);
    expect(seen).toMatch(/ 0% packet loss/);
    await waitFor("its name goes with it", async () => (await a.node.resolve("self.weave.local")).length === 0, 5000);
    await a.docker("rm", "-f", "other");
  });

  it.each([
    ["an address", "ip:10.32.7.7/16", /^10\.32\.7\.7\/16$/],
    ["a bare address", "10.32.7.8/16", /^10\.32\.7\.8\/16$/],
    ["an address of a subnet", "net:10.32.9.0/24", /^10\.32\.9\.\d+\/24$/],
    ["several", "net:10.32.9.0/24 ip:10.32.7.9/16", /^10\.32\.9\.\d+\/24\n10\.32\.7\.9\/16$/],
    ["the default subnet, by its name", "net:default", /^10\.32\.\d+\.\d+\/16$/],
    ["nothing, so the default", "", /^10\.32\.\d+\.\d+\/16$/],
    ["no network of ours", "none", /^$/],
  ])("gets what WEAVE_CIDR asks for: %s", async (_, wish, expected) => {
    expect(await run(show, "-e", `WEAVE_CIDR=${wish}`)).toMatch(expected);
  });

  it.each([
    ["none", true],
    ["bridge", true],
    ["host", false],
  ])("with --net=%s is attached: %s", async (mode, is) => {
    expect((await run(show, `--net=${mode}`)) !== "").toBe(is);
  });

  it("is refused before it exists when WEAVE_CIDR is no address", async () => {
    await expect(run(show, "--name", "refused", "-e", "WEAVE_CIDR=10.32.0.0")).rejects.toThrow(
      /"10\.32\.0\.0" is no address; expected/,
    );
    expect(await a.docker("ps", "-aq", "--filter", "name=refused")).toBe("");
  });

  it("is killed, and its start refused, when it cannot be attached", async () => {
    await a.proxied("run", "-d", "--name", "holder", "-e", "WEAVE_CIDR=ip:10.32.3.3/16", dockerImage, "sleep", "1000");
    const second = ["--name", "second", "-e", "WEAVE_CIDR=ip:10.32.3.3/16", dockerImage, "echo", "ran"];
    await expect(a.proxied("run", ...second)).rejects.toThrow(/cannot attach the container/);
    const runs = () => a.docker("inspect", "-f", "{{.State.Running}}", "second");
    await waitFor("it is killed", async () => (await runs()) === "false", 5000);
    expect(await a.docker("logs", "second")).toBe("");
    await a.docker("rm", "-f", "holder", "second");
  });

  it("keeps entrypoint and command, from image or request, in all combinations", async () => {
    const folder = join(a.node.host.dir, "build");
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "Dockerfile"), `FROM ${dockerImage}\nENTRYPOINT ["echo", "image"]\nCMD ["said"]\n`);
    await a.engine.must(["-H", `unix://${proxySocket}`, "build", "-q", "-t", "both", folder], {
      env: { DOCKER_BUILDKIT: "0" },
    });
    expect(await a.proxied("run", "--rm", "both")).toBe("image said");
    expect(await a.proxied("run", "--rm", "both", "asked")).toBe("image asked");
    expect(await a.proxied("run", "--rm", "--entrypoint", "printf", "both", "%s-", "x", "y")).toBe("x-y-");
    expect(await a.proxied("run", "--rm", "--entrypoint", "", "both", "echo", "bare")).toBe("bare");
    await expect(a.proxied("run", "--rm", "--entrypoint", "", "both")).rejects.toThrow(/No command specified/);
  });

  it("committed to an image and run again waits once", async () => {
    await a.proxied("run", "--name", "source", dockerImage, "sh", "-c", "echo kept > /kept");
    await a.docker("commit", "source", "committed");
    await a.docker("rm", "source");
    expect(await a.proxied("run", "--name", "again", "committed", "cat", "/kept")).toBe("kept");
    expect(JSON.parse(await a.docker("inspect", "-f", "{{json .Config.Entrypoint}}", "again"))).toEqual(["/w/w"]);
    await a.docker("rm", "again");
  });

  it("has the wait program mounted read-only, and says what it cannot run", async () => {
    expect(await run("touch /w/w 2>&1; echo > /w/x; echo done")).toMatch(/Read-only file system/);
    await expect(a.proxied("run", "--rm", dockerImage, "nosuch")).rejects.toThrow(/weave: cannot run nosuch/);
  });

  it("hears Docker's own words for what is not there", async () => {
    await expect(a.proxied("create", "--pull=never", "nosuch:image")).rejects.toThrow(/No such image: nosuch:image/);
    await expect(a.proxied("start", "nosuch")).rejects.toThrow(/No such container: nosuch/);
    await expect(a.proxied("exec", "nosuch", "ls")).rejects.toThrow(/No such container: nosuch/);
  });

  it("is attached again when it is restarted, by whom ever, and when the daemon comes back", async () => {
    const id = await a.proxied(
      "run",
      "-d",
      "--name",
      "sturdy",
      "--stop-signal=KILL",
      "--restart=always",
      dockerImage,
      "sleep",
      "1000",
    );
    const address = async () => (await a.exec("sturdy", "sh", "-c", show)).stdout.trim();
    const before = await address();
    expect(before).toMatch(/^10\.32\./);
    await a.proxied("restart", "-t", "0", "sturdy");
    expect(await address()).toBe(before);
    await a.docker("restart", "-t", "0", "sturdy");
    await waitFor("attached after a restart past the proxy", async () => (await address()) === before, 5000);
    const pid = await a.docker("inspect", "-f", "{{.State.Pid}}", "sturdy");
    await a.node.host.must("kill", ["-9", pid]);
    await waitFor(
      "attached after a kill",
      async () => (await a.exec("sturdy", "sh", "-c", show)).stdout.trim() === before,
      5000,
    );
    await a.node.stop();
    await a.docker("restart", "-t", "0", "sturdy");
    await a.node.start();
    await waitFor("attached when the daemon is back", async () => (await address()) === before, 5000);
    expect(await a.node.resolve("sturdy.weave.local")).toEqual([before.split("/")[0]]);
    expect((await a.attachments()).map((row) => row.id)).toContain(id);
    await a.docker("rm", "-f", "sturdy");
  });
});

describe("streams through the proxy", () => {
  const bytes = randomBytes(3 << 20).toString("base64");

  it("carry standard input with its end, and all of the output, through attach", async () => {
    const echoed = await a.engine.must(["-H", `unix://${proxySocket}`, "run", "--rm", "-i", dockerImage, "cat"], {
      input: bytes,
    });
    expect(echoed === bytes).toBe(true);
  });

  it("carry both through exec, also when exec is not attached, and for containers of others", async () => {
    await a.proxied("run", "-d", "--name", "target", "--stop-signal=KILL", dockerImage, "sleep", "1000");
    await a.docker("run", "-d", "--name", "foreign", "--stop-signal=KILL", dockerImage, "sleep", "1000");
    for (const name of ["target", "foreign"]) {
      const copied = await a.engine.must(["-H", `unix://${proxySocket}`, "exec", "-i", name, "md5sum"], {
        input: bytes,
      });
      expect(copied).toBe(`${createHash("md5").update(bytes).digest("hex")}  -`);
      await a.proxied("exec", "-d", name, "touch", "/touched");
      await waitFor(`${name} was touched`, async () => (await a.exec(name, "ls", "/touched")).code === 0, 5000);
    }
    expect(await a.proxied("exec", "target", "sh", "-c", "exit 3").catch((error: Error) => error.message)).toMatch(/3/);
    await a.docker("rm", "-f", "foreign");
  });

  it("follow logs until the container ends, and let go of those that stop following", async () => {
    await a.proxied(
      "run",
      "-d",
      "--name",
      "talker",
      dockerImage,
      "sh",
      "-c",
      "for i in 1 2 3; do echo line $i; sleep 0.2; done",
    );
    expect(await a.proxied("logs", "-f", "talker")).toBe("line 1\nline 2\nline 3");
    await a.docker("rm", "talker");
    const follower = await a.node.host.spawn("docker", ["-H", `unix://${proxySocket}`, "logs", "-f", "target"], {
      name: "follower",
    });
    const sockets = async () =>
      (await a.node.host.must("ss", ["-xp"])).split("\n").filter((line) => line.includes("weave.sock")).length;
    await waitFor("it follows", async () => (await sockets()) > 0, 5000);
    await follower.stop();
    await waitFor("nothing is left of it", async () => (await sockets()) === 0, 5000);
    await a.docker("rm", "-f", "target");
  });

  it("build images, pass events, and serve keep-alive clients", async () => {
    const listed = await a.node.host.must("sh", [
      "-c",
      `printf 'GET /_ping HTTP/1.1\\r\\nHost: /var/run/x.sock\\r\\n\\r\\nGET /v1.41/version HTTP/1.1\\r\\nHost: d\\r\\nConnection: close\\r\\n\\r\\n' | nc -q 2 127.0.0.1 12375`,
    ]);
    expect(listed.match(/HTTP\/1\.1 200 OK/g)).toHaveLength(2);
    expect(listed).toContain('"ApiVersion"');
    expect(await a.engine.must(["-H", "tcp://127.0.0.1:12375", "version", "-f", "{{.Server.Version}}"])).toMatch(/^\d/);
    const past = ["--since", "5m", "--until", "0s", "--filter", "container=talker", "--format", "{{.Action}}"];
    expect((await a.proxied("events", ...past)).split("\n")).toEqual(
      expect.arrayContaining(["create", "start", "die"]),
    );
  });

  it("answer in Docker's form while Docker is away, and work again when it is back", async () => {
    await a.engine.stop();
    const answer = await a.node.host.exec("docker", ["-H", `unix://${proxySocket}`, "ps"]);
    expect(answer.stderr).toMatch(/weave: Docker does not answer \((?:ENOENT|ECONNREFUSED)\)/);
    a.engine = await a.node.host.startDocker({ image: false });
    expect(await a.proxied("ps", "-q")).toBe("");
  });
});

describe("status", () => {
  it("names the proxy's addresses; env and config print them for a shell", async () => {
    const report = await a.node.report();
    expect(report.Proxy).toEqual({ Addresses: [`unix://${proxySocket}`, "tcp://127.0.0.1:12375"] });
    expect(await a.node.status()).toMatch(/Service: proxy\n +Address: unix:/);
    expect(await a.weave("env")).toBe(`export DOCKER_HOST=unix://${proxySocket} ORIG_DOCKER_HOST=`);
    expect(await a.weave("config")).toBe(`-H=unix://${proxySocket}`);
    expect(await a.weave("run", "10.32.8.8/16", "--rm", dockerImage, "sh", "-c", show)).toBe("10.32.8.8/16");
  });
});
