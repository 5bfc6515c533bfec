import { readFileSync, writeFileSync } from "node:fs";
import { type Command, InvalidArgumentError, Option } from "commander";
import { type Density, densityOf, maxPods } from "../density.ts";
import { ecsTasks } from "../ecs.ts";
import { EniPlannerError } from "../errors.ts";
import { expectedCleanPrefixes } from "../fragmentation.ts";
import { instanceTypes, limitsOf, tableDate } from "../instances.ts";
import { type FleetGroup, type PlanInput, planAddresses, type Scheme } from "../plan.ts";
import { printPlan, printTable } from "../print.ts";
import { parseSavedVpc, reportVpc } from "../saved-vpc.ts";
import { simulateScale } from "../simulate.ts";
import { secondaryRange, usableAddresses, usablePrefixes } from "../subnet.ts";
import { subnetChart } from "../svg.ts";
import { type WarmPoolSettings, warmPool } from "../warm-pool.ts";
import { readVpc } from "./read-vpc.ts";

/** Where a command's output goes. */
export type Print = (text: string) => void;

const json = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`;
const toCount = (text: string): number => {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError("need a whole number, 0 or more");
  return Number(text);
};
const toNumber = (text: string): number => {
  if (!Number.isFinite(Number(text))) throw new InvalidArgumentError("need a number");
  return Number(text);
};

interface Flags {
  readonly json?: boolean;
  readonly all?: boolean;
}

/** Commands on instance types. */
export function addTypeCommands(program: Command, print: Print): void {
  program
    .command("density <type>")
    .description("tasks and pods on one instance, with the reasons")
    .option("--vcpus <n>", "vCPUs, for the recommended cap", toCount)
    .option("--json", "print JSON")
    .action((type: string, flags: Flags & { vcpus?: number }) => {
      const density = densityOf(type, flags.vcpus);
      print(flags.json ? json(density) : printDensity(density));
    });
  program
    .command("max-pods [type]")
    .description("pods by the VPC CNI's plain formula")
    .option("--all", `every type of the table of ${tableDate}`)
    .option("--json", "print JSON")
    .action((type: string | undefined, flags: Flags) => {
      if (!flags.all && type !== undefined) {
        const pods = maxPods(limitsOf(type));
        return print(flags.json ? json({ [type]: pods }) : `${pods}\n`);
      }
      const all = Object.fromEntries([...instanceTypes()].sort().map(([name, limits]) => [name, maxPods(limits)]));
      return print(flags.json ? json(all) : printTable(Object.entries(all)));
    });
  program
    .command("ecs-tasks [type]")
    .description("ECS awsvpc tasks, without and with trunking")
    .option("--all", `every type of the table of ${tableDate}`)
    .option("--json", "print JSON")
    .action((type: string | undefined, flags: Flags) => {
      const names = !flags.all && type !== undefined ? [type] : [...instanceTypes().keys()].sort();
      const all = Object.fromEntries(names.map((name) => [name, ecsTasks(limitsOf(name))]));
      const rows = Object.entries(all).map(([name, { plain, trunked }]) => [name, plain, trunked ?? "-"]);
      print(flags.json ? json(all) : printTable([["TYPE", "PLAIN", "TRUNKED"], ...rows]));
    });
  addWarmPool(program, print);
}

interface WarmFlags extends Flags, WarmPoolSettings {
  readonly pods: number;
  readonly type?: string;
  readonly prefixDelegation?: boolean;
}

function addWarmPool(program: Command, print: Print): void {
  program
    .command("warm-pool [type]")
    .description("where the VPC CNI's pool comes to rest on one node")
    .addOption(new Option("--type <type>", "the same as the argument").hideHelp())
    .option("--pods <n>", "pods with an address of the pool", toCount, 0)
    .option("--warm-eni-target <n>", "WARM_ENI_TARGET (default: 1)", toCount)
    .option("--warm-ip-target <n>", "WARM_IP_TARGET", toCount)
    .option("--minimum-ip-target <n>", "MINIMUM_IP_TARGET", toCount)
    .option("--warm-prefix-target <n>", "WARM_PREFIX_TARGET; implies --prefix-delegation", toCount)
    .option("--prefix-delegation", "assign /28 prefixes")
    .option("--max-eni <n>", "MAX_ENI", toCount)
    .option("--max-pods <n>", "the kubelet's cap", toCount)
    .option("--json", "print JSON")
    .action((argument: string | undefined, flags: WarmFlags) => {
      const { json: asJson, pods, type = argument ?? "m5.large", ...settings } = flags;
      const pool = warmPool(type, pods, settings);
      if (asJson) return print(json(pool));
      const perEni = pool.mode === "prefixes" ? pool.prefixesPerEni : pool.ipsPerEni;
      const rows = [
        ["PODS", "ENIS", "ADDRESSES", "UNUSED", "PREFIXES", "PER ENI", "FROM SUBNET"],
        [pool.pods, pool.enis, pool.ips, pool.unusedIps, pool.prefixes, perEni.join(","), pool.subnetAddresses],
      ];
      return print(printTable(rows) + pool.warnings.map((line) => `warning: ${line}\n`).join(""));
    });
}

interface PlanFlags extends Flags {
  readonly months?: number;
  readonly output?: string;
}

/** Commands on subnets, fleets. */
export function addPlanCommands(program: Command, print: Print): void {
  const plan = (file: string, months: number | undefined) => {
    const input = readPlan(file);
    return planAddresses(months === undefined ? input : { ...input, months });
  };
  program
    .command("plan <file>")
    .description("places a fleet (JSON: {subnets, fleet, months}) month by month")
    .option("--months <n>", "how far to look", toCount)
    .option("--json", "print JSON")
    .action((file: string, flags: PlanFlags) => {
      const done = plan(file, flags.months);
      print(flags.json ? json(done) : printPlan(done));
    });
  program
    .command("exhaustion <file>")
    .description("the month in which each subnet of a plan is full")
    .option("--months <n>", "how far to look", toCount)
    .option("--json", "print JSON")
    .action((file: string, flags: PlanFlags) => {
      const { subnets } = plan(file, flags.months);
      const rows = subnets.map(({ id, exhaustedInMonth }) => ({ subnet: id, month: exhaustedInMonth ?? null }));
      print(
        flags.json
          ? json(rows)
          : printTable([["SUBNET", "MONTH"], ...rows.map((row) => [row.subnet, row.month ?? "-"])]),
      );
    });
  program
    .command("svg <file>")
    .description("draws the use of each subnet of a plan")
    .option("--months <n>", "how far to look", toCount)
    .option("-o, --output <file>", "write there, not to the standard output")
    .action((file: string, flags: PlanFlags) => {
      const chart = subnetChart(plan(file, flags.months).subnets);
      if (flags.output === undefined) print(chart);
      else writeFileSync(flags.output, chart);
    });
  addFragmentation(program, print);
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
      const result = {
        cidr,
        usable,
        used: flags.used,
        free: usable - flags.used,
        prefixes: usablePrefixes(cidr),
        cleanPrefixes,
      };
      const row = [cidr, usable, flags.used, result.prefixes, cleanPrefixes];
      print(flags.json ? json(result) : printTable([["CIDR", "USABLE", "USED", "PREFIXES", "STILL CLEAN"], row]));
    });
  program
    .command("secondary [cidr]")
    .description("what a secondary range buys (default 100.64.0.0/10)")
    .option("--free-blocks <n>", "CIDR blocks the VPC may still get", toCount, 4)
    .option("--json", "print JSON")
    .action((cidr: string | undefined, flags: Flags & { freeBlocks: number }) => {
      const gain = secondaryRange(cidr ?? "100.64.0.0/10", flags.freeBlocks);
      const row = [gain.cidr, gain.blocks, gain.addresses, gain.prefixes];
      print(flags.json ? json(gain) : printTable([["CIDR", "BLOCKS", "ADDRESSES", "PREFIXES"], row]));
    });
}

interface SimulateFlags extends Flags {
  readonly count: number;
  readonly tasks: number;
  readonly scheme: Scheme;
  readonly in?: boolean;
  readonly others: number;
}

function addSimulate(program: Command, print: Print): void {
  program
    .command("simulate <type>")
    .description("seconds until tasks have their address, with EC2's rate limits")
    .option("--count <n>", "instances", toCount, 10)
    .option("--tasks <n>", "tasks on each", toCount, 2)
    .addOption(new Option("--scheme <scheme>").choices(["ecs", "ecs-trunk", "eks", "eks-prefix"]).default("ecs"))
    .option("--in", "scale in")
    .option("--others <share>", "share of the rate that others use, 0 to 1", toNumber, 0)
    .option("--json", "print JSON")
    .action((type: string, flags: SimulateFlags) => {
      const group: FleetGroup = { type, count: flags.count, tasksPerInstance: flags.tasks, scheme: flags.scheme };
      const result = simulateScale({ group, direction: flags.in ? "in" : "out", othersShare: flags.others });
      const row = [result.tasks, result.p50, result.p95, result.last];
      const calls = Object.entries(result.calls).map(([name, n]) => [name, n, result.waited[name] ?? 0]);
      const table = printTable([["TASKS", "P50 S", "P95 S", "LAST S"], row]);
      print(flags.json ? json(result) : `${table}\n${printTable([["CALL", "COUNT", "WAITED S"], ...calls])}`);
    });
}

interface ReportFlags extends Flags {
  readonly from?: string;
  readonly vpc?: string;
  readonly region?: string;
  readonly endpoint?: string;
  readonly save?: string;
}

function addReport(program: Command, print: Print): void {
  program
    .command("report")
    .description("use and fragmentation of a VPC, read from EC2 or a saved file")
    .option("--from <file>", "a VPC saved with --save")
    .option("--vpc <id>", "read this VPC (read-only)")
    .option("--region <region>", "of the VPC (default: AWS_REGION)")
    .option("--endpoint <url>", "another EC2 server")
    .option("--save <file>", "keep what was read")
    .option("--json", "print JSON")
    .action(async (flags: ReportFlags) => {
      const saved = flags.from !== undefined ? parseSavedVpc(readFileSync(flags.from, "utf8")) : await live(flags);
      if (flags.save !== undefined) writeFileSync(flags.save, json(saved));
      const report = reportVpc(saved);
      const head = [
        "SUBNET",
        "AZ",
        "USABLE",
        "FREE",
        "CLEAN /28",
        "PACKED /28",
        "STRANDED",
        "INSTANCES",
        "ENIS",
        "UNATTACHED",
      ];
      const rows = report.map((s) => [
        s.id,
        s.az,
        s.usable,
        s.free,
        s.cleanPrefixes,
        s.packedPrefixes,
        s.stranded,
        s.instances,
        s.interfaces,
        s.unattached,
      ]);
      print(flags.json ? json(report) : printTable([head, ...rows]));
    });
}

async function live({ vpc, endpoint, region = process.env.AWS_REGION }: ReportFlags) {
  if (vpc === undefined || region === undefined) {
    throw new EniPlannerError("INPUT_INVALID", "need --from FILE, or --vpc ID with --region REGION");
  }
  return readVpc({ vpc, region, ...(endpoint === undefined ? {} : { endpoint }) });
}

function readPlan(file: string): PlanInput {
  try {
    const input = JSON.parse(readFileSync(file, "utf8")) as PlanInput;
    if (!Array.isArray(input.subnets) || !Array.isArray(input.fleet)) throw new Error("it lacks subnets or fleet");
    return input;
  } catch (cause) {
    throw new EniPlannerError("INPUT_INVALID", `${file} is not a plan: ${(cause as Error).message}`, { cause });
  }
}

function printDensity({ ecs, eks, explain }: Density): string {
  const rows = [
    ["SCHEME", "COUNT"],
    ["ECS awsvpc", ecs.plain],
    ["ECS awsvpc, trunking", ecs.trunked ?? "-"],
    ["EKS", eks.maxPods],
    ["EKS, custom networking", eks.customNetworking],
    ["EKS, prefixes", eks.prefixDelegation ?? "-"],
    ["EKS, prefixes, custom networking", eks.prefixCustomNetworking ?? "-"],
    ["EKS, recommended", eks.recommended],
    [
      "EKS, security groups for pods",
      eks.securityGroups === null ? "-" : `${eks.securityGroups.standard} + ${eks.securityGroups.branch}`,
    ],
    ["EKS, IPv6", eks.ipv6 ?? "-"],
  ];
  return `${printTable(rows)}\n${explain.join("\n")}\n`;
}
