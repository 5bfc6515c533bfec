import { type Command, Option } from "commander";
import { type Density, densityOf, type Figure, maxPods } from "../density.ts";
import { ecsTasks } from "../ecs.ts";
import { EniPlannerError } from "../errors.ts";
import { instanceTypes, limitsOf, tableDate } from "../instances.ts";
import { cheapestTypes, type Scheme } from "../need.ts";
import { printTable } from "../print.ts";
import { type WarmPoolSettings, warmPool } from "../warm-pool.ts";
import { readJson } from "./files.ts";
import { type Flags, json, type Print, schemeOption, toCount } from "./flags.ts";

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
      const rows = Object.entries(all).map(([name, { plain, trunked }]) => [name, plain, cell(trunked)]);
      print(flags.json ? json(all) : printTable([["TYPE", "PLAIN", "TRUNKED"], ...rows]));
    });
  addWarmPool(program, print);
  addCheapest(program, print);
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

interface CheapestFlags extends Flags {
  readonly scheme: Scheme;
  readonly tasks?: number;
  readonly prices?: string;
  readonly types?: string[];
  readonly top: number;
}

function addCheapest(program: Command, print: Print): void {
  program
    .command("cheapest")
    .description("instance types by addresses for each task")
    .addOption(schemeOption())
    .option("--tasks <n>", "tasks to run in all (default: one full instance's)", toCount)
    .option("--prices <file>", "JSON of {type: price of an hour}, to break ties")
    .option("--types <type...>", "compare these only")
    .option("--top <n>", "how many to print", toCount, 10)
    .option("--json", "print JSON")
    .action(({ json: asJson, prices, top, ...rest }: CheapestFlags) => {
      const input = prices === undefined ? rest : { ...rest, prices: readPrices(prices) };
      const types = cheapestTypes(input).slice(0, top);
      const head = ["TYPE", "TASKS EACH", "INSTANCES", "ADDRESSES", "WARM EACH", "PER TASK", "PRICE"];
      const rows = types.map((one) => [
        one.type,
        one.tasks,
        one.instances,
        one.totalAddresses,
        one.warm,
        one.addressesPerTask.toFixed(2),
        one.totalPrice?.toFixed(4) ?? "-",
      ]);
      print(asJson ? json(types) : printTable([head, ...rows]));
    });
}

function readPrices(file: string): Record<string, number> {
  const prices = readJson(file, "list of prices");
  const fine =
    typeof prices === "object" &&
    prices !== null &&
    Object.values(prices).every((price) => typeof price === "number" && Number.isFinite(price) && price >= 0);
  if (fine) return prices as Record<string, number>;
  throw new EniPlannerError(
    "INPUT_INVALID",
    `${file} is not a list of prices; expected JSON such as {"m5.large": 0.1}`,
  );
}

/** A figure in a table: "-" where it is not possible, "unknown" where the table does not say. */
function cell(figure: Figure): string {
  return figure === null ? "-" : String(figure);
}

function printDensity({ ecs, eks, dualStack, explain }: Density): string {
  const rows = [
    ["SCHEME", "COUNT"],
    ["ECS awsvpc", ecs.plain],
    ["ECS awsvpc, trunking", cell(ecs.trunked)],
    [
      "ECS awsvpc, dual stack",
      typeof dualStack === "object" && dualStack !== null
        ? `${dualStack.plain}, ${cell(dualStack.trunked)} with trunking`
        : cell(dualStack),
    ],
    ["EKS", eks.maxPods],
    ["EKS, custom networking", eks.customNetworking],
    ["EKS, prefixes", cell(eks.prefixDelegation)],
    ["EKS, prefixes, custom networking", cell(eks.prefixCustomNetworking)],
    ["EKS, recommended", eks.recommended],
    [
      "EKS, security groups for pods",
      typeof eks.securityGroups === "object" && eks.securityGroups !== null
        ? `${eks.securityGroups.standard} + ${eks.securityGroups.branch}`
        : cell(eks.securityGroups),
    ],
    ["EKS, IPv6", cell(eks.ipv6)],
  ];
  return `${printTable(rows)}\n${explain.join("\n")}\n`;
}
