import { readFileSync } from "node:fs";
import type { Command } from "commander";
import { EniPlannerError } from "../errors.ts";
import type { Scheme } from "../need.ts";
import type { PlanInput } from "../plan.ts";
import { fleetOf, parseSavedVpc, type SavedVpc, subnetsOf } from "../saved-vpc.ts";
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
    .option("--region <region>", "of the VPC (default: AWS_REGION)")
    .option("--endpoint <url>", "another EC2 server");
}

/** Reads the VPC that the flags name. */
export async function readSource(flags: SourceFlags): Promise<SavedVpc> {
  if (flags.from !== undefined) return parseSavedVpc(readFileSync(flags.from, "utf8"));
  const { vpc, endpoint = process.env.AWS_ENDPOINT_URL_EC2, region = process.env.AWS_REGION } = flags;
  if (vpc === undefined || region === undefined) {
    throw new EniPlannerError("INPUT_INVALID", "need --from FILE, or --vpc ID with --region REGION");
  }
  return readVpc({ vpc, region, ...(endpoint === undefined ? {} : { endpoint }) });
}

/** How a plan is put together. */
export interface PlanFlags extends SourceFlags {
  readonly months?: number;
  readonly grow: number;
  readonly tasks: number;
  readonly scheme: Scheme;
}

/** Adds the flags of a plan. */
export function withPlan(command: Command): Command {
  return withSource(command)
    .option("--months <n>", "how far to look", toCount)
    .option("--grow <percent>", "without a file: growth of each type of the VPC, each month", toNumber, 10)
    .option("--tasks <n>", "without a file: tasks on each instance", toCount, 10)
    .addOption(schemeOption())
    .option("--json", "print JSON");
}

/** The plan in a file, or the subnets of a VPC with the fleet of that file, or with its own instances growing. */
export async function readPlan(file: string | undefined, flags: PlanFlags): Promise<PlanInput> {
  const live = flags.from !== undefined || flags.vpc !== undefined;
  if (file === undefined && !live) throw new EniPlannerError("INPUT_INVALID", "need a plan, --from FILE, or --vpc ID");
  const saved = live ? await readSource(flags) : undefined;
  const written = file === undefined ? undefined : parsePlan(file, live);
  const subnets = saved === undefined ? (written?.subnets ?? []) : subnetsOf(saved);
  const own = saved === undefined ? [] : fleetOf(saved, flags.grow, flags.tasks, flags.scheme);
  const months = flags.months ?? written?.months;
  return { subnets, fleet: written?.fleet ?? own, ...(months === undefined ? {} : { months }) };
}

function parsePlan(file: string, live: boolean): PlanInput {
  try {
    const input = JSON.parse(readFileSync(file, "utf8")) as PlanInput;
    if (!(live || Array.isArray(input.subnets)) || !Array.isArray(input.fleet)) {
      throw new Error("it lacks subnets or fleet");
    }
    return input;
  } catch (cause) {
    throw new EniPlannerError("INPUT_INVALID", `${file} is not a plan: ${(cause as Error).message}`, { cause });
  }
}
