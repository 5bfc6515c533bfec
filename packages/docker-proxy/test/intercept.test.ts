import { describe, expect, it } from "vitest";
import { deriveHostname, goPattern, goReplacement, verdictOn } from "../src/attach/rules.ts";
import type { Container, Image } from "../src/engine/engine.ts";
import { parseExact, writeExact } from "../src/intercept/exact-json.ts";
import { createIntercept, type InterceptOptions } from "../src/intercept/intercept.ts";

describe("which containers are attached", () => {
  it.each([
    ["", [], false, []],
    ["default", [], false, []],
    ["bridge", ["WEAVE_CIDR="], true, []],
    ["none", ["A=b", "WEAVE_CIDR= net:10.2.1.0/24  ip:10.2.2.1/24 "], false, ["net:10.2.1.0/24", "ip:10.2.2.1/24"]],
    ["bridge", ["WEAVE_CIDR=none"], false, undefined],
    ["bridge", [], true, undefined],
    ["host", ["WEAVE_CIDR=10.2.1.1/24"], false, undefined],
    ["container:abc", [], false, undefined],
    ["weave", [], false, undefined],
  ])("network %j, environment %j, no default %j: %j", (networkMode, env, noDefault, addresses) => {
    const verdict = verdictOn({ networkMode, env }, { noDefault });
    expect(verdict.attach ? verdict.addresses : undefined).toEqual(addresses);
    if (!verdict.attach) expect(verdict.why).toMatch(/network is|WEAVE_CIDR/);
  });
});

/** A group as Go's replacements write it. */
const braced = (group: string, rest: string) => ["$", "{", group, "}", rest].join("");

describe("a host name from a container's name", () => {
  const rules = (match: string, replacement: string, label = "") => ({
    label,
    match: goPattern(match),
    replacement: goReplacement(replacement),
  });

  it.each([
    ["(.*)", "$1", "web", "web"],
    ["^aws-[0-9]+-(.*)$", "my-app-$1", "aws-12798186823-foo", "my-app-foo"],
    ["^ecs-.*-(.*)-[0-9a-f]+$", "$1", "ecs-ecs-weave-1-dataproducer-c2f8e9a0b7d5e1a3c201", "dataproducer"],
    ["(?P<app>[a-z]+)-\\d+", braced("app", "0"), "web-17", "web0"],
    ["(a)", braced("1", "1$$"), "a", "a1$"],
    ["(?i)WEB", "www", "web", "www"],
  ])("%s, %s: %s becomes %s", (match, replacement, name, hostname) => {
    expect(deriveHostname(name, {}, rules(match, replacement))).toBe(hostname);
  });

  it("comes from a label if there is one", () => {
    const byLabel = rules("(.*)", "$1", "host");
    expect(deriveHostname("web", { host: "www" }, byLabel)).toBe("www");
    expect(deriveHostname("web", { other: "www" }, byLabel)).toBe("web");
  });
});

describe("JSON that passes through", () => {
  it("keeps numbers that JavaScript would round, and digits in texts", () => {
    const text =
      '{"Memory":9223372036854771712,"n":-1,"f":1.50,"e":1e3,"s":"9223372036854771712 \\"12345678901234567890","l":[0.1,12]}';
    expect(writeExact(parseExact(text))).toBe(text);
    expect(parseExact("[12, -3.5]")).toEqual([12, -3.5]);
    expect(() => parseExact('{"a":}')).toThrow(SyntaxError);
  });
});

const base = {
  id: "f".repeat(64),
  running: true,
  pid: 7,
  networkMode: "default",
  env: [],
  hostname: "web",
  mounts: ["/w"],
};
const ours = { ...base, entrypoint: ["/w/w", "run"] } as unknown as Container;

