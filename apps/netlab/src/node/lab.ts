import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { NetlabError } from "../errors.ts";
import { type NamespacePlan, netnsNames, planLab } from "../plan.ts";
import { type HostPlan, type LabOptions, planTopology, resolverFile, type Topology } from "../topology.ts";
import { createFaults, type Faults } from "./control.ts";
import { type DockerEngine, type DockerOptions, startDocker } from "./docker.ts";
import { startHolder } from "./holder.ts";
import { createPlace, type Place } from "./place.ts";
import { destroy, type LabRecord, labDir, register, runtimeDir, saveRecord, sweep } from "./registry.ts";
import { must, run, waitFor } from "./run.ts";
import { whyNotHere } from "./tools.ts";

/** A container of a lab: a network namespace with a process, of which `pid` is the pid. */
export interface LabContainer extends Place {
  /** Kills the container's process with everything it runs and removes its namespace, as `docker rm -f` would. */
  kill(): Promise<void>;
}

/** A host of a lab. */
export interface LabHost extends Place {
  readonly containers: ReadonlyMap<string, LabContainer>;
  /** The router between host and switch, for hosts with `nat`. */
  readonly nat: Place | undefined;
  /** A container by name. @throws NetlabError `TOPOLOGY_INVALID` */
  container(name: string): LabContainer;
  /** Starts a Docker engine; needs `docker: true` in the topology. */
  startDocker(options?: DockerOptions): Promise<DockerEngine>;
  /** Replaces `/etc/resolv.conf` of the host; programs that run already see the new text. */
  setResolver(text: string): void;
}

/** Many hosts on one machine. Close it, or let the process end: nothing is left. */
export interface Lab extends AsyncDisposable {
  readonly id: string;
  readonly topology: Topology;
  /** Milliseconds from the call of `createLab` until everything was up. */
  readonly upMs: number;
  readonly hosts: ReadonlyMap<string, LabHost>;
  /** The namespace with all switches and the router between them; kernel routes between regions live here. */
  readonly switches: Place;
  readonly faults: Faults;
  /** A folder of the lab on disk, removed with it. */
  readonly dir: string;
  /** A host by name. @throws NetlabError `TOPOLOGY_INVALID` */
  host(name: string): LabHost;
  /** Removes processes, namespaces, devices, files. Idempotent. */
  close(): Promise<void>;
}

/** Labs of this process that are up. Bounded by: open labs. */
const open = new Map<string, LabRecord>();
const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

function destroyAll(): void {
  for (const record of open.values()) destroy(record);
  open.clear();
}

/** Clears away, then dies of the signal as if we had not been there, unless somebody else handles it too. */
function onSignal(signal: NodeJS.Signals): void {
  destroyAll();
  unwatch();
  if (process.listenerCount(signal) === 0) process.kill(process.pid, signal);
}

function watch(): void {
  if (open.size > 0) return;
  process.on("exit", destroyAll);
  for (const signal of signals) process.on(signal, onSignal);
}

function unwatch(): void {
  if (open.size > 0) return;
  process.off("exit", destroyAll);
  for (const signal of signals) process.off(signal, onSignal);
}

function allNetns(id: string, topology: Topology): string[] {
  const plan = planLab(id, topology);
  return [plan.switches, ...plan.nats, ...plan.hosts, ...plan.containers].map((one) => one.netns);
}

function hostsFile(topology: Topology, self: string): string {
  const lines = topology.hosts.map((host) => `${host.nat?.hostAddress ?? host.nics[0]?.address} ${host.name}`);
  const others = lines.filter((line) => !line.endsWith(` ${self}`));
  const own = lines.find((line) => line.endsWith(` ${self}`));
  return ["127.0.0.1 localhost", ...(own ? [own] : []), ...others, ""].join("\n");
}

/** Runs tasks a few at a time: namespaces cost the kernel's one lock, more at once gains nothing. */
async function inParallel<T, R>(items: readonly T[], width: number, task: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = new Array(items.length);
  let next = 0;
  const worker = async () => {
    for (let index = next++; index < items.length; index = next++) results[index] = await task(items[index] as T);
  };
  await Promise.all(Array.from({ length: width }, worker));
  return results;
}

class Builder {
  readonly record: LabRecord;
  readonly topology: Topology;
  readonly logDir: string;

  constructor(record: LabRecord, topology: Topology, logDir: string | undefined) {
    this.record = record;
    this.topology = topology;
    this.logDir = logDir ?? join(labDir(record.id), "logs");
    mkdirSync(this.logDir, { recursive: true });
  }

  /** Starts what holds one namespace; resolves when its network is in order. */
  async place(plan: NamespacePlan, name: string, addresses: readonly string[], host?: HostPlan): Promise<Place> {
    const dir = join(labDir(this.record.id), "places", name.replace("/", "."));
    const pidNamespace = host?.pidNamespace === true && name === host.name;
    const pid = await startHolder({
      labId: this.record.id,
      plan,
      dir,
      hostname: name.replace("/", "-"),
      resolver: host?.resolver ?? resolverFile(),
      hosts: hostsFile(this.topology, host?.name ?? ""),
      pidNamespace,
      runtimeDir: runtimeDir(),
    });
    return createPlace({
      labId: this.record.id,
      name,
      addresses,
      netns: plan.netns,
      pid,
      pidNamespace,
      dir,
      logDir: this.logDir,
    });
  }

