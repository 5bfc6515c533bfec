import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  createEc2Port,
  type Reconciler,
  type ReconcilerOptions,
  type ReconcilerStatus,
  type SdkEc2,
  startReconciler,
} from "../../src/node/index.ts";
import { choosePath, type PathMode } from "../../src/path.ts";
import type { OwnedRange } from "../../src/ports.ts";
import { tableOfSubnet } from "../../src/tables.ts";
import { type Lab, type LabHost, makeLab, rangeOf } from "./support/lab.ts";
import { type Moto, startMoto, whyNoMoto } from "./support/moto.ts";
import { credentials, makeVpc, region, type TestVpc } from "./support/vpc.ts";

const reason = process.getuid?.() === 0 ? await whyNoMoto() : "needs root for network namespaces";
const HOSTS = 8;

describe.skipIf(reason !== undefined)(
  `a VPC of namespaces${reason === undefined ? "" : `: skipped, ${reason}`}`,
  () => {
    let moto: Moto;
    let ec2: SdkEc2;
    let vpc: TestVpc;
    let lab: Lab;
    const hosts: LabHost[] = [];
    const ranges = Array.from({ length: HOSTS }, (_, i) => rangeOf(i + 1));

    beforeAll(async () => {
      moto = await startMoto();
      ec2 = await createEc2Port({ region, endpoint: moto.endpoint, credentials });
      vpc = await makeVpc(moto.endpoint);
      for (let n = 1; n <= HOSTS; n++) {
        const subnet = n % 2;
        const { eni } = await vpc.addHost(subnet);
        hosts.push({ n, subnet, eni, address: `172.31.${subnet + 1}.${10 + n}` });
      }
      lab = await makeLab(hosts);
    });
    afterAll(async () => {
      await lab?.close();
      vpc?.client.destroy();
      ec2?.close();
      await moto?.close();
    });

    /** Reconciles every host to rest, then makes kernels follow: the router what EC2 has, each host what its status says. */
    const reconcileAll = async ({ mode = "table", ...options }: Partial<ReconcilerOptions> & { mode?: PathMode }) => {
      const reconcilers: Reconciler[] = hosts.map(({ n, eni, subnet }) => {
        const self = { peer: n, eni, subnet: vpc.subnets[subnet] as string, vpc: vpc.vpc };
        const pace = { perSecond: 1000, burst: 1000 };
        return startReconciler({ ec2, self, within: ["10.32.0.0/12"], pace, debounceMs: 3_600_000, ...options });
      });
      let statuses: ReconcilerStatus[] = [];
      // A table at its limit frees its room in one round, fills it in the next.
      for (let round = 0; round < 6; round++) {
        for (const reconciler of reconcilers) reconciler.update({ ranges });
        statuses = await Promise.all(reconcilers.map((reconciler) => reconciler.reconcile()));
        if (round > 0 && statuses.every((status) => !status.unsettled)) break;
      }
      const tables = await ec2.describeRouteTables(vpc.vpc);
      const interfaces = await ec2.describeInterfaces(hosts.map((host) => host.eni));
      await lab.follow(
        vpc.subnets.slice(0, 2).map((subnet) => tableOfSubnet(tables, subnet)),
        interfaces,
      );
      for (const [i, host] of hosts.entries()) {
        const { native = [], overlay = [], sourceDestCheck } = statuses[i] ?? {};
        const choose = (inTable: boolean) => (range: OwnedRange) => {
          const sameSubnet = hosts.some((other) => other.n === range.peer && other.subnet === host.subnet);
          // Weave Net's mode does not ask for the check.
          const checkOff = mode === "table" || sourceDestCheck === "off";
          return { range, path: choosePath({ mode, sameSubnet, inTable, checkOff }).path };
        };
        await lab.route(host, [...native.map(choose(true)), ...overlay.map(choose(false))]);
      }
      for (const reconciler of reconcilers) await reconciler.close();
      return statuses;
    };
    /** What 8 x 7 pings leave at the router. */
    const pingWatched = async () => {
      let silent: string[] = [];
      const seen = await lab.capture(async () => {
        silent = await lab.pingAll();
      });
      return { silent, ...seen };
    };

    it("loses every container packet while the source/destination check is on, says so", async () => {
      const statuses = await reconcileAll({});
      expect(statuses.map((status) => status.sourceDestCheck)).toEqual(hosts.map(() => "on"));
      const { silent } = await pingWatched();
      expect(silent).toHaveLength(HOSTS * (HOSTS - 1));
    });

    it("joins all pairs through the overlay while it is on, if hosts are told to", async () => {
      await reconcileAll({ whenChecked: "overlay" });
      const { silent, native, encapsulated } = await pingWatched();
      expect(silent).toEqual([]);
      expect(native).toBe(0);
      expect(encapsulated).toBeGreaterThanOrEqual(2 * HOSTS * (HOSTS - 1));
    });

    it("joins all pairs natively once it is off: no encapsulated packet on the wire", async () => {
      const statuses = await reconcileAll({ fixSourceDestCheck: true });
      expect(statuses.every((status) => status.overlay.length === 0)).toBe(true);
      const { silent, native, encapsulated } = await pingWatched();
      expect(silent).toEqual([]);
      expect(encapsulated).toBe(0);
      expect(native).toBeGreaterThanOrEqual(2 * HOSTS * (HOSTS - 1));
    });

    it("joins all pairs with room for three routes: the rest through the overlay", async () => {
      // Local, default, two of the stranger, then three of ours.
      const statuses = await reconcileAll({ limit: 7 });
      for (const status of statuses) {
        expect(status.budget).toBe(3);
        expect(status.tables.map((table) => table.ours)).toEqual([3, 3, 3]);
      }
      const { silent, native, encapsulated } = await pingWatched();
      expect(silent).toEqual([]);
      expect(native).toBeGreaterThan(0);
      expect(encapsulated).toBeGreaterThan(0);
    });

    it("joins all pairs without any route by Calico's rule: native inside a subnet, encapsulated across", async () => {
      const statuses = await reconcileAll({ mode: "cross-subnet", limit: 4 });
      expect(statuses.map((status) => status.budget)).toEqual(hosts.map(() => 0));
      const { silent, native, encapsulated, pairs } = await pingWatched();
      expect(silent).toEqual([]);
      expect(native).toBeGreaterThanOrEqual(2 * 2 * 4 * 3);
      expect(encapsulated).toBeGreaterThanOrEqual(2 * 2 * 4 * 4);
      // Outer addresses 172.31.<subnet>.<host>: no tunnel inside a subnet.
      for (const [from, to] of pairs) expect(from.split(".")[2]).not.toBe(to.split(".")[2]);
    });
  },
);