/** The five interceptions over an engine that knows one container and one image. */
function made(change: Partial<InterceptOptions> = {}, container: Container | undefined = ours) {
  const killed: string[] = [];
  const image: Image = { entrypoint: ["entry"], cmd: ["cmd"] };
  const intercept = createIntercept({
    engine: { container: async () => container, kill: async (id) => void killed.push(id) },
    isAddress: (word) => /^(?:ip:|net:)?[\d.]+\/\d+$/.test(word),
    image: async (name) => (name === "known" ? image : undefined),
    shimFolder: "/wait",
    idleShimFolder: "/nowait",
    hostname: { label: "", match: goPattern("(.*)"), replacement: goReplacement("$1") },
    dns: { domain: "weave.local.", address: async () => "172.17.0.1" },
    noDefault: false,
    rewriteInspect: true,
    started: async () => {},
    attachment: async () => ({
      mac: "0a:00:00:00:00:01",
      addresses: [{ address: "10.32.0.5", prefixLength: 12 }],
    }),
    logger: { debug() {}, info() {}, warn() {}, error() {} },
    ...change,
  });
  const at = (method: string, target: string) => {
    const url = new URL(target, "http://d");
    return intercept({ method, path: url.pathname, query: url.searchParams });
  };
  const send = async (target: string, body: unknown) => {
    const rewritten = await at("POST", target)?.request?.(Buffer.from(JSON.stringify(body)));
    return rewritten && JSON.parse(Buffer.from(rewritten).toString());
  };
  return { at, send, killed };
}

describe("a request to create a container", () => {
  const path = "/v1.41/containers/create?name=web";

  it("gets init shim, host name, resolver", async () => {
    expect(
      await made().send(path, { Image: "known", HostConfig: { Memory: 5, Binds: ["/data:/w", "/a:/b"] } }),
    ).toEqual({
      Image: "known",
      Entrypoint: ["/w/w", "entry"],
      Cmd: ["cmd"],
      Hostname: "web",
      Domainname: "weave.local",
      Labels: {},
      HostConfig: { Memory: 5, Binds: ["/a:/b", "/wait:/w:ro"], Dns: ["172.17.0.1"], DnsSearch: ["."] },
    });
  });

  it.each([
    [{ Cmd: ["c"] }, ["/w/w", "entry"], ["c"]],
    [{ Cmd: "c" }, ["/w/w", "entry"], ["c"]],
    [{ Entrypoint: ["e"] }, ["/w/w", "e"], []],
    [{ Entrypoint: "e", Cmd: ["c"] }, ["/w/w", "e"], ["c"]],
    [{ Entrypoint: [], Cmd: ["c"] }, ["/w/w"], ["c"]],
    [{ Entrypoint: [""], Cmd: ["c"] }, ["/w/w"], ["c"]],
    [{ Entrypoint: ["/w/w", "e"] }, ["/w/w", "e"], []],
    [{ Entrypoint: null, Cmd: null }, ["/w/w", "entry"], ["cmd"]],
  ])("keeps what is to be run: %j", async (asked, entrypoint, cmd) => {
    const { Entrypoint, Cmd } = await made().send(path, { Image: "known", ...asked });
    expect({ Entrypoint, Cmd }).toEqual({ Entrypoint: entrypoint, Cmd: cmd });
  });

  it("is Docker's to judge when the image is unknown or there is no command", async () => {
    expect(await made().send(path, { Image: "unknown" })).toBeUndefined();
    expect(await made().send(path, { Image: "known", Entrypoint: [""] })).toBeUndefined();
    expect(await made().send(path, { Image: "known", HostConfig: { NetworkMode: "host" } })).toBeUndefined();
  });

  it("is refused when it is not one JSON object, because Docker might read it all the same", async () => {
    for (const body of ["{", "[]", '{"Image":"known"} trailing', ""])
      await expect(made().at("POST", path)?.request?.(Buffer.from(body))).rejects.toMatchObject({ status: 400 });
  });

  it("is seen behind a byte order mark and with a label of 12 MB", async () => {
    const request = made().at("POST", path)?.request;
    const marked = await request?.(Buffer.from(`\ufeff${JSON.stringify({ Image: "known" })}`));
    expect(JSON.parse(Buffer.from(marked!).toString()).Entrypoint[0]).toBe("/w/w");
    const label = `${"x".repeat(6_000_000)}${'"\\'.repeat(2_000_000)}`;
    const large = await request?.(Buffer.from(JSON.stringify({ Image: "known", Labels: { label } })));
    const { Entrypoint, Labels } = JSON.parse(Buffer.from(large!).toString());
    expect([Entrypoint[0], Labels.label === label]).toEqual(["/w/w", true]);
  });

  it("keeps a host name and a search list that were given, whatever the case of the keys", async () => {
    const sent = await made().send(path, {
      image: "known",
      hostname: "own",
      hostconfig: { dnssearch: ["corp"], dns: ["8.8.8.8"] },
    });
    expect(sent).toMatchObject({
      hostname: "own",
      hostconfig: { dnssearch: ["corp"], dns: ["8.8.8.8", "172.17.0.1"] },
    });
    expect(sent.Domainname).toBeUndefined();
  });

  it("searches the domain when it has no name there, and has no name when that were too long", async () => {
    const long = await made().send(`/containers/create?name=${"x".repeat(60)}`, { Image: "known" });
    expect(long.Hostname).toBeUndefined();
    const nameless = await made().send("/containers/create", { Image: "known" });
    expect(nameless.HostConfig.DnsSearch).toEqual(["weave.local."]);
  });

  it("has no resolver without DNS", async () => {
    const sent = await made({ dns: undefined }).send(path, { Image: "known" });
    expect(sent.HostConfig.Dns).toBeUndefined();
    expect(sent.Hostname).toBeUndefined();
  });

  it("is refused when fields have another shape, or WEAVE_CIDR is no address", async () => {
    await expect(made().send(path, { Image: "known", Env: 7 })).rejects.toMatchObject({
      status: 400,
      message: expect.stringMatching(/Env: expected/),
    });
    await expect(made().send(path, { Image: "known", Env: ["WEAVE_CIDR=x"] })).rejects.toMatchObject({ status: 400 });
  });
});

