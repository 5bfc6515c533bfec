import { toBlock } from "./address.ts";
import { type Context, toProblem } from "./context.ts";
import { VpcRoutesError } from "./errors.ts";
import { findCidrProblems } from "./overlap.ts";
import type { Route, RouteTable } from "./ports.ts";
import type { Problem } from "./status.ts";

/** An hour: how often the source/destination check, or a quota that is not configured, is looked at again, for one call each. */
const CHECK_EVERY_MS = 3_600_000;

/** Reads the quota, unless it is configured or fresh. */
export async function learnQuota({ options, memory }: Context): Promise<void> {
  const now = options.clock.now();
  const fresh = memory.askedAt !== undefined && now - memory.askedAt < CHECK_EVERY_MS;
  if (options.limit !== undefined || fresh) return;
  memory.askedAt = now;
  // Optional: without permission, or a way to that service from a private subnet, the limit is learned from the first refusal,
  // for an hour at a time. Asked once, as routes would wait minutes for the tries.
  const limit = await options.ec2.routeQuota().catch(() => undefined);
  memory.limits = { 4: limit, 6: limit };
  memory.limitFrom = "quota";
  memory.seen = { 4: 0, 6: 0 };
}

/** While the check is on, or cannot be read: how often it is looked at again. */
const TROUBLED_CHECK_EVERY_MS = 30_000;

/**
 * Looks at this host's source/destination check once an hour, switches it off when asked to. Routes do not wait for it. A
 * check that is on is looked at in every pass, so that switching it off is noticed within a minute.
 */
export async function lookAtCheck(context: Context): Promise<void> {
  const { options, memory, pacer } = context;
  const { ec2, self, clock } = options;
  const every = memory.check === "off" ? CHECK_EVERY_MS : TROUBLED_CHECK_EVERY_MS;
  if (memory.checkedAt !== undefined && clock.now() - memory.checkedAt < every) return;
  const refused = await tolerate(context, async () => {
    const [eni] = await pacer.read(() => ec2.describeInterfaces([self.eni]));
    if (eni === undefined) throw new VpcRoutesError("TARGET_INVALID", `the interface ${self.eni} does not exist`);
    memory.check = eni.sourceDestCheck ? "on" : "off";
    if (memory.check === "off" || options.fixSourceDestCheck !== true) return;
    await pacer.write(() => ec2.setSourceDestCheck(self.eni, false));
    memory.check = "off";
  });
  memory.problems.check = memory.check === "on" ? [...refused, checkIsOn(context)] : refused;
  memory.checkedAt = clock.now();
}

function checkIsOn({ options: { self, fixSourceDestCheck } }: Context): Problem {
  const remedy = fixSourceDestCheck
    ? "allow its change"
    : "switch it off, by `vpc-routes check --fix` or in the console";
  const message = `the source/destination check of ${self.eni} is on, so EC2 drops packets of containers; ${remedy}`;
  return { code: "CHECK_ON", message };
}

/**
 * Compares the container network with what the tables say: `local` routes are the VPC's CIDRs, `pcx-` routes lead to peers.
 * @throws VpcRoutesError `CIDR_OVERLAP`
 */
export function refuseOverlap({ options }: Context, tables: readonly RouteTable[]): void {
  const to = (is: (route: Route) => boolean) => {
    const routes = tables.flatMap((table) => table.routes.filter((route) => !route.destination.startsWith("pl-")));
    return [...new Set(routes.filter(is).map(({ destination }) => destination))];
  };
  // A local route may be given another target, a middlebox say; it stays the VPC's own block.
  const own = to(({ gateway, origin }) => gateway === "local" || origin === "CreateRouteTable");
  const peered = to(({ gateway }) => gateway?.startsWith("pcx-") === true);
  const [problem] = findCidrProblems(options.within, { own, peered });
  if (problem === undefined) return;
  throw new VpcRoutesError("CIDR_OVERLAP", `${problem.cidr} overlaps ${problem.with}, ${problem.why}`);
}

/** Once: peered VPCs to which no table leads yet. Two calls, which may be refused; then once an hour. */
export async function lookAtPeerings(context: Context): Promise<void> {
  const { options, memory, pacer } = context;
  const now = options.clock.now();
  if (now < (memory.peeringsDueAt ?? now)) return;
  const problems: Problem[] = [];
  const missing = await tolerate(context, async () => {
    const { peered } = await pacer.read(() => options.ec2.describeVpcCidrs(options.self.vpc));
    for (const cidr of options.within)
      for (const other of peered.filter((one) => toBlock(one).overlaps(toBlock(cidr)))) {
        problems.push({ code: "CIDR_OVERLAP", message: `${cidr} overlaps ${other} of a peered VPC, not routed yet` });
      }
  });
  memory.problems.peerings = [...problems, ...missing];
  memory.peeringsDueAt = missing.length === 0 ? Number.POSITIVE_INFINITY : now + CHECK_EVERY_MS;
}

/** Runs something that routes can do without: what EC2 refuses is a problem to report, not the end of the pass. */
export async function tolerate(context: Context, work: () => Promise<void>): Promise<readonly Problem[]> {
  try {
    await work();
    return [];
  } catch (error) {
    if (error instanceof VpcRoutesError) return [toProblem(context, error)];
    throw error;
  }
}
