/* Two hosts with real engines, whose proxies run with what is not the default. */
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { dockerImage, waitFor, whyNoLab } from "@weaved/netlab";
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFailed } from "vitest";
import { type EngineCluster, type EngineNode, proxySocket, startEngines } from "./engines.ts";
import { must } from "./must.ts";

const why = whyNoLab(["docker", "dns"]);

let certs: string;
let hosts: EngineCluster;
let a: EngineNode;
let b: EngineNode;
beforeAll(async () => {
  if (why) return;
  certs = await makeCertificates();
  const tls = [
    "--tlsverify",
    `--tlscacert=${certs}/ca.pem`,
    `--tlscert=${certs}/server.pem`,
    `--tlskey=${certs}/server.key`,
  ];
  const common = ["--proxy", "-H", `unix://${proxySocket}`];
  const strict = ["--no-default-ipalloc", "--no-multicast-route", "--no-rewrite-hosts", "--rewrite-inspect"];
  hosts = await startEngines(["a", "b"], (name) =>
    name === "a" ? [...common, "-H", "127.0.0.1:12376", ...strict, ...tls] : [...common, "--without-dns"],
  );
  [a, b] = hosts.nodes as [EngineNode, EngineNode];
});
afterAll(async () => {
  await hosts?.cluster.close();
  if (certs) rmSync(certs, { recursive: true });
});
beforeEach((ctx) => {
  if (why) ctx.skip(why);
  onTestFailed(() => console.error(hosts.cluster.logs()));
});

/** A CA, a server for 127.0.0.1, a client; a stranger with no CA but his own. */
async function makeCertificates(): Promise<string> {
  const dir = mkdtempSync(join(tmpdir(), "weaved-tls-"));
  const openssl = (...args: string[]) => must("openssl", args, dir);
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
  await openssl("req", "-x509", ...key, "-subj", "/CN=ca", "-keyout", "ca.key", "-out", "ca.pem");
  await openssl("req", "-x509", ...key, "-subj", "/CN=client", "-keyout", "stranger.key", "-out", "stranger.pem");
  for (const [name, more] of [
    ["server", ["-addext", "subjectAltName=IP:127.0.0.1"]],
    ["client", ["-addext", "extendedKeyUsage=clientAuth"]],
  ] as const)
    await openssl(
      "req",
      "-x509",
      ...key,
      "-subj",
      `/CN=${name}`,
      "-CA",
      "ca.pem",
      "-CAkey",
      "ca.key",
      "-keyout",
      `${name}.key`,
      "-out",
      `${name}.pem`,
      ...more,
    );
  chmodSync(join(dir, "server.key"), 0o600);
  return dir;
}

const show = "ip -o -4 address show ethwe | awk '{print $4}'";
const run = (one: EngineNode, script: string, ...args: string[]) =>
  one.proxied("run", "--rm", ...args, dockerImage, "sh", "-c", script);

