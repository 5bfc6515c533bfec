import { readFileSync } from "node:fs";
import { Command, CommanderError, InvalidArgumentError } from "commander";
import { VpcRoutesError } from "../errors.ts";
import { iamPolicy } from "../policy.ts";
import { parseOwnership } from "../saved-ownership.ts";
import { checkHost } from "./check.ts";
import { createEc2Port, type SdkEc2 } from "./ec2.ts";
import { startReconciler } from "./index.ts";
import { readHostIdentity } from "./metadata.ts";

type Print = (text: string) => void;

interface HostFlags {
  readonly eni?: string;
  readonly region?: string;
  readonly endpoint?: string;
  readonly within: readonly string[];
  readonly cluster: string;
}

/** Where a command works: this host, or the one whose interface is named. */
interface Host {
  readonly ec2: SdkEc2;
  readonly self: { readonly eni: string; readonly subnet: string; readonly vpc: string };
}

/**
 * Runs the command.
 * @returns the exit status: 0, 1 for a failed check, or input or an API that cannot be used, 2 for a wrong command line
 */
export async function main(argv: readonly string[], print: Print, complain: Print): Promise<number> {
  let status = 0;
  const program = new Command("vpc-routes")
    .description("routes of a VPC for a container network: a look before, a check, a policy")
    .configureOutput({ writeOut: print, writeErr: complain })
    .exitOverride();
  addPlan(program, print);
  addCheck(program, print, () => {
    status = 1;
  });
  addPolicy(program, print);
  for (const command of program.commands) command.copyInheritedSettings(program);
  try {
    await program.parseAsync([...argv], { from: "user" });
    return status;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    if (!(error instanceof VpcRoutesError)) throw error;
    complain(`vpc-routes: ${error.message}\n`);
    return 1;
  }
}

function forHost(program: Command, name: string): Command {
  return program
    .command(name)
    .option("--eni <id>", "interface that routes lead to (default: this host's, from its metadata)")
    .option("--region <region>", "default: AWS_REGION, AWS_DEFAULT_REGION, this host's, or the profile's")
    .option("--endpoint <url>", "another EC2 server")
    .option("--within <cidr...>", "container network", ["10.32.0.0/12"])
    .option("--cluster <name>", "name in the registry", "default");
}

interface PlanFlags extends HostFlags {
  readonly ranges: string;
  readonly peer: string;
  readonly all?: boolean;
  readonly limit?: number;
  readonly json?: boolean;
}

function addPlan(program: Command, print: Print): void {
  forHost(program, "plan")
    .description("prints what a host would change, and what that costs; reads only")
    .requiredOption("--ranges <file>", "who owns what: JSON of [{start, end, peer}], [{cidr, peer}]")
    .requiredOption("--peer <name>", "this host in that file")
    .option("--limit <n>", "routes per table (default: the quota)", toRoutes)
    .option("--all", "for every host in the registry")
    .option("--json", "print JSON")
    .action(async (flags: PlanFlags) => {
      const { update, names } = parseOwnership(readText(flags.ranges));
      const peer = names.get(flags.peer);
      if (peer === undefined) throw new VpcRoutesError("RANGE_INVALID", `${flags.peer} owns nothing there`);
      await withHost(flags, async ({ ec2, self }) => {
        const { within, cluster } = flags;
        const { limit } = flags;
        const options = { ec2, self: { ...self, peer }, within, cluster, ...(limit !== undefined && { limit }) };
        await using routes = startReconciler(options);
        const { plan, tables, text } = await routes.preview(update, flags.all ? "all" : "self");
        print(flags.json ? `${JSON.stringify({ plan, tables }, null, 2)}\n` : text);
      });
    });
}

function addCheck(program: Command, print: Print, fail: () => void): void {
  forHost(program, "check")
    .description("looks for what would keep native routing from working; exit status 1 if there is something")
    .option("--fix", "switch the source/destination check off")
    .action(async (flags: HostFlags & { readonly fix?: boolean }) => {
      await withHost(flags, async ({ ec2, self }) => {
        const { within, cluster, fix = false } = flags;
        const lines = await checkHost(ec2, { ...self, within, cluster, fix });
        for (const { ok, text } of lines) print(`${ok ? "ok  " : "FAIL"}  ${text}\n`);
        if (lines.some((line) => !line.ok)) fail();
      });
    });
}

interface PolicyFlags {
  readonly region?: string;
  readonly partition?: string;
  readonly account?: string;
  readonly eni?: string[];
  readonly withoutFix?: boolean;
}

function addPolicy(program: Command, print: Print): void {
  program
    .command("policy <table...>")
    .description("prints the smallest IAM policy for these route tables")
    .option("--region <region>", "default: every region; it decides the partition (aws, aws-cn, aws-us-gov, ...)")
    .option("--partition <name>", "default: by the region")
    .option("--account <id>", "default: every account")
    .option("--eni <id...>", "interfaces whose source/destination check may be switched off (default: all)")
    .option("--without-fix", "leave that out")
    .action((tables: string[], flags: PolicyFlags) => {
      const { eni, ...rest } = flags;
      const policy = iamPolicy({ tables, ...rest, ...(eni === undefined ? {} : { interfaces: eni }) });
      print(`${JSON.stringify(policy, null, 2)}\n`);
    });
}

function toRoutes(text: string): number {
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("expected a whole number, 1 or more");
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    throw new VpcRoutesError("OPTION_INVALID", `cannot read ${file}: ${(cause as Error).message}`, { cause });
  }
}

async function withHost(flags: HostFlags, work: (host: Host) => Promise<void>): Promise<void> {
  const identity = flags.eni === undefined ? await readHostIdentity() : undefined;
  const { AWS_REGION, AWS_DEFAULT_REGION } = process.env;
  const region = flags.region ?? AWS_REGION ?? AWS_DEFAULT_REGION ?? identity?.region;
  const endpoint = flags.endpoint ?? process.env.AWS_ENDPOINT_URL_EC2;
  const ec2 = await createEc2Port({ ...(region && { region }), ...(endpoint && { endpoint }) });
  try {
    await work({ ec2, self: identity ?? (await selfOf(ec2, flags.eni ?? "")) });
  } finally {
    ec2.close();
  }
}

async function selfOf(ec2: SdkEc2, eni: string): Promise<Host["self"]> {
  const [found] = await ec2.describeInterfaces([eni]);
  if (found === undefined) throw new VpcRoutesError("TARGET_INVALID", `the interface ${eni} does not exist`);
  return { eni, subnet: found.subnetId, vpc: found.vpcId };
}
