import { execFile } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import {
  createLab,
  type Daemon,
  type Lab,
  type LabContainer,
  type LabHost,
  type LabOptions,
  waitFor,
} from "@weaved/netlab";
import { runProgram } from "../../../src/cli/program.ts";
import { type Answer, createClient, type RequestOptions } from "../../../src/client/client.ts";

/** Which program runs on a host: ours as built, or the original from the folder in `WEAVED_ORIGINAL`. */
export type Kind = "weaved" | "original";

/** The original's folder; tests with it skip when there is none. */
export const originalFolder: string | undefined = process.env.WEAVED_ORIGINAL;
export const whyNoOriginal: string | undefined =
  originalFolder === undefined ? "WEAVED_ORIGINAL does not name a folder with the original's programs" : undefined;

const run = promisify(execFile);
const weaved = fileURLToPath(new URL("../../../bin/weaved", import.meta.url));

/** The range every test allocates from, unless it says otherwise. */
export const range = "10.32.0.0/16";

export interface StartOptions {
  readonly kind?: Kind;
  /** Hosts to connect to, by name. */
  readonly peers?: readonly string[];
  /** Flags over and above {@link commonFlags}; a flag given here replaces the common one. */
  readonly flags?: readonly string[];
}

/** A lab host with its daemon. */
export interface Node {
  readonly name: string;
  readonly peerName: string;
  readonly host: LabHost;
  readonly kind: Kind;
  readonly daemon: Daemon;
  /** Starts the daemon; with what it was started with last unless told otherwise. Resolves when it answers. */
  start(options?: StartOptions): Promise<void>;
  /** SIGTERM and wait. */
  stop(): Promise<void>;
  /** SIGKILL and wait. */
  crash(): Promise<void>;
  /** Everything all daemons of this host logged. */
  log(): string;
  send(method: string, path: string, options?: RequestOptions): Promise<Answer>;
  /** As `send`, for the body of a 2xx answer; anything else throws. */
  call(method: string, path: string, options?: RequestOptions): Promise<string>;
  /** `GET /status/...`. */
  status(part?: string): Promise<string>;
  /** The full report. */
  // biome-ignore lint/suspicious/noExplicitAny: tests read single fields of a document both programs write.
  report(): Promise<any>;
  /** An address with prefix from the daemon, for a container id. */
  allocate(id: string, subnet?: string, timeoutMs?: number): Promise<string>;
  /** Plugs a container of the lab into the bridge with an address, allocated unless given; returns it without prefix. */
  attach(container: string, cidr?: string): Promise<string>;
  /** Attaches and names a container. */
  run(container: string, name: string): Promise<string>;
  container(name: string): LabContainer;
  /** Runs `weave ...` as an operator of this host would; what it printed. Fails with what it complained of. */
  weave(...argv: string[]): Promise<string>;
  /** As `weave`, for verbs that are to fail: the exit code with both outputs. */
  tryWeave(...argv: string[]): Promise<{ readonly code: number; readonly out: string; readonly err: string }>;
  /** How `weave` names a container of the lab. */
  reference(container: string): string;
  /** What the daemon's DNS server answers, sorted; `[]` for none. */
  resolve(name: string, ...dig: string[]): Promise<string[]>;
}

/** Hosts with daemons on one switch. Close it when done. */
export interface Cluster extends AsyncDisposable {
  readonly lab: Lab;
  readonly nodes: readonly Node[];
  node(name: string): Node;
  /** The end of every daemon's log, for a failure. */
  logs(): string;
  /** Waits until every named node (all of them, unless named) sees so many established links. */
  linked(links: number, names?: readonly string[], deadlineMs?: number): Promise<void>;
  close(): Promise<void>;
}

function commonFlags(
  node: { readonly host: LabHost; readonly peerName: string; readonly name: string },
  kind: Kind,
): string[] {
  return [
    `--name=${node.peerName}`,
    `--nickname=${node.name}`,
    "--docker-api=",
    `--http-addr=${join(node.host.dir, "control")}`,
    `--db-prefix=${join(node.host.dir, "weave")}`,
    `--ipalloc-range=${range}`,
    "--dns-listen-address=0.0.0.0:53",
    // The original's own fast path needs a kernel module that labs lack.
    ...(kind === "original" ? ["--no-fastdp"] : []),
  ];
}