  async build(startedAt: number): Promise<Lab> {
    const { id } = this.record;
    const plan = planLab(id, this.topology);
    const names = allNetns(id, this.topology);
    await must("ip", ["-batch", "-"], { input: names.map((name) => `netns add ${name}\n`).join("") });
    const switches = await this.place(
      plan.switches,
      "switches",
      this.topology.switches.map((plug) => plug.gateway),
    );
    const nats = new Map<string, Place>();
    await inParallel(plan.nats, 4, async (one) => {
      const host = this.topology.hosts.find((host) => netnsNames.nat(id, host.name) === one.netns) as HostPlan;
      nats.set(host.name, await this.place(one, `${host.name}/nat-router`, [host.nics[0]?.address ?? ""]));
    });
    const hosts = await inParallel(this.topology.hosts, 4, (host) =>
      this.host(plan.hosts, plan.containers, host, nats),
    );
    return this.lab(switches, new Map(hosts.map((host) => [host.name, host])), startedAt);
  }

  async host(
    plans: readonly NamespacePlan[],
    all: readonly NamespacePlan[],
    host: HostPlan,
    nats: Map<string, Place>,
  ): Promise<LabHost> {
    const { id } = this.record;
    const find = (list: readonly NamespacePlan[], netns: string) =>
      list.find((one) => one.netns === netns) as NamespacePlan;
    const addresses = host.nat ? [host.nat.hostAddress] : host.nics.map((nic) => nic.address);
    const place = await this.place(find(plans, netnsNames.host(id, host.name)), host.name, addresses, host);
    const containers = await inParallel(host.containers, 2, async (one): Promise<[string, LabContainer]> => {
      const own = one.address === undefined ? [] : [one.address];
      const netns = netnsNames.container(id, host.name, one.name);
      return [one.name, withKill(await this.place(find(all, netns), `${host.name}/${one.name}`, own, host))];
    });
    return makeHost(place, host, new Map(containers), nats.get(host.name), this.record);
  }

  lab(switches: Place, hosts: Map<string, LabHost>, startedAt: number): Lab {
    const { id } = this.record;
    const places = [...hosts.values()].flatMap((host) => [host, ...host.containers.values()]);
    const pids = Object.fromEntries([switches, ...places].map((place) => [place.name, place.pid]));
    saveRecord({ ...this.record, places: pids, ready: true });
    const host = (name: string): LabHost => {
      const found = hosts.get(name);
      if (found === undefined) throw new NetlabError("TOPOLOGY_INVALID", `lab ${id} has no host "${name}"`);
      return found;
    };
    const close = async () => {
      if (!open.has(id)) return;
      destroy(this.record);
      open.delete(id);
      unwatch();
    };
    return {
      id,
      topology: this.topology,
      upMs: performance.now() - startedAt,
      hosts,
      switches,
      faults: createFaults(this.topology, switches, (name) => host(name).nat ?? host(name)),
      dir: labDir(id),
      host,
      close,
      [Symbol.asyncDispose]: close,
    };
  }
}

function withKill(place: Place): LabContainer {
  const kill = async () => {
    const pids = (await run("ip", ["netns", "pids", place.netns])).stdout.split("\n").filter(Boolean);
    await run("kill", ["-9", ...pids]);
    const alive = async () => (await run("ip", ["netns", "pids", place.netns])).stdout !== "";
    await waitFor(`${place.name} is gone`, async () => !(await alive()), 5000);
    await run("ip", ["netns", "del", place.netns]);
  };
  return { ...place, kill };
}

function makeHost(
  place: Place,
  plan: HostPlan,
  containers: Map<string, LabContainer>,
  nat: Place | undefined,
  record: LabRecord,
): LabHost {
  return {
    ...place,
    containers,
    nat,
    container(name) {
      const found = containers.get(name);
      if (found === undefined)
        throw new NetlabError("TOPOLOGY_INVALID", `host ${place.name} has no container "${name}"`);
      return found;
    },
    startDocker(options = {}) {
      if (!plan.docker)
        throw new NetlabError("TOPOLOGY_INVALID", `host ${place.name} is not declared with docker: true`);
      return startDocker(place, record.id, options);
    },
    // Written in place: the file is bind-mounted, a rename would not be seen.
    setResolver: (text) => void place.writeFile("resolv.conf", text),
  };
}

/**
 * Builds a lab. Labs that a killed process left behind are removed first.
 * @throws NetlabError `TOPOLOGY_INVALID`, `UNSUPPORTED` (saying what is missing), `COMMAND_FAILED`; nothing is left of a lab that failed
 */
export async function createLab(options: LabOptions): Promise<Lab> {
  const startedAt = performance.now();
  const topology = planTopology(options);
  const missing = whyNotHere(topology.hosts.some((host) => host.docker) ? ["docker"] : []);
  if (missing !== undefined) throw new NetlabError("UNSUPPORTED", missing);
  sweep();
  const record = register(topology, (id) => allNetns(id, topology));
  watch();
  open.set(record.id, record);
  try {
    return await new Builder(record, topology, options.logDir).build(startedAt);
  } catch (error) {
    destroy(record);
    open.delete(record.id);
    unwatch();
    throw error;
  }
}
