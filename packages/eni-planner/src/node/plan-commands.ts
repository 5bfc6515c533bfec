import type { Command } from "commander";
import { EniPlannerError } from "../errors.ts";
import { expectedCleanPrefixes } from "../fragmentation.ts";
import type { FleetGroup, Scheme } from "../need.ts";
import { type AddressPlan, planAddresses, withSecondaryRange } from "../plan.ts";
import { printPlan, printTable } from "../print.ts";
import { reportVpc, type SubnetReport } from "../saved-vpc.ts";
import { simulateScale } from "../simulate.ts";
import { secondaryRange, usableAddresses, usablePrefixes } from "../subnet.ts";
import { subnetChart } from "../svg.ts";
import { writeText } from "./files.ts";
import { type Flags, json, type Print, schemeOption, toCount, toNumber } from "./flags.ts";
import { type PlanFlags, readPlan, readSource, type SourceFlags, withPlan, withSource } from "./source.ts";

/** Commands on subnets, fleets. */
export function addPlanCommands(program: Command, print: Print): void {
  withPlan(program.command("plan [file]"))
    .description("places a fleet (JSON: {subnets, fleet, months}) month by month; the subnets may be a VPC's")
    .action(async (file: string | undefined, flags: PlanFlags) => {
      const done = planAddresses(await readPlan(file, flags));
      print(flags.json ? json(done) : printPlan(done));
      if (done.needs.length === 0 && done.leftOut.length > 0)
        throw new EniPlannerError("INPUT_INVALID", "no group of the fleet can be planned");
    });
  withPlan(program.command("exhaustion [file]"))
    .description("the month in which each subnet of a plan is full")
    .action(async (file: string | undefined, flags: PlanFlags) => {
      const { subnets } = planAddresses(await readPlan(file, flags));
      const rows = subnets.map(({ id, exhaustedInMonth: month = null, exhausted: of = null }) => ({
        subnet: id,
        month,
        of,
      }));
      const cells = rows.map((row) => [row.subnet, row.month ?? "-", row.of ?? "-"]);
      print(flags.json ? json(rows) : printTable([["SUBNET", "MONTH", "OUT OF"], ...cells]));
    });
  withPlan(program.command("svg [file]"))
    .description("draws the use of each subnet of a plan")
    .option("-o, --output <file>", "write there, not to the standard output")
    .action(async (file: string | undefined, flags: PlanFlags & { readonly output?: string }) => {
      const chart = subnetChart(planAddresses(await readPlan(file, flags)).subnets);
      if (flags.output === undefined) print(chart);
      else writeText(flags.output, chart);
    });
  addFragmentation(program, print);
  addSecondary(program, print);
  addSimulate(program, print);
  addReport(program, print);
}

function addFragmentation(program: Command, print: Print): void {
  program
    .command("fragmentation <cidr>")
    .description("whole /28 prefixes to expect in a subnet")
    .option("--used <n>", "single addresses in use, at random", toCount, 0)
    .option("--json", "print JSON")
    .action((cidr: string, flags: Flags & { used: number }) => {
      const usable = usableAddresses(cidr);
      const cleanPrefixes = Math.round(expectedCleanPrefixes(cidr, flags.used) * 100) / 100;
      const prefixes = usablePrefixes(cidr);
      const result = { cidr, usable, used: flags.used, free: usable - flags.used, prefixes, cleanPrefixes };
      const row = [cidr, usable, flags.used, prefixes, cleanPrefixes];
      print(flags.json ? json(result) : printTable([["CIDR", "USABLE", "USED", "PREFIXES", "STILL CLEAN"], row]));
    });
}

interface SecondaryFlags extends Flags {
  readonly freeBlocks: number;
  readonly plan?: string;
  readonly vpcCidr?: string[];
}

