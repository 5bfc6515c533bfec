import { hookRules, type IptablesTool } from "../../firewall/hook.ts";
import { chainNames } from "../../names.ts";
import type { FirewallSpec, Runner } from "../../types.ts";
import { must } from "../kernel.ts";

const tools = ["iptables", "ip6tables"] as const;

/** Keeps our chains in the `filter` tables that iptables manages, where there are such tables. None is made. */
export class Hook {
  readonly #runner: Runner;
  readonly #prefix: string;
  /** Rules last put in place for each tool, and how the tool then listed them. */
  readonly #applied = new Map<IptablesTool, { readonly rules: string; readonly listed: string }>();

  /** What each tool calls itself; undefined where it is missing. */
  readonly #versions = new Map<IptablesTool, string | undefined>();

  constructor(runner: Runner, prefix: string) {
    this.#runner = runner;
    this.#prefix = prefix;
  }

  /** Puts chains and jumps in place where they differ; true when something was changed. */
  async ensure(spec: FirewallSpec): Promise<boolean> {
    let changed = false;
    for (const tool of tools) if (await this.#ensure(tool, spec)) changed = true;
    return changed;
  }

  /** Removes chains and jumps; true when there were any. */
  async clear(): Promise<boolean> {
    this.#applied.clear();
    const { forward, input } = chainNames(this.#prefix);
    let found = false;
    for (const tool of tools) {
      if (!(await this.#hasFilter(tool)) || this.#ours(await this.#list(tool)) === "") continue;
      found = true;
      // Versions before this one jumped from Docker's chain.
      const parents = [
        ["DOCKER-USER", forward],
        ["FORWARD", forward],
        ["INPUT", input],
      ] as const;
      for (const [parent, chain] of parents) await this.#run(tool, "-D", parent, "-j", chain);
      for (const chain of [forward, input]) {
        await this.#run(tool, "-F", chain);
        await this.#run(tool, "-X", chain);
      }
    }
    return found;
  }

  async #ensure(tool: IptablesTool, spec: FirewallSpec): Promise<boolean> {
    if (!(await this.#hasFilter(tool))) return false;
    const rules = hookRules(spec, this.#prefix, tool);
    const { forward, input } = chainNames(this.#prefix);
    const jumps = [
      ["FORWARD", forward],
      ["INPUT", input],
    ] as const;
    const applied = this.#applied.get(tool);
    const now = await this.#list(tool);
    const unreached = jumps.filter(([parent, chain]) => !isReached(now, parent, chain));
    if (unreached.length === 0 && applied?.rules === rules && this.#ours(now) === applied.listed) return false;
    await must(this.#runner, { argv: [`${tool}-restore`, "-w", "--noflush"], stdin: rules });
    for (const [parent, chain] of unreached) {
      await this.#run(tool, "-D", parent, "-j", chain);
      await must(this.#runner, { argv: [tool, "-w", "-I", parent, "-j", chain] });
    }
    if (applied?.rules !== rules) this.#applied.set(tool, { rules, listed: this.#ours(await this.#list(tool)) });
    return true;
  }

  /** The whole filter table as `-S` prints it: a rule a line. */
  async #list(tool: IptablesTool): Promise<string[]> {
    return (await must(this.#runner, { argv: [tool, "-w", "-S"] })).split("\n");
  }

  /** The lines of our chains, compared as text and never parsed. */
  #ours(lines: readonly string[]): string {
    const { forward, input } = chainNames(this.#prefix);
    return lines.filter((line) => [forward, input].includes(line.split(" ")[1] ?? "")).join("\n");
  }

  /** Without a filter table nothing needs to be overruled. The legacy tools list their tables in a file, the others in nft. */
  async #hasFilter(tool: IptablesTool): Promise<boolean> {
    const family = tool === "iptables" ? "ip" : "ip6";
    if (!this.#versions.has(tool)) {
      const version = await this.#runner.run({ argv: [tool, "--version"] }).catch(() => undefined);
      this.#versions.set(tool, version?.code === 0 ? version.stdout : undefined);
    }
    const version = this.#versions.get(tool);
    if (version === undefined) return false;
    const legacy = version.includes("legacy");
    const argv = legacy
      ? ["cat", `/proc/net/${family}_tables_names`]
      : ["nft", "-j", "list", "chain", family, "filter", "FORWARD"];
    const { code, stdout } = await this.#runner.run({ argv });
    return code === 0 && (!legacy || stdout.split("\n").includes("filter"));
  }

  #run(tool: IptablesTool, ...words: string[]): Promise<unknown> {
    return this.#runner.run({ argv: [tool, "-w", ...words] });
  }
}

/** Whether packets get to the jump: it is there, and nothing but calls of other chains comes before it. */
export function isReached(lines: readonly string[], parent: string, chain: string): boolean {
  const rules = lines.filter((line) => line.startsWith(`-A ${parent} `));
  const at = rules.indexOf(`-A ${parent} -j ${chain}`);
  return (
    at >= 0 && !rules.slice(0, at).some((rule) => / -[jg] (?:DROP|REJECT|ACCEPT|RETURN|QUEUE|NFQUEUE)\b/.test(rule))
  );
}
