import { readFileSync } from "node:fs";
import type { Command } from "commander";
import type { PolicyFiles } from "../../policy/files.ts";
import { WeavedError } from "../../values/error.ts";
import { type Context, show } from "../context.ts";

/** Verbs about network policies that need no daemon: policy test, policy check, policy list. For CI too. */
export function policyVerbs(program: Command, context: () => Context): void {
  const policy = program.command("policy").description("check and test network policies");
  policy
    .command("check")
    .description("read policy files; report what is wrong or probably not meant")
    .argument("[path...]", "files or folders, - for standard input (default: /etc/weaved/policies)")
    .option("--json", "machine-readable output")
    .action((paths: string[], options: JsonFlag) => check(withJson(context(), options), paths));
  policy
    .command("list")
    .description("list the policies of files in the order in which they are asked")
    .argument("[path...]", "files or folders (default: /etc/weaved/policies)")
    .option("--json", "machine-readable output")
    .action((paths: string[], options: JsonFlag) => list(withJson(context(), options), paths));
  policy
    .command("test")
    .description("evaluate policy files against a file of connections and expected verdicts")
    .argument("<file>", "endpoints and tests, as YAML")
    .option("--policies <path...>", "files or folders (default: /etc/weaved/policies)")
    .option("--staged", "as if the staged policies were enforced")
    .option("--json", "machine-readable output")
    .action((file: string, options: TestFlags) => test(withJson(context(), options), file, options));
}

interface JsonFlag {
  readonly json?: boolean;
}

interface TestFlags extends JsonFlag {
  readonly policies?: string[];
  readonly staged?: boolean;
}

function withJson(context: Context, { json }: JsonFlag): Context {
  return json ? { ...context, json: true } : context;
}

/** Policies are read late: other verbs start without the YAML reader. */
const load = async () => ({
  files: await import("../../policy/files.ts"),
  rules: await import("@weaved/network-policy"),
  documents: await import("@weaved/network-policy/documents"),
});

/**
 * Prints every problem of the files.
 * @throws WeavedError when there is one: policies that are half read may open what they close
 */
async function readAll({ warn }: Context, paths: readonly string[]): Promise<PolicyFiles> {
  const { files } = await load();
  const found = files.readPolicyFiles(paths.length > 0 ? paths : [files.POLICY_FOLDER]);
  if (found.problems.length === 0) return found;
  for (const problem of found.problems) warn(problem);
  throw new WeavedError(
    "ARGUMENT_INVALID",
    `the policy files have ${counted(found.problems.length, "problem")}; correct them first`,
  );
}

async function check(context: Context, paths: readonly string[]): Promise<void> {
  const { files, rules } = await load();
  const found = await readAll(context, paths);
  const findings = refuse(() => rules.lint(files.worldOf(found)));
  const count = `valid: ${counted(found.policies.length + found.tiers.length + found.networkSets.length, "document")}`;
  show(context, { policies: found.policies.length, findings }, () =>
    [...findings.map(({ policy, text }) => `${policy}: ${text}`), count, ""].join("\n"),
  );
}

async function list(context: Context, paths: readonly string[]): Promise<void> {
  const { files } = await load();
  const found = await readAll(context, paths);
  const world = refuse(() => files.worldOf(found));
  const enforced = world.tiers.flatMap(({ tier, policies }) => policies.map((policy) => ({ tier: tier.name, policy })));
  const staged = world.staged.map((policy) => ({ tier: policy.tier, policy }));
  const rows = [...enforced, ...staged].map(({ tier, policy: { id, order, selector, types, staged: mode } }) => ({
    tier,
    order: Number.isFinite(order) ? order : null,
    kind: id.kind,
    name: id.namespace === undefined ? id.name : `${id.namespace}/${id.name}`,
    types: types.join("+"),
    mode: mode === undefined ? "enforced" : `staged (${mode})`,
    selector: selector.text,
  }));
  show(context, rows, () =>
    table([
      ["TIER", "ORDER", "KIND", "NAME", "TYPES", "MODE", "SELECTOR"],
      ...rows.map((row) => [row.tier, String(row.order ?? "-"), row.kind, row.name, row.types, row.mode, row.selector]),
    ]),
  );
}

async function test(context: Context, file: string, options: TestFlags): Promise<void> {
  const { files, rules, documents } = await load();
  const found = await readAll(context, options.policies ?? []);
  const { endpoints, assertions } = refuse(() => documents.parseTests(readText(file), file));
  const policies = options.staged ? rules.withStaged(found.policies) : found.policies;
  const results = refuse(() => rules.runAssertions(files.worldOf({ ...found, policies }, endpoints), assertions));
  const failed = results.filter(({ passed }) => !passed).length;
  const lines = results.map(
    ({ name, passed, found: verdict }) => `${passed ? "ok    " : "FAILED"} ${name}: ${verdict}`,
  );
  const brief = results.map(({ name, passed, found: verdict }) => ({ name, passed, found: verdict }));
  show(context, brief, () => [...lines, `${results.length - failed} passed, ${failed} failed`, ""].join("\n"));
  if (failed > 0) process.exitCode = 1;
}

function readText(file: string): string {
  try {
    return readFileSync(file === "-" ? 0 : file, "utf8");
  } catch (error) {
    throw new WeavedError("ARGUMENT_INVALID", `${file} cannot be read: ${(error as Error).message}`);
  }
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/** A refusal of the library is a message, not a bug. */
function refuse<T>(run: () => T): T {
  try {
    return run();
  } catch (cause) {
    if ((cause as Error).name === "PolicyError")
      throw new WeavedError("ARGUMENT_INVALID", (cause as Error).message, { cause });
    throw cause;
  }
}

function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows
    .map(
      (row) =>
        `${row
          .map((cell, i) => cell.padEnd(widths[i]!))
          .join("  ")
          .trimEnd()}\n`,
    )
    .join("");
}