function addSecondary(program: Command, print: Print): void {
  program
    .command("secondary [cidr]")
    .description("what a secondary range buys (default 100.64.0.0/10), in itself and for a plan")
    .option("--free-blocks <n>", "CIDR blocks the VPC may still get", toCount, 4)
    .option("--vpc-cidr <cidr...>", "blocks that the VPC has: AWS refuses some ranges beside them")
    .option("--plan <file>", "compare this plan without and with it, pods in custom networking")
    .option("--json", "print JSON")
    .action(async (cidr: string | undefined, flags: SecondaryFlags) => {
      const input = flags.plan && (await readPlan(flags.plan, { grow: 0, tasks: 0, scheme: "eks" }));
      const existing = flags.vpcCidr ?? (input ? (input.vpcCidrs ?? input.subnets.map((subnet) => subnet.cidr)) : []);
      const gain = secondaryRange(cidr ?? "100.64.0.0/10", flags.freeBlocks, existing);
      const row = [gain.cidr, gain.blocks, gain.addresses, gain.prefixes];
      const table = printTable([["CIDR", "BLOCKS", "ADDRESSES", "PREFIXES"], row]);
      if (!input) return print(flags.json ? json(gain) : table);
      const without = outcome(planAddresses(input));
      const with_ = outcome(
        planAddresses(withSecondaryRange({ ...input, vpcCidrs: existing }, gain.cidr, gain.blocks)),
      );
      const head = ["PLAN", "FIRST SUBNET FULL", "WITHOUT ROOM AT END", "TASKS/INSTANCE"];
      const rows = Object.entries({ without, with: with_ }).map(([name, one]) => [
        name,
        one.firstFull === null ? "never" : `month ${one.firstFull}`,
        one.unplaced,
        one.tasks.join(","),
      ]);
      return print(flags.json ? json({ ...gain, without, with: with_ }) : `${table}\n${printTable([head, ...rows])}`);
    });
}

function outcome(plan: AddressPlan): { firstFull: number | null; unplaced: number; tasks: number[] } {
  const months = plan.subnets.flatMap((subnet) => subnet.exhaustedInMonth ?? []);
  const firstFull = months.length === 0 ? null : Math.min(...months);
  return { firstFull, unplaced: plan.unplaced.at(-1) ?? 0, tasks: plan.needs.map((need) => need.tasks) };
}

interface SimulateFlags extends Flags {
  readonly count: number;
  readonly tasks: number;
  readonly running?: number;
  readonly scheme: Scheme;
  readonly in?: boolean;
  readonly others: number;
  readonly warmIpTarget?: number;
  readonly minimumIpTarget?: number;
  readonly warmEniTarget?: number;
  readonly warmPrefixTarget?: number;
}

function addSimulate(program: Command, print: Print): void {
  program
    .command("simulate <type>")
    .description("seconds until tasks have their address, with EC2's rate limits")
    .option("--count <n>", "instances", toCount, 10)
    .option("--tasks <n>", "tasks on each", toCount, 2)
    .option("--running <n>", "tasks on each that is up already: before scaling out, after scaling in", toCount)
    .addOption(schemeOption())
    .option("--in", "scale in")
    .option("--others <share>", "share of the rate that others use: 0 or more, and below 1", toNumber, 0)
    .option("--warm-eni-target <n>", "WARM_ENI_TARGET", toCount)
    .option("--warm-ip-target <n>", "WARM_IP_TARGET", toCount)
    .option("--minimum-ip-target <n>", "MINIMUM_IP_TARGET", toCount)
    .option("--warm-prefix-target <n>", "WARM_PREFIX_TARGET", toCount)
    .option("--json", "print JSON")
    .action((type: string, flags: SimulateFlags) => {
      const { count, tasks, scheme, running, json: asJson, others, in: inward, ...warm } = flags;
      const group: FleetGroup = { type, count, tasksPerInstance: tasks, scheme, warm };
      const result = simulateScale({
        group,
        direction: inward ? "in" : "out",
        othersShare: others,
        ...(running === undefined ? {} : { running }),
      });
      const row = [result.tasks, result.warm, result.p50, result.p95, result.last];
      const calls = Object.entries(result.calls).map(([name, n]) => [name, n, result.waited[name] ?? 0]);
      const table = printTable([["TASKS", "FROM WARM POOL", "P50 S", "P95 S", "LAST S"], row]);
      print(asJson ? json(result) : `${table}\n${printTable([["CALL", "COUNT", "WAITED S"], ...calls])}`);
    });
}

const REPORT: readonly (readonly [string, keyof SubnetReport])[] = [
  ["SUBNET", "id"],
  ["AZ", "az"],
  ["USABLE", "usable"],
  ["FREE", "free"],
  ["CLEAN /28", "cleanPrefixes"],
  ["PACKED /28", "packedPrefixes"],
  ["STRANDED", "stranded"],
  ["INSTANCES", "instances"],
  ["ENIS", "interfaces"],
  ["UNATTACHED", "unattached"],
  ["ROLE", "role"],
];

function addReport(program: Command, print: Print): void {
  withSource(program.command("report"))
    .description("use and fragmentation of a VPC, read from EC2 or a saved file")
    .option("--save <file>", "keep what was read")
    .option("--json", "print JSON")
    .action(async (flags: SourceFlags & { readonly save?: string }) => {
      const saved = await readSource(flags);
      if (flags.save !== undefined) writeText(flags.save, json(saved));
      const report = reportVpc(saved);
      const rows = report.map((subnet) => REPORT.map(([, key]) => subnet[key]));
      print(flags.json ? json(report) : printTable([REPORT.map(([head]) => head), ...rows]));
    });
}
