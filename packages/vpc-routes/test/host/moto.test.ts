import { DeleteNetworkInterfaceCommand } from "@aws-sdk/client-ec2";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  createEc2Port,
  type Reconciler,
  type ReconcilerOptions,
  type SdkEc2,
  startReconciler,
} from "../../src/node/index.ts";
import type { OwnedRange, Route } from "../../src/ports.ts";
import { type Moto, startMoto, whyNoMoto } from "./support/moto.ts";
import { type StrictProxy, startStrictProxy } from "./support/strict-proxy.ts";
import { credentials, expected, makeVpc, owned, region, seeded, type TestVpc } from "./support/vpc.ts";

const WITHIN = ["10.32.0.0/12"];
const reason = await whyNoMoto();

describe("against moto's EC2 server", () => {
  let moto: Moto;
  let direct: SdkEc2;
  let proxy: StrictProxy;
  let vpc: TestVpc;
  const open: { close(): unknown }[] = [];

  beforeAll(async () => {
    if (reason !== undefined) return;
    moto = await startMoto();
    direct = await createEc2Port({ region, endpoint: moto.endpoint, credentials });
    proxy = await startStrictProxy(moto.endpoint, direct, () => vpc.vpc);
  });
  beforeEach(async ({ skip }) => {
    if (reason !== undefined) return skip(reason);
    vpc = await makeVpc(moto.endpoint);
    proxy.limit = 500;
    proxy.blackholes = false;
    proxy.inject = () => undefined;
    return async () => {
      for (const one of open.splice(0)) await one.close();
      vpc.client.destroy();
    };
  });
  afterAll(async () => {
    await proxy?.close();
    direct?.close();
    await moto?.close();
  });

  interface Host {
    readonly peer: number;
    readonly eni: string;
    readonly ec2: SdkEc2;
    readonly reconciler: Reconciler;
    readonly options: Parameters<typeof startReconciler>[0];
  }

  /** A host with its own SDK client, as on its own machine; time between passes is the test's to choose. */
  const addHost = async (peer: number, options: Partial<ReconcilerOptions> = {}): Promise<Host> => {
    const { eni, subnet } = await vpc.addHost(peer % 3);
    const ec2 = await createEc2Port({ region, endpoint: proxy.endpoint, credentials });
    const self = { peer, eni, subnet, vpc: vpc.vpc };
    const pace = { perSecond: 1000, burst: 1000, firstBackoffMs: 5, maxBackoffMs: 50, tries: 20 };
    const never = 3_600_000;
    const times = { idleMs: never, settleMs: never, debounceMs: never };
    const all = { ec2, self, within: WITHIN, pace, ...times, ...options };
    const reconciler = startReconciler(all);
    open.push(reconciler, ec2);
    return { peer, eni, ec2, reconciler, options: all };
  };
  /** A new process on the same host: it knows nothing but what the tables say. */
  const restart = (host: Host): Host => {
    const reconciler = startReconciler(host.options);
    open.push(reconciler);
    return { ...host, reconciler };
  };
  const addHosts = async (n: number, options?: Partial<ReconcilerOptions>) => {
    const hosts: Host[] = [];
    for (let peer = 1; peer <= n; peer++) hosts.push(await addHost(peer, options));
    return hosts;
  };
  /** Every host at once, until a round changes nothing. */
  const settle = async (hosts: readonly Host[], ranges: readonly OwnedRange[], alive = hosts) => {
    for (let round = 0; ; round++) {
      const update = { ranges, alive: new Set(alive.map((host) => host.peer)) };
      for (const host of hosts) host.reconciler.update(update);
      const all = await Promise.all(hosts.map((host) => host.reconciler.reconcile()));
      if (all.every((status) => !status.unsettled)) return all;
      if (round > 12) throw new Error("the tables do not come to rest");
    }
  };
  /** Routes inside the container network, by table; those of the stranger left out. */
  const tables = async () => {
    const ours = (route: Route) => route.eni !== undefined && route.eni !== vpc.stranger;
    const all = await direct.describeRouteTables(vpc.vpc);
    return all.map(({ routes }) => Object.fromEntries(routes.filter(ours).map((r) => [r.destination, r.eni])));
  };
  const expectTables = async (wanted: Record<string, string | undefined>) => {
    expect(await tables()).toEqual([wanted, wanted, wanted]);
    for (const { routes } of await direct.describeRouteTables(vpc.vpc)) {
      expect(routes).toContainEqual(expect.objectContaining({ destination: "0.0.0.0/0", gateway: vpc.gateway }));
      expect(routes).toContainEqual(expect.objectContaining({ destination: "10.47.255.0/24", eni: vpc.stranger }));
      expect(routes).toContainEqual(expect.objectContaining({ destination: "192.168.0.0/16", eni: vpc.stranger }));
      expect(routes).toContainEqual(expect.objectContaining({ destination: "172.31.0.0/16", gateway: "local" }));
    }
  };

  it.each([2, 10])(
    "keeps every table equal to the ring, with %i reconcilers at once, through moves",
    async (n) => {
      const hosts = await addHosts(n);
      const enis = hosts.map((host) => host.eni);
      const first = owned("10.32.0.0", 256, ...hosts.map((host) => host.peer));
      await settle(hosts, first);
      await expectTables(Object.fromEntries(enis.map((eni, i) => [`10.32.${i}.0/24`, eni])));
      // Everything changes hands, and half of it is cut into two.
      const moved = owned(
        "10.32.0.0",
        128,
        ...hosts.flatMap((_, i) => [((i + 1) % n) + 1, ((i + (n > 2 ? 2 : 1)) % n) + 1]),
      );
      const status = await settle(hosts, moved);
      const wanted: Record<string, string | undefined> = {};
      for (let i = 0; i < n; i++) {
        const [a, b] = [(i + 1) % n, (i + (n > 2 ? 2 : 1)) % n];
        if (a === b) wanted[`10.32.${i}.0/24`] = enis[a];
        else Object.assign(wanted, { [`10.32.${i}.0/25`]: enis[a], [`10.32.${i}.128/25`]: enis[b] });
      }
      // With ten peers, the last half block of one and the first of the next belong together nowhere: no merging across.
      await expectTables(wanted);
      expect(status[0]?.overlay).toEqual([]);
    },
    120_000,
  );

  it("repairs drift, makes no call but the one read when there is none", async () => {
    const hosts = await addHosts(2);
    const ranges = owned("10.32.0.0", 256, 1, 2);
    await settle(hosts, ranges);
    const [host] = hosts as [Host];
    const before = { ...host.ec2.calls };
    await host.reconciler.reconcile();
    expect(host.ec2.calls).toEqual({ ...before, DescribeRouteTables: (before.DescribeRouteTables ?? 0) + 1 });
    await direct.deleteRoute(vpc.main, "10.32.0.0/24");
    await direct.replaceRoute(vpc.tables[0] as string, "10.32.1.0/24", host.eni);
    await settle(hosts, ranges);
    await expectTables({ "10.32.0.0/24": host.eni, "10.32.1.0/24": hosts[1]?.eni });
  });

  it("backs off when throttled, and still gets there", async () => {
    let n = 0;
    proxy.inject = () => (n++ % 3 === 0 ? "RequestLimitExceeded" : undefined);
    const hosts = await addHosts(3);
    const status = await settle(hosts, owned("10.32.0.0", 256, 1, 2, 3));
    await expectTables(Object.fromEntries(hosts.map((host, i) => [`10.32.${i}.0/24`, host.eni])));
    expect(status.reduce((sum, one) => sum + one.throttled, 0)).toBeGreaterThan(5);
  });

  it("names the missing permission, changes nothing, and goes on once it is granted", async () => {
    const [host] = (await addHosts(1)) as [Host];
    proxy.inject = (action) => (action === "CreateRoute" ? "UnauthorizedOperation" : undefined);
    host.reconciler.update({ ranges: owned("10.32.0.0", 256, 1) });
    await expect(host.reconciler.reconcile()).rejects.toMatchObject({ code: "PERMISSION_MISSING" });
    const { error } = host.reconciler.status();
    expect(error?.message).toContain("ec2:CreateRoute");
    const allowed = error?.policy?.Statement.find((one) => one.Action.includes("ec2:CreateRoute"));
    expect(allowed?.Resource).toEqual(vpc.tables.map((id) => `arn:aws:ec2:*:*:route-table/${id}`));
    await expectTables({});
    proxy.inject = () => undefined;
    await settle([host], owned("10.32.0.0", 256, 1));
    await expectTables({ "10.32.0.0/24": host.eni });
  });

  it("survives a crash between creating and deleting", async () => {
    const [host] = (await addHosts(1)) as [Host];
    await settle([host], owned("10.32.0.0", 512, 1));
    proxy.inject = (action) => (action === "DeleteRoute" ? "UnauthorizedOperation" : undefined);
    host.reconciler.update({ ranges: owned("10.32.0.0", 256, 1) });
    await expect(host.reconciler.reconcile()).rejects.toThrow("DeleteRoute");
    expect((await tables()).some((table) => "10.32.0.0/23" in table && "10.32.0.0/24" in table)).toBe(true);
    await host.reconciler.close();
    proxy.inject = () => undefined;
    await settle([restart(host)], owned("10.32.0.0", 256, 1));
    await expectTables({ "10.32.0.0/24": host.eni });
  });

  it("ends equal to the ring after a storm: ten hosts, moves, crashes, throttling, lost permissions at random", async () => {
    const random = seeded(20);
    const hosts = await addHosts(10);
    proxy.inject = (action) => {
      if (random() < 0.1) return "RequestLimitExceeded";
      return /Route$/.test(action) && random() < 0.1 ? "UnauthorizedOperation" : undefined;
    };
    let ranges: OwnedRange[] = [];
    for (let round = 0; round < 6; round++) {
      const owners = Array.from({ length: 16 }, () => 1 + Math.floor(random() * 10));
      ranges = owned("10.32.0.0", 128, ...owners);
      for (const host of hosts) host.reconciler.update({ ranges });
      // A pass may end anywhere: with a refused call, or because its host restarts.
      const passes = hosts.map((host) => host.reconciler.reconcile().catch(() => undefined));
      const crashed = Math.floor(random() * 10);
      const host = hosts[crashed] as Host;
      await host.reconciler.close();
      hosts[crashed] = restart(host);
      await Promise.all(passes);
    }
    proxy.inject = () => undefined;
    await settle(hosts, ranges);
    await expectTables(expected(hosts, ranges));
  }, 120_000);

  it("takes over from a dead host, sweeps what nobody owns after two sightings with proof, leaves a stopped one alone", async () => {
    const hosts = await addHosts(3);
    const [a, b, c] = hosts as [Host, Host, Host];
    proxy.blackholes = true;
    await settle(hosts, owned("10.32.0.0", 256, 1, 2, 3));
    await vpc.client.send(new DeleteNetworkInterfaceCommand({ NetworkInterfaceId: c.eni }));
    await c.reconciler.close();
    // Peer 3's range is not owned any more; peer 2 is only out of reach: its interface exists.
    const update = { ranges: owned("10.32.0.0", 256, 1, 2), alive: new Set([1]) };
    a.reconciler.update(update);
    const first = await a.reconciler.reconcile();
    expect(first.swept).toEqual([]);
    for (let i = 0; i < 4; i++) await a.reconciler.reconcile();
    await expectTables({ "10.32.0.0/24": a.eni, "10.32.1.0/24": b.eni });
    expect(a.reconciler.status().members).toBe(2);
    // The ring gives the dead host's range to peer 1.
    await settle([a, b], owned("10.32.0.0", 256, 1, 2, 1));
    await expectTables({ "10.32.0.0/24": a.eni, "10.32.1.0/24": b.eni, "10.32.2.0/24": a.eni });
  });

  it("cleans up on leave; the last one takes the registry with it", async () => {
    const hosts = await addHosts(2);
    await settle(hosts, owned("10.32.0.0", 256, 1, 2));
    for (const host of hosts) await host.reconciler.close({ leave: true });
    await expectTables({});
    for (const table of await direct.describeRouteTables(vpc.vpc)) expect(table.tags).toEqual({});
  });

  it("refuses a destination that others hold, says who", async () => {
    const [host] = (await addHosts(1)) as [Host];
    const [status] = await settle([host], owned("10.47.255.0", 256, 1));
    expect(status?.conflicts).toHaveLength(3);
    expect(status?.conflicts[0]).toMatchObject({ destination: "10.47.255.0/24", holder: vpc.stranger });
    expect(status?.native).toEqual([]);
    await expectTables({});
  });

  it("keeps within the room a table has, learned from the quota or the first refusal; the rest is overlay", async () => {
    // Local, default, two of the stranger: four of seven are taken.
    proxy.limit = 7;
    const hosts = await addHosts(8, { limit: 7 });
    const status = await settle(hosts, owned("10.32.0.0", 256, 1, 2, 3, 4, 5, 6, 7, 8));
    expect((await tables()).map((table) => Object.keys(table).length)).toEqual([3, 3, 3]);
    expect(status[0]?.budget).toBe(3);
    const [learner] = [await addHost(9)] as [Host];
    proxy.limit = 7;
    const nine = owned("10.32.0.0", 256, 1, 2, 3, 4, 5, 6, 7, 8, 9);
    learner.reconciler.update({ ranges: nine });
    await learner.reconciler.reconcile();
    const learned = await learner.reconciler.reconcile();
    expect(learned.limit).toEqual({ routes: 7, from: "learned" });
  });

  it("learns the quota from Service Quotas by a signed request", async () => {
    expect(await direct.routeQuota()).toBeGreaterThanOrEqual(50);
  });

  it("switches the source/destination check off when asked to, only then", async () => {
    const plain = await addHost(1);
    const [on] = await settle([plain], []);
    expect(on?.sourceDestCheck).toBe("on");
    const fixing = await addHost(2, { fixSourceDestCheck: true });
    const [off] = await settle([fixing], []);
    expect(off?.sourceDestCheck).toBe("off");
    expect((await direct.describeInterfaces([fixing.eni]))[0]?.sourceDestCheck).toBe(false);
    expect(plain.ec2.calls.ModifyNetworkInterfaceAttribute).toBeUndefined();
  });

  it("routes IPv6 prefixes too", async () => {
    const [host] = (await addHosts(1, { within: [...WITHIN, "fd00:32::/32"] })) as [Host];
    host.reconciler.update({ ranges: [], prefixes: [{ destination: "fd00:32:1::/48", peer: 1 }] });
    await host.reconciler.reconcile();
    expect((await tables())[0]).toEqual({ "fd00:32:1::/48": host.eni });
  });

  it("finds what the VPC uses", async () => {
    expect((await direct.describeVpcCidrs(vpc.vpc)).own).toContain("172.31.0.0/16");
  });
});