describe("the proxy", () => {
  it("attaches only who asks, with --no-default-ipalloc", async () => {
    expect(await run(a, show)).toBe("");
    expect(await run(a, show, "-e", "WEAVE_CIDR=net:default")).toMatch(/^10\.32\./);
  });

  it("waits for the interface alone, with --no-multicast-route", async () => {
    expect(await run(a, `${show}; ip route show 224.0.0.0/4`, "-e", "WEAVE_CIDR=10.32.5.5/16")).toBe("10.32.5.5/16");
  });

  it("leaves /etc/hosts alone, with --no-rewrite-hosts", async () => {
    const hosts = await run(a, "cat /etc/hosts", "-e", "WEAVE_CIDR=10.32.5.6/16", "--name", "plain");
    expect(hosts).not.toContain("10.32.5.6");
    expect(hosts).toContain("172.17.0.");
  });

  it("shows the network's address in inspect, with --rewrite-inspect", async () => {
    await a.proxied("run", "-d", "--name", "shown", "-e", "WEAVE_CIDR=10.32.5.7/16", dockerImage, "sleep", "1000");
    const inspect = (through: EngineNode["docker"]) =>
      through(
        "inspect",
        "-f",
        "{{.NetworkSettings.IPAddress}}/{{.NetworkSettings.IPPrefixLen}} {{.NetworkSettings.MacAddress}}",
        "shown",
      );
    const mac = (await a.exec("shown", "cat", "/sys/class/net/ethwe/address")).stdout.trim();
    expect(await inspect(a.proxied)).toBe(`10.32.5.7/16 ${mac}`);
    expect(await inspect(a.docker)).toMatch(/^172\.17\./);
  });

  it("follows the current setting when a container is started again", async () => {
    expect((await a.exec("shown", "ip", "route", "show", "224.0.0.0/4")).stdout).toBe("");
    await a.node.stop();
    await a.node.start({ flags: ["--proxy", "-H", `unix://${proxySocket}`, `--docker-api=unix://${a.engine.socket}`] });
    await a.proxied("restart", "-t", "0", "shown");
    expect((await a.exec("shown", "ip", "route", "show", "224.0.0.0/4")).stdout).toMatch(/dev ethwe/);
    await a.docker("rm", "-f", "shown");
  });

  it("leaves resolver and names alone, with --without-dns; hosts of --add-host stay", async () => {
    const seen = await run(
      b,
      "cat /etc/resolv.conf; grep elsewhere /etc/hosts; hostname",
      "--name",
      "nameless",
      "--add-host",
      "elsewhere:10.9.8.7",
    );
    expect(seen).not.toContain("172.17.0.1");
    expect(seen).toContain("10.9.8.7        elsewhere");
    expect(seen).toMatch(/^[0-9a-f]{12}$/m);
  });

  it("takes host configuration sent with the start, as engines before API 1.24 do", async () => {
    const start = (name: string, body: string) =>
      b.node.host.must("curl", [
        ...["-s", "-o", "/dev/null", "-w", "%{http_code}", "--unix-socket", proxySocket, "-X", "POST"],
        ...["-H", "content-type: application/json", "-d", body, `http://x/v1.22/containers/${name}/start`],
      ]);
    for (const [name, body, attached] of [
      ["abused", '{"Binds":["/tmp:/hosttmp"]}', true],
      ["empty", "{}", true],
      ["null", "null", true],
      ["hostnet", '{"HostConfig":{"NetworkMode":"host"}}', false],
    ] as const) {
      await b.proxied("create", "--name", name, dockerImage, "sleep", "1000");
      expect(await start(name, body), name).toBe("204");
      const running = await b.docker("inspect", "-f", "{{.State.Running}}", name);
      const address = (await b.exec(name, "sh", "-c", show)).stdout.trim();
      expect({ running, attached: address !== "" }, name).toEqual({ running: "true", attached });
    }
    await b.docker("rm", "-f", "abused", "empty", "null", "hostnet");
  });
});

describe("the proxy with TLS", () => {
  it("serves clients with a certificate, and nobody else", async () => {
    await a.node.stop();
    const tls = [
      "--tlsverify",
      `--tlscacert=${certs}/ca.pem`,
      `--tlscert=${certs}/server.pem`,
      `--tlskey=${certs}/server.key`,
    ];
    await a.node.start({
      flags: ["--proxy", "-H", "127.0.0.1:12376", ...tls, `--docker-api=unix://${a.engine.socket}`],
    });
    const docker = (...args: string[]) => a.node.host.exec("docker", ["-H", "tcp://127.0.0.1:12376", ...args]);
    const mine = [
      "--tlsverify",
      `--tlscacert=${certs}/ca.pem`,
      `--tlscert=${certs}/client.pem`,
      `--tlskey=${certs}/client.key`,
    ];
    const fine = await docker(...mine, "run", "--rm", "-i", dockerImage, "sh", "-c", `cat; ${show}`);
    expect(fine.stdout).toMatch(/^10\.32\./);
    expect((await docker("ps")).code).not.toBe(0);
    // Docker's own client gives up without a certificate before it asks.
    const ask = async (...args: string[]) =>
      (await a.node.host.exec("curl", ["-sk", ...args, "https://127.0.0.1:12376/_ping"])).stdout;
    const as = (name: string) => ["--cert", `${certs}/${name}.pem`, "--key", `${certs}/${name}.key`];
    expect([await ask(...as("client")), await ask(...as("stranger")), await ask()]).toEqual(["OK", "", ""]);
    await waitFor("it still serves", async () => (await docker(...mine, "ps")).code === 0, 5000);
  });
});