function merge(common: readonly string[], own: readonly string[]): string[] {
  const given = new Set(own.map((flag) => flag.split("=")[0]));
  return [...common.filter((flag) => !given.has(flag.split("=")[0])), ...own];
}

function argv(kind: Kind, flags: readonly string[], dir: string): [string, string[]] {
  if (kind === "weaved") return [process.execPath, [weaved, ...flags]];
  // Its start-up looks for other instances by pid, and for its last run by a file in its folder: it must not see other hosts'.
  const own = [
    `--wd=${dir}`,
    "--pid",
    "--fork",
    "--mount-proc",
    "--kill-child",
    join(originalFolder as string, "weaver"),
  ];
  return ["unshare", [...own, ...flags]];
}

function createNode(host: LabHost, number: number, lab: () => Lab): Node {
  const name = host.name;
  const peerName = `00:00:00:00:00:${number.toString(16).padStart(2, "0")}`;
  const client = createClient({ socketPath: join(host.dir, "control") });
  const daemons: Daemon[] = [];
  let last: StartOptions = {};
  let cables = 0;
  const current = () => daemons.at(-1) as Daemon;

  async function start(options: StartOptions): Promise<void> {
    last = { ...last, ...options };
    const kind = last.kind ?? "weaved";
    const peers = (last.peers ?? []).map((peer) => lab().host(peer).address);
    const flags = merge(commonFlags({ host, peerName, name }, kind), last.flags ?? []);
    const [command, args] = argv(kind, [...flags, ...peers], host.dir);
    const daemon = await host.spawn(command, args, { name: kind });
    daemons.push(daemon);
    await waitFor(
      `${name} answers`,
      async () => {
        if (daemon.code !== undefined)
          throw new Error(`${name} ended with ${daemon.code}:\n${daemon.log().slice(-2000)}`);
        return client.send("GET", "/status").then(
          ({ status }) => status === 200,
          () => false,
        );
      },
      30_000,
    );
  }

  /** A cable from the bridge to the container, as the attach command would lay it. */
  async function plug(container: LabContainer, cidr: string): Promise<void> {
    const port = `vethwepl${++cables}`;
    const mtu = (await host.must("cat", ["/sys/class/net/weave/mtu"])).trim();
    const inHost = ["-n", host.netns, "link"];
    const far = ["peer", "name", "ethwe", "netns", container.netns];
    await run("ip", [...inHost, "add", port, "type", "veth", ...far]);
    await run("ip", [...inHost, "set", port, "mtu", mtu, "master", "weave", "up"]);
    await container.must("ip", ["link", "set", "ethwe", "mtu", mtu, "up"]);
    await container.must("ip", ["addr", "add", cidr, "dev", "ethwe"]);
    // The original reads frames with wrong checksums from the bridge otherwise.
    if (last.kind === "original") await container.exec("ethtool", ["-K", "ethwe", "tx", "off"]);
    await container.exec("arping", ["-U", "-c", "1", "-I", "ethwe", cidr.split("/")[0] as string]);
  }

  async function tryWeave(...words: string[]): Promise<{ code: number; out: string; err: string }> {
    let out = "";
    let err = "";
    const env = { WEAVE_HTTP_ADDR: join(host.dir, "control") };
    const write = (text: string) => {
      out += text;
    };
    const writeError = (text: string) => {
      err += text;
    };
    return { code: await runProgram(words, { env, write, writeError }), out, err };
  }

  const node: Node = {
    name,
    peerName,
    host,
    get kind() {
      return last.kind ?? "weaved";
    },
    get daemon() {
      return current();
    },
    start: (options = {}) => start(options),
    async stop() {
      await current().stop(10_000);
    },
    async crash() {
      current().kill("SIGKILL");
      await current().exited;
    },
    log: () => daemons.map((daemon) => daemon.log()).join(""),
    send: (method, path, options) => client.send(method, path, options),
    call: (method, path, options) => client.call(method, path, options),
    status: (part = "") => client.call("GET", part === "" ? "/status" : `/status/${part}`),
    report: async () => JSON.parse(await client.call("GET", "/report", { accept: "application/json" })),
    async allocate(id, subnet, timeoutMs = 20_000) {
      const path = subnet === undefined ? `/ip/${id}` : `/ip/${id}/${subnet}`;
      const late = new Promise<never>((_, reject) =>
        setTimeout(() => reject(new Error(`${name}: no address for ${id} within ${timeoutMs} ms`)), timeoutMs).unref(),
      );
      return Promise.race([client.call("POST", path), late]);
    },
    async attach(container, cidr) {
      const own = cidr ?? (await node.allocate(`${container}-${name}`));
      await plug(host.container(container), own);
      return own.split("/")[0] as string;
    },
    async run(container, dnsName) {
      const address = await node.attach(container);
      await node.call("PUT", `/name/${container}-${name}/${address}`, { form: [["fqdn", `${dnsName}.weave.local`]] });
      return address;
    },
    container: (one) => host.container(one),
    reference: (one) => `pid:${host.container(one).pid}`,
    tryWeave,
    async weave(...words) {
      const { code, out, err } = await tryWeave(...words);
      if (code !== 0) throw new Error(`weave ${words.join(" ")} on ${name}: ${code}: ${err}`);
      return out;
    },
    async resolve(question, ...dig) {
      const { stdout } = await host.exec("dig", ["+short", "+time=2", "+tries=1", "@127.0.0.1", ...dig, question]);
      return stdout
        .split("\n")
        .filter((line) => line !== "" && !line.startsWith(";"))
        .sort();
    },
  };
  return node;
}