describe("a request to start a container", () => {
  const path = "/v1.18/containers/web/start";

  it("with a host configuration keeps ours in it; another network gets a program that does not wait", async () => {
    expect(await made().send(path, { Binds: ["/a:/b"] })).toEqual({
      Binds: ["/a:/b", "/wait:/w:ro"],
      Dns: ["172.17.0.1"],
      DnsSearch: ["."],
    });
    expect(await made().send(path, { HostConfig: { NetworkMode: "host" } })).toEqual({
      HostConfig: { NetworkMode: "host", Binds: ["/nowait:/w:ro"] },
    });
    for (const empty of [{}, null, { HostConfig: null }]) expect(await made().send(path, empty)).toBeUndefined();
  });

  it("is answered when the container is attached, or killed because it cannot be", async () => {
    const fine = made().at("POST", path);
    await fine?.request?.(Buffer.alloc(0));
    await fine?.beforeAnswer?.(204);
    const broken = made({ started: () => Promise.reject(new Error("taken")) });
    const start = broken.at("POST", "/containers/web/restart");
    await start?.request?.(Buffer.alloc(0));
    await start?.beforeAnswer?.(404);
    await expect(start?.beforeAnswer?.(204)).rejects.toMatchObject({
      status: 500,
      message: expect.stringMatching(/cannot attach.*taken/),
    });
    expect(broken.killed).toEqual([ours.id]);
  });
});

describe("other requests", () => {
  it("exec waits in our containers only", async () => {
    const path = "/containers/web/exec";
    expect(await made().send(path, { Cmd: ["ls"] })).toEqual({ Cmd: ["/w/w", "ls"] });
    expect(await made({}, { ...ours, entrypoint: ["sh"] }).send(path, { Cmd: ["ls"] })).toBeUndefined();
    expect(await made({}, { ...ours, mounts: [] }).send(path, { Cmd: ["ls"] })).toBeUndefined();
  });

  it("inspect shows the address in the network, if asked for", async () => {
    const body = Buffer.from(JSON.stringify({ Id: ours.id, NetworkSettings: { IPAddress: "172.17.0.2" } }));
    const seen = await made().at("GET", "/containers/web/json")?.answer?.(200, body);
    expect(JSON.parse(String(seen)).NetworkSettings).toEqual({
      IPAddress: "10.32.0.5",
      IPPrefixLen: 12,
      MacAddress: "0a:00:00:00:00:01",
    });
    expect(made({ rewriteInspect: false }).at("GET", "/containers/web/json")).toBeUndefined();
  });

  it.each([
    ["GET", "/containers/json"],
    ["POST", "/containers/web/stop"],
    ["POST", "/containers/web/attach"],
    ["POST", "/build"],
    ["GET", "/images/containers/json"],
  ])("%s %s passes", (method, path) => {
    expect(made().at(method, path)).toBeUndefined();
  });
});
