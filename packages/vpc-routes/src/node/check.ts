import { toBlock } from "../address.ts";
import { VpcRoutesError } from "../errors.ts";
import { findCidrProblems } from "../overlap.ts";
import type { Ec2Port } from "../ports.ts";
import { readRegistry } from "../registry.ts";
import { countRoutes, isOurs } from "../routes.ts";
import { chooseTables } from "../tables.ts";

/** What to check. */
interface CheckInput {
  readonly eni: string;
  readonly subnet: string;
  readonly vpc: string;
  readonly within: readonly string[];
  readonly cluster: string;
  /** Switch the source/destination check off. */
  readonly fix: boolean;
}

/** One finding. */
interface Finding {
  readonly ok: boolean;
  readonly text: string;
}

/** Looks at the interface, the container network, the tables; a refused call is a finding too. */
export async function checkHost(ec2: Ec2Port, input: CheckInput): Promise<Finding[]> {
  const parts = [checkInterface, checkNetwork, checkTables].map((part) =>
    part(ec2, input).catch((error: unknown): Finding[] => {
      if (!(error instanceof VpcRoutesError)) throw error;
      return [{ ok: false, text: error.message }];
    }),
  );
  return (await Promise.all(parts)).flat();
}

async function checkInterface(ec2: Ec2Port, { eni, fix }: CheckInput): Promise<Finding[]> {
  const [found] = await ec2.describeInterfaces([eni]);
  if (found === undefined) return [{ ok: false, text: `the interface ${eni} does not exist` }];
  if (!found.sourceDestCheck) return [{ ok: true, text: `source/destination check of ${eni}: off` }];
  if (!fix) {
    const text = `source/destination check of ${eni}: on, so EC2 drops packets of containers; switch it off with --fix`;
    return [{ ok: false, text }];
  }
  await ec2.setSourceDestCheck(eni, false);
  return [{ ok: true, text: `source/destination check of ${eni}: was on, is off now` }];
}

async function checkNetwork(ec2: Ec2Port, { vpc, within }: CheckInput): Promise<Finding[]> {
  const problems = findCidrProblems(within, await ec2.describeVpcCidrs(vpc));
  if (problems.length === 0) return [{ ok: true, text: `container network ${within.join(", ")}: overlaps nothing` }];
  return problems.map(({ cidr, with: other, why }) => ({ ok: false, text: `${cidr} overlaps ${other}, ${why}` }));
}

async function checkTables(ec2: Ec2Port, { vpc, subnet, within, cluster }: CheckInput): Promise<Finding[]> {
  const limit = await ec2.routeQuota().catch(() => undefined);
  const cidrs = within.map(toBlock);
  const tables = chooseTables(await ec2.describeRouteTables(vpc), "all", subnet);
  return tables.map(({ id, routes, tags }) => {
    const members = readRegistry(cluster, tags);
    const used = countRoutes(routes, 4);
    const ours = routes.filter((route) => isOurs(route, members, cidrs));
    const dead = ours.filter((route) => route.state === "blackhole").length;
    const text =
      `${id}: ${used} routes of ${limit ?? "an unknown quota"}, ${ours.length} of this cluster` +
      ` (${members.size} members), ${dead} black holes among them`;
    return { ok: dead === 0 && used < (limit ?? Number.POSITIVE_INFINITY), text };
  });
}
