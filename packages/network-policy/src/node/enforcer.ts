import { PolicyError } from "../errors.ts";
import { diff, render } from "../nft/diff.ts";
import { type HookOptions, hookLines } from "../nft/hooks.ts";
import { dialectOf, JUDGE } from "../nft/render.ts";
import type { RuleSet } from "../nft/ruleset.ts";
import type { Runner } from "../ports.ts";

/** What an {@link Enforcer} needs. */
export interface EnforcerOptions extends HookOptions {
  /** Runs `nft` and `ip`. */
  readonly runner: Runner;
}

/** What one call of {@link Enforcer.apply} did. */
export interface Applied {
  /** `none`: the kernel had these rules. `change`: the difference. `whole`: the table was built anew. */
  readonly how: "none" | "change" | "whole";
  /** Bytes given to nft. */
  readonly bytes: number;
}

/** Keeps the kernel's table equal to rules. Calls run one after the other. */
export interface Enforcer {
  /**
   * Makes the kernel enforce these rules, in one transaction: before it the old ones hold, after it the new ones. The first call
   * builds the table anew, whatever a former process left.
   * @throws PolicyError `ENFORCEMENT_FAILED`; the former rules stay in force
   */
  apply(rules: RuleSet): Promise<Applied>;
  /** Builds the table anew when somebody removed it, such as by `nft flush ruleset`; returns whether it was gone. */
  repair(): Promise<boolean>;
  /** Removes the table: nothing is enforced any more. */
  remove(): Promise<void>;
}

/** Nothing is read or written before the first {@link Enforcer.apply}. Rules stay in the kernel when the process ends. */
export function createEnforcer(options: EnforcerOptions): Enforcer {
  const { runner } = options;
  const { table } = dialectOf(options);
  let inForce: RuleSet | undefined;
  let turn: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const result = turn.then(work);
    turn = result.catch(() => {});
    return result;
  };
  const nft = (text: string) => run(runner, ["nft", "-f", "-"], text);
  const whole = async (rules: RuleSet): Promise<Applied> => {
    const text = render(rules, options, hookLines(options));
    await nft(text);
    inForce = rules;
    return { how: "whole", bytes: text.length };
  };
  const change = async (before: RuleSet, rules: RuleSet): Promise<Applied> => {
    const text = diff(before, rules, options);
    if (text === "") {
      inForce = rules;
      return { how: "none", bytes: 0 };
    }
    try {
      await nft(text);
    } catch (error) {
      // The table is not what it was: someone removed or changed it. A failed transaction changes nothing.
      if (!(error instanceof PolicyError)) throw error;
      return whole(rules);
    }
    inForce = rules;
    return { how: "change", bytes: text.length };
  };
  return {
    apply: (rules) => inTurn(() => (inForce ? change(inForce, rules) : whole(rules))),
    repair: () =>
      inTurn(async () => {
        const { code } = await runner.run({ argv: ["nft", "list", "chain", "inet", table, JUDGE] });
        if (code === 0 || !inForce) return false;
        await whole(inForce);
        return true;
      }),
    remove: () =>
      inTurn(async () => {
        inForce = undefined;
        // Declaring a table before deleting it makes the deletion legal when there is none.
        await nft(`add table inet ${table}\ndelete table inet ${table}\n`);
      }),
  };
}

/**
 * Sends the bridged packets of one bridge through the rules, or stops it. Other bridges of the host are not touched, as the
 * host's global switch would.
 * @throws PolicyError `ENFORCEMENT_FAILED` when the kernel has no br_netfilter
 */
export async function filterBridge(runner: Runner, bridge: string, on: boolean): Promise<void> {
  const value = on ? "1" : "0";
  const argv = ["ip", "link", "set", "dev", bridge, "type", "bridge"];
  await run(runner, [...argv, "nf_call_iptables", value, "nf_call_ip6tables", value], undefined, REMEDY_BRIDGE);
}

const REMEDY_NFT = "install nftables 1.0 or newer and use a kernel with nf_tables";
const REMEDY_BRIDGE = "check that the bridge exists and that br_netfilter is loaded (modprobe br_netfilter)";

async function run(runner: Runner, argv: readonly string[], stdin?: string, remedy = REMEDY_NFT): Promise<void> {
  const fail = (why: string, cause?: unknown) =>
    new PolicyError("ENFORCEMENT_FAILED", `policies cannot be enforced: ${why}; ${remedy}`, { cause });
  const result = await runner.run({ argv, ...(stdin !== undefined && { stdin }) }).catch((error: unknown) => {
    throw fail(error instanceof Error ? error.message : String(error), error);
  });
  if (result.code !== 0)
    throw fail(`${argv[0]} failed: ${result.stderr.trim().split("\n")[0] ?? `exit code ${result.code}`}`);
}
