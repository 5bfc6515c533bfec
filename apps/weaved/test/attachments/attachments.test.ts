import { beforeEach, describe, expect, it } from "vitest";
import { createAttachments } from "../../src/attachments/attachments.ts";
import type { Attachable } from "../../src/attachments/reference.ts";
import type { DnsPort, IpamPort } from "../../src/http/ports.ts";
import type { Cidr } from "../../src/values/cidr.ts";

/** The host, the allocator, and the names, as far as attachments see them; every call is written down. */
let calls: string[];
let disk: unknown;
let alive: (path: string) => boolean;
/** Addresses that others hold. */
let taken: Set<string>;
let next: number;
let running: Map<string, Attachable>;
let attachFails: number;
let neverAnswers: boolean;

beforeEach(() => {
  [calls, disk, taken, next, attachFails, neverAnswers] = [[], undefined, new Set(), 1, 0, false];
  alive = () => true;
  running = new Map([["web", container(7)]]);
});

function container(pid: number): Attachable {
  return { id: "c".repeat(64), target: { pid }, keeper: "engine", hostname: "web.weave.local" };
}

function create(withEngine = true) {
  const held = new Map<string, string>();
  const ipam = {
    defaultSubnet: { address: "10.32.0.0", prefixLength: 12 },
    allocate: async (id: string, _: Cidr, { signal }: { signal: AbortSignal }): Promise<Cidr> => {
      if (neverAnswers)
        await new Promise((_, reject) => signal.addEventListener("abort", () => reject(new Error("cancelled"))));
      const mine = [...held].find(([address, owner]) => owner === id && !taken.has(address))?.[0];
      while (mine === undefined && taken.has(`10.32.0.${next}`)) next++;
      const address = mine ?? `10.32.0.${next++}`;
      held.set(address, id);
      return { address, prefixLength: 12 };
    },
    claim: async (id: string, { address }: Cidr) => {
      if (taken.has(address)) throw new Error(`${address} is taken`);
      held.set(address, id);
    },
    release: (id: string, address: string) => {
      calls.push(`release ${id.slice(0, 3)} ${address}`);
      held.delete(address);
    },
  } as unknown as IpamPort;
  const dns = {
    add: (name: string, _: string, address: string) => calls.push(`name ${name} ${address}`),
    remove: ({ address }: { address: string }) => calls.push(`unname ${address}`),
  } as unknown as DnsPort;
  const find = async (reference: string) =>
    running.get(reference) ?? [...running.values()].find(({ id }) => id === reference);
  return createAttachments({
    links: {
      attach: async ({ id, target, addresses }) => {
        calls.push(`plug ${id.slice(0, 3)} ${JSON.stringify(target)} ${addresses.join(" ")}`);
        if (attachFails-- > 0) throw new Error("the kernel is busy");
      },
      detach: async ({ id }) => void calls.push(`unplug ${id.slice(0, 3)}`),
    },
    ...{ bridge: "weave", mtu: 1376, ipam, dns, vpc: false },
    find: withEngine ? find : undefined,
    isAlive: (target) => alive("path" in target ? target.path : JSON.stringify(target)),
    store: { load: async () => disk, save: async (_, value) => keep(value) },
    logger: { debug() {}, info() {}, warn() {}, error() {} },
  });
}

function keep(value: unknown): void {
  disk = structuredClone(value);
}

const request = { container: "web", addresses: [], dns: true, rewriteHosts: false, multicastRoute: true };
const id = container(7).id;

describe("a container", () => {
  it("is named before it is plugged in, so that who waits for the interface finds everything in place", async () => {
    expect(await create().attach(request)).toEqual([{ address: "10.32.0.1", prefixLength: 12 }]);
    expect(calls).toEqual(["name web.weave.local 10.32.0.1", 'plug ccc {"pid":7} 10.32.0.1/12']);
  });

  it("that ended gets its address again when it returns, in its new process", async () => {
    const attachments = create();
    await attachments.attach(request);
    await attachments.ended(id);
    expect(attachments.count).toBe(0);
    calls = [];
    await attachments.returned(container(8));
    expect(calls).toEqual(["name web.weave.local 10.32.0.1", 'plug ccc {"pid":8} 10.32.0.1/12']);
    expect(attachments.count).toBe(1);
  });

  it("gets another address of the subnet when somebody else has its own by then", async () => {
    const attachments = create();
    await attachments.attach({ ...request, addresses: ["ip:10.32.0.9/12"] });
    await attachments.ended(id);
    taken.add("10.32.0.9");
    await attachments.returned(container(8));
    expect((await attachments.list([])).map((row) => row.addresses)).toEqual([
      [{ address: "10.32.0.1", prefixLength: 12 }],
    ]);
  });

  it("is forgotten when it is removed: a new one of that id starts afresh", async () => {
    const attachments = create();
    await attachments.attach(request);
    await attachments.ended(id);
    await attachments.removed(id);
    calls = [];
    await attachments.returned(container(8));
    expect(calls).toEqual([]);
  });

  it("whose end comes while it waits for an address does not wait any longer", async () => {
    const attachments = create();
    neverAnswers = true;
    const attaching = attachments.attach(request);
    await new Promise(setImmediate);
    await attachments.ended(id);
    await expect(attaching).rejects.toThrow("cancelled");
    expect(attachments.count).toBe(0);
  });

  it("is tried twice, and its address given back when it cannot be plugged in", async () => {
    const attachments = create();
    attachFails = 1;
    await attachments.attach(request);
    await attachments.detach("web", []);
    calls = [];
    attachFails = 2;
    await expect(attachments.attach(request)).rejects.toThrow("the kernel is busy");
    expect(calls.slice(-2)).toEqual(["unname 10.32.0.2", "release ccc 10.32.0.2"]);
    expect(attachments.count).toBe(0);
  });
});

describe("after a restart of the daemon", () => {
  it("containers wait for the engine's word; namespaces are looked at; what a runtime made is kept until it is unmade", async () => {
    const before = create();
    await before.attach(request);
    await before.attach({ ...request, container: "ns:blue" });
    await before.attach({ ...request, container: "ns:gone" });
    await before.attach({ ...request, container: "path:/run/netns/cni", id: "pod", ifname: "eth0" });
    alive = (path) => path.includes("blue");
    calls = [];
    const after = create();
    await after.restore();
    expect(calls).toEqual(['plug ns: {"name":"blue"} 10.32.0.2/12', "unname 10.32.0.3", "release ns: 10.32.0.3"]);
    expect(after.ofEngine()).toEqual([id]);
    expect((await after.list([])).map((row) => row.id)).toEqual([id, "ns:blue", "pod"]);
    alive = () => false;
    await after.sweep();
    expect((await after.list([])).map((row) => row.id)).toEqual([id, "pod"]);
    expect(await after.detach("pod", [])).toHaveLength(1);
  });

  it("without an engine to ask, containers are looked at like namespaces", async () => {
    await create().attach(request);
    calls = [];
    await create(false).restore();
    expect(calls).toEqual(["name web.weave.local 10.32.0.1", 'plug ccc {"pid":7} 10.32.0.1/12']);
  });
});
