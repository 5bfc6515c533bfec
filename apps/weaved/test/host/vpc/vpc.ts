import { createServer, connect as dial } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createEc2Port } from "@weaved/vpc-routes/node";
import { startMoto } from "../../../../../packages/vpc-routes/test/host/support/moto.ts";
import {
  credentials,
  makeVpc,
  region,
  type TestVpc,
} from "../../../../../packages/vpc-routes/test/host/support/vpc.ts";
import { type Cluster, createCluster, type Node } from "../e2e/cluster.ts";

type Ec2 = Awaited<ReturnType<typeof createEc2Port>>;

const instance = fileURLToPath(new URL("./instance.mjs", import.meta.url));
const port = 8181;

/** Lab hosts as instances of a VPC in moto, in two subnets joined by a router that forwards as EC2's route table says. */
export interface VpcCluster {
  readonly cluster: Cluster;
  readonly vpc: TestVpc;
  /** Destinations of the first subnet's table that lead to our hosts, by host. */
  routes(): Promise<Map<string, string>>;
  close(): Promise<void>;
}

/** Where the daemons find AWS; the same in every host's namespace. */
export const awsEnvironment: Readonly<Record<string, string>> = {
  AWS_ENDPOINT_URL: `http://127.0.0.1:${port}`,
  AWS_EC2_METADATA_SERVICE_ENDPOINT: `http://127.0.0.1:${port}`,
  AWS_ACCESS_KEY_ID: credentials.accessKeyId,
  AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
};

/** Builds it; hosts alternate between the subnets. Daemons are started by the caller. */
export async function createVpcCluster(names: readonly string[]): Promise<VpcCluster> {
  const undo: (() => unknown)[] = [];
  const close = async (): Promise<void> => {
    for (const step of undo.splice(0).reverse()) await step();
  };
  try {
    return { ...(await build(names, undo)), close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function build(names: readonly string[], undo: (() => unknown)[]): Promise<Omit<VpcCluster, "close">> {
  const moto = await startMoto();
  undo.push(() => moto.close());
  const vpc = await makeVpc(moto.endpoint);
  undo.push(() => vpc.client.destroy());
  const ec2 = await createEc2Port({ region, endpoint: moto.endpoint, credentials });
  undo.push(() => ec2.close());
  const switches = { one: { subnet: "172.31.1.0/24" }, two: { subnet: "172.31.2.0/24" } };
  const hosts = Object.fromEntries(
    names.map((name, index) => [name, { containers: 1, switch: index % 2 === 0 ? "one" : "two" }]),
  );
  const cluster = await createCluster(names, 1, { hosts, switches });
  undo.push(() => cluster.close());
  const socket = join(cluster.lab.dir, "ec2");
  const server = createServer((client) => {
    const upstream = dial(Number(new URL(moto.endpoint).port), "127.0.0.1");
    for (const end of [client, upstream]) end.on("error", () => end.destroy());
    client.pipe(upstream).pipe(client);
  }).listen(socket);
  undo.push(() => server.close());
  const byEni = new Map<string, Node>();
  for (const [index, node] of cluster.nodes.entries()) {
    const { eni, subnet } = await vpc.addHost(index % 2);
    await ec2.setSourceDestCheck(eni, false);
    byEni.set(eni, node);
    await startInstance(node, socket, { eni, subnet, vpc: vpc.vpc });
  }
  // A router that redirects would shorten the way inside a subnet; EC2's does not.
  await cluster.lab.switches.must("sysctl", ["-qw", "net.ipv4.conf.all.send_redirects=0"]);
  const routes = () => routesOf(ec2, vpc, byEni);
  undo.push(follow(cluster, routes));
  return {
    cluster,
    vpc,
    routes: async () => new Map([...(await routes())].map(([cidr, node]) => [cidr, node.name])),
  };
}

async function startInstance(
  node: Node,
  socket: string,
  { eni, subnet, vpc }: { readonly eni: string; readonly subnet: string; readonly vpc: string },
): Promise<void> {
  const mac = (await node.host.must("cat", ["/sys/class/net/eth0/address"])).trim();
  const cidrs = { subnetCidr: "172.31.1.0/24", vpcCidr: "172.31.0.0/16" };
  const about = { region, instance: `i-${node.name}`, mac, eni, subnet, vpc, ...cidrs };
  const args = [instance, `${port}`, socket, JSON.stringify(about)];
  const daemon = await node.host.spawn(process.execPath, args, { name: "instance" });
  await daemon.waitForLog(/listening/, 10_000);
}

async function routesOf(ec2: Ec2, vpc: TestVpc, byEni: ReadonlyMap<string, Node>): Promise<Map<string, Node>> {
  const ask = () => ec2.describeRouteTables(vpc.vpc);
  // Asked by all hosts at once, moto answers with a page of HTML at times.
  const tables = await ask().catch(ask);
  const found = new Map<string, Node>();
  for (const { destination, eni } of tables.find(({ id }) => id === vpc.tables[0])?.routes ?? []) {
    const node = byEni.get(eni ?? "");
    if (node) found.set(destination, node);
  }
  return found;
}

/** Keeps the router's kernel equal to the table, until stopped. */
function follow(cluster: Cluster, routes: () => Promise<ReadonlyMap<string, Node>>): () => Promise<void> {
  let stopped = false;
  const router = cluster.lab.switches;
  const present = new Map<string, string>();
  const turn = async (): Promise<void> => {
    const wanted = await routes();
    for (const [cidr, { host }] of wanted) {
      if (present.get(cidr) === host.address) continue;
      await router.must("ip", ["route", "replace", cidr, "via", host.address]);
      present.set(cidr, host.address);
    }
    for (const cidr of [...present.keys()]) {
      if (wanted.has(cidr)) continue;
      await router.must("ip", ["route", "delete", cidr]);
      present.delete(cidr);
    }
  };
  const running = (async () => {
    while (!stopped) {
      await turn().catch((error: Error) => console.error(`the router does not follow this time: ${error.message}`));
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
  })();
  return async () => {
    stopped = true;
    await running;
  };
}
