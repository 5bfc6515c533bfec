import { type Command, Option } from "commander";
import { EniPlannerError } from "../errors.ts";
import type { Scheme } from "../need.ts";
import type { PlanInput } from "../plan.ts";
import { fleetOf, parseSavedVpc, runningIn, type SavedVpc, type SubnetRole, subnetsOf } from "../saved-vpc.ts";
import { readJson, readText } from "./files.ts";
import { type Flags, schemeOption, toCount, toNumber } from "./flags.ts";
import { readVpc } from "./read-vpc.ts";

/** Where a VPC comes from: a file, or the EC2 API. */
export interface SourceFlags extends Flags {
  readonly from?: string;
  readonly vpc?: string;
  readonly region?: string;
  readonly endpoint?: string;
}

/** Adds the flags that name a VPC. */
export function withSource(command: Command): Command {
  return command
    .option("--from <file>", "a VPC saved by report --save")
    .option("--vpc <id>", "read this VPC (read-only)")
    .option("--region <region>", "region of the VPC (default: AWS_REGION, AWS_DEFAULT_REGION, or the profile's)")
    .option("--endpoint <url>", "another EC2 server");
}

/** Reads the VPC that the flags name. */
export async function readSource(flags: SourceFlags): Promise<SavedVpc> {
  if (flags.from !== undefined) return parseSavedVpc(readText(flags.from));
  const { vpc, endpoint = process.env.AWS_ENDPOINT_URL_EC2 } = flags;
  const region = flags.region ?? process.env.AWS_REGION ?? process.env.AWS_DEFAULT_REGION;
  if (vpc === undefined) throw new EniPlannerError("INPUT_INVALID", "need --from FILE, or --vpc ID");
  return readVpc({ vpc, region, endpoint });
}

/** How a plan is put together. */
export interface PlanFlags extends SourceFlags {
  readonly months?: number;
  readonly grow: number;
  readonly tasks: number;
  readonly scheme: Scheme;
  readonly include?: string[];
}

/** Subnets to plan with, as the command line names them. */
const ROLES: Readonly<Record<string, SubnetRole>> = {
  ordinary: "ordinary",
  public: "public",
  "local-zone": "local zone",
  attachment: "attachment",
};

/** Adds the flags of a plan. */
export function withPlan(command: Command): Command {
  return withSource(command)
    .option("--months <n>", "how far to look", toCount)
    .option("--grow <percent>", "without a file: growth of each type of the VPC, each month", toNumber, 10)
    .option("--tasks <n>", "without a file: tasks on each instance", toCount, 10)
    .addOption(schemeOption())
    .addOption(
      new Option("--include <roles...>", "subnets of a VPC to plan with (default: ordinary)").choices(
        Object.keys(ROLES),
      ),
    )
    .option("--json", "print JSON");
}

/** The plan in a file, or the subnets of a VPC with the fleet of that file, or with its own instances growing. */
export async function readPlan(file: string | undefined, flags: PlanFlags): Promise<PlanInput> {
  const live = flags.from !== undefined || flags.vpc !== undefined;
  if (file === undefined && !live) throw new EniPlannerError("INPUT_INVALID", "need a plan, --from FILE, or --vpc ID");
  const saved = live ? await readSource(flags) : undefined;
  const written = file === undefined ? undefined : parsePlan(file, live);
  const include = flags.include?.map((role) => ROLES[role] as SubnetRole);
  const subnets = saved === undefined ? (written?.subnets ?? []) : subnetsOf(saved, include);
  if (subnets.length === 0) throw new EniPlannerError("INPUT_INVALID", noSubnets(saved));
  const own = saved === undefined ? [] : fleetOf(saved, flags.grow, flags.tasks, flags.scheme);
  const months = flags.months ?? written?.months ?? 12;
  const running = saved === undefined ? {} : runningIn(saved);
  return { ...written, subnets, fleet: written?.fleet ?? own, months, running };
}

function noSubnets(saved: SavedVpc | undefined): string {
  if (saved === undefined || saved.subnets.length === 0) return "there is no subnet to plan with";
  return "the VPC has no subnet of these roles; name others with --include, see the report";
}

function parsePlan(file: string, live: boolean): PlanInput {
  const input = readJson(file, "plan") as Partial<PlanInput> | null;
  const fail = (reason: string) => new EniPlannerError("INPUT_INVALID", `${file} is not a plan: ${reason}`);
  if (!live && !isRows(input?.subnets)) throw fail('it lacks the list "subnets"');
  if (!isRows(input?.fleet)) throw fail('it lacks the list "fleet"');
  for (const { id, az } of input.subnets ?? [])
    if (typeof id !== "string" || typeof az !== "string") throw fail("a subnet lacks its id or its az");
  return { ...input, subnets: input.subnets ?? [], fleet: input.fleet };
}

function isRows<T>(value: readonly T[] | undefined): value is readonly T[] {
  return Array.isArray(value) && value.every((row) => typeof row === "object" && row !== null);
}
