import { classify } from "../classify.ts";
import type { Ec2Port, NetworkInterface, Route, RouteTable } from "../ports.ts";
import { canonical } from "../routes.ts";

/** What a {@link MemoryEc2} starts with. */
export interface MemoryEc2Options {
  readonly vpc?: string;
  readonly cidr?: string;
  /** Routes per table and family; local routes count. @defaultValue 500 */
  readonly limit?: number;
  /** CIDRs of peered VPCs. @defaultValue none */
  readonly peered?: readonly string[];
  /** What Service Quotas answers. @defaultValue undefined: refused */
  readonly quota?: number;
  readonly tables: readonly { readonly id: string; readonly main?: boolean; readonly subnets?: readonly string[] }[];
}

/** A VPC in memory with EC2's rules on routes: quota, duplicates, black holes, tags. */
export interface MemoryEc2 extends Ec2Port {
  readonly calls: Readonly<Record<string, number>>;
  /** Names of EC2 errors that the next calls of an action end with, in order. */
  fail(action: string, ...awsCodes: string[]): void;
  /** Refuses an action until `allow`, everywhere or for one table, as IAM does. */
  deny(action: string, table?: string): void;
  allow(action: string): void;
  addInterface(eni: NetworkInterface): void;
  /** The interface disappears: its routes become black holes. */
  removeInterface(id: string): void;
  setInstanceState(instance: string, state: string): void;
  /** Puts a route of somebody else. */
  putRoute(table: string, route: Partial<Route> & { readonly destination: string }): void;
  table(id: string): RouteTable;
}

interface Mutable {
  readonly id: string;
  readonly main: boolean;
  readonly subnets: readonly string[];
  readonly routes: Map<string, Route>;
  readonly tags: Map<string, string>;
}

/** A {@link MemoryEc2}; it answers at once and is never throttled unless told by `fail`. */
export function createMemoryEc2(options: MemoryEc2Options): MemoryEc2 {
  const { vpc = "vpc-1", cidr = "10.0.0.0/16", limit = 500 } = options;
  const local: Route = { destination: cidr, gateway: "local", state: "active", origin: "CreateRouteTable" };
  const tables = new Map(
    options.tables.map(({ id, main = false, subnets = [] }): [string, Mutable] => [
      id,
      { id, main, subnets, routes: new Map([[cidr, local]]), tags: new Map() },
    ]),
  );
  const interfaces = new Map<string, NetworkInterface>();
  const states = new Map<string, string>();
  const failures = new Map<string, string[]>();
  const calls: Record<string, number> = {};

  /** Denied tables by action; undefined: every table. */
  const denied = new Map<string, string | undefined>();
  const enter = async (action: string, table?: string): Promise<void> => {
    calls[action] = (calls[action] ?? 0) + 1;
    const only = denied.get(action);
    if (denied.has(action) && (only === undefined || only === table))
      throw classify(action, "UnauthorizedOperation", "denied by the test", 403);
    const code = failures.get(action)?.shift();
    if (code !== undefined) throw classify(action, code, "asked for by the test", 400);
    // Callers interleave here, as with a real server.
    await Promise.resolve();
  };
  const tableOf = (action: string, id: string): Mutable => {
    const table = tables.get(id);
    if (table === undefined) throw classify(action, "InvalidRouteTableID.NotFound", id, 400);
    return table;
  };
  const stateOf = (route: Route): Route["state"] => {
    if (route.eni === undefined) return route.state;
    const eni = interfaces.get(route.eni);
    const state = eni?.instance === undefined ? "running" : (states.get(eni.instance) ?? "running");
    return eni !== undefined && state === "running" ? "active" : "blackhole";
  };
  const show = (table: Mutable): RouteTable => ({
    id: table.id,
    vpcId: vpc,
    main: table.main,
    subnets: table.subnets,
    routes: [...table.routes.values()].map((route) => ({ ...route, state: stateOf(route) })),
    tags: Object.fromEntries(table.tags),
  });
  const put = (action: string, id: string, destination: string, eni: string) => {
    if (!interfaces.has(eni)) throw classify(action, "InvalidNetworkInterfaceID.NotFound", eni, 400);
    const route: Route = { destination: canonical(destination), eni, state: "active", origin: "CreateRoute" };
    tableOf(action, id).routes.set(route.destination, route);
  };
  return {
    calls,
    fail: (action, ...codes) => void failures.set(action, [...(failures.get(action) ?? []), ...codes]),
    deny: (action, table) => void denied.set(action, table),
    allow: (action) => void denied.delete(action),
    addInterface: (eni) => void interfaces.set(eni.id, eni),
    removeInterface: (id) => void interfaces.delete(id),
    setInstanceState: (instance, state) => void states.set(instance, state),
    putRoute: (id, route) =>
      void tableOf("putRoute", id).routes.set(canonical(route.destination), {
        state: "active",
        origin: "CreateRoute",
        ...route,
      }),
    table: (id) => show(tableOf("table", id)),
    async describeRouteTables(vpcId) {
      await enter("DescribeRouteTables");
      return vpcId === vpc ? [...tables.values()].map(show) : [];
    },
    async createRoute(id, destination, eni) {
      await enter("CreateRoute", id);
      const { routes } = tableOf("CreateRoute", id);
      const cidrText = canonical(destination);
      if (routes.has(cidrText)) throw classify("CreateRoute", "RouteAlreadyExists", cidrText, 400);
      const family = cidrText.includes(":");
      const used = [...routes.keys()].filter((one) => one.includes(":") === family).length;
      if (used >= limit) throw classify("CreateRoute", "RouteLimitExceeded", id, 400);
      put("CreateRoute", id, destination, eni);
    },
    async replaceRoute(id, destination, eni) {
      await enter("ReplaceRoute", id);
      if (!tableOf("ReplaceRoute", id).routes.has(canonical(destination))) {
        throw classify("ReplaceRoute", "InvalidParameterValue", "There is no route defined: use CreateRoute", 400);
      }
      put("ReplaceRoute", id, destination, eni);
    },
    async deleteRoute(id, destination) {
      await enter("DeleteRoute", id);
      if (!tableOf("DeleteRoute", id).routes.delete(canonical(destination))) {
        throw classify("DeleteRoute", "InvalidRoute.NotFound", destination, 400);
      }
    },
    async describeInterfaces(ids) {
      await enter("DescribeNetworkInterfaces");
      return ids.flatMap((id) => interfaces.get(id) ?? []);
    },
    async describeInstances(ids) {
      await enter("DescribeInstances");
      return new Map(ids.flatMap((id) => (states.has(id) ? [[id, states.get(id) as string] as const] : [])));
    },
    async setSourceDestCheck(id, sourceDestCheck) {
      await enter("ModifyNetworkInterfaceAttribute");
      const eni = interfaces.get(id);
      if (eni !== undefined) interfaces.set(id, { ...eni, sourceDestCheck });
    },
    async setTags(id, tags) {
      await enter("CreateTags", id);
      const table = tableOf("CreateTags", id);
      for (const [key, value] of Object.entries(tags)) table.tags.set(key, value);
      if (table.tags.size > 50) throw classify("CreateTags", "TagLimitExceeded", id, 400);
    },
    async deleteTags(id, keys) {
      await enter("DeleteTags", id);
      for (const key of keys) tableOf("DeleteTags", id).tags.delete(key);
    },
    async describeVpcCidrs() {
      await enter("DescribeVpcs");
      return { own: [cidr], peered: options.peered ?? [] };
    },
    async routeQuota() {
      await enter("GetServiceQuota");
      return options.quota;
    },
  };
}