/** Builds the lab; daemons are started by {@link startCluster} or one by one by `node.start`. */
export async function createCluster(
  names: readonly string[],
  containers = 1,
  options: Partial<LabOptions> = {},
): Promise<Cluster> {
  const hosts = Object.fromEntries(names.map((name) => [name, { containers }]));
  const lab = await createLab({ name: "e2e", hosts, ...options });
  const nodes = [...lab.hosts.values()].map((host, index) => createNode(host, index + 1, () => lab));
  const node = (name: string) => nodes.find((one) => one.name === name) as Node;
  return {
    lab,
    nodes,
    node,
    logs: () => nodes.map((one) => `--- ${one.name}\n${one.log().slice(-3000)}`).join("\n"),
    async linked(links, only = names, deadlineMs = 20_000) {
      for (const name of only) {
        await waitFor(
          `${name} has ${links} established links`,
          async () => (await establishedOf(node(name))) >= links,
          deadlineMs,
          100,
        );
      }
    },
    close: () => lab.close(),
    [Symbol.asyncDispose]: () => lab.close(),
  };
}

/** Established links of a node. */
export async function establishedOf(node: Node): Promise<number> {
  return (await node.status("connections")).split("\n").filter((line) => line.includes(" established ")).length;
}

/** What {@link startCluster} builds. */
export interface ClusterOptions {
  readonly hosts: readonly string[];
  /** For every daemon. */
  readonly all?: StartOptions;
  /** Per host, on top of those for all. */
  readonly each?: Readonly<Record<string, StartOptions>>;
  /** Hosts whose daemons are started, each told of the first host. @defaultValue all */
  readonly start?: readonly string[];
  /** Containers per host: c1, c2, ... @defaultValue 1 */
  readonly containers?: number;
  readonly lab?: Partial<LabOptions>;
}

/** A cluster whose daemons run. */
export async function startCluster({
  hosts,
  all,
  each = {},
  start = hosts,
  containers,
  lab,
}: ClusterOptions): Promise<Cluster> {
  const cluster = await createCluster(hosts, containers, lab);
  try {
    const peers = (name: string) => (name === hosts[0] ? [] : [hosts[0] as string]);
    await Promise.all(start.map((name) => cluster.node(name).start({ peers: peers(name), ...all, ...each[name] })));
    return cluster;
  } catch (error) {
    console.error(cluster.logs());
    await cluster.close();
    throw error;
  }
}
