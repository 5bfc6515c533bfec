import { firewallRules, hookChain, hookRules, noFirewallRules, sameListing, tableName } from "../firewall.ts";
import type { FirewallSpec, Runner } from "../types.ts";
import { must } from "./kernel.ts";

/** Keeps our tables, and our chain in the table that Docker manages, as wanted. */
export interface FirewallKeeper {
  /** Puts the rules in place where they differ; true when something was changed. */
  ensure(spec: FirewallSpec): Promise<boolean>;
  /** Takes all of it away. */
  clear(): Promise<void>;
}

const listings = [
  ["nft", "-j", "list", "table", "inet", tableName],
  ["nft", "-j", "list", "table", "bridge", tableName],
  ["iptables", "-w", "-S", hookChain],
] as const;

export function createFirewallKeeper(runner: Runner): FirewallKeeper {
  /** Rules last put in place, and how the kernel then listed them. */
  let applied: { rules: string; listed: string[] } | undefined;

  async function list(): Promise<string[]> {
    const outputs = await Promise.all(
      listings.map((argv) => runner.run({ argv }).catch(() => ({ code: 1, stdout: "" }))),
    );
    return outputs.map(({ code, stdout }) => (code === 0 ? stdout : ""));
  }

  async function ensureHook(spec: FirewallSpec): Promise<void> {
    const parent = await hookParent(runner);
    if (!parent) return;
    await must(runner, { argv: ["iptables-restore", "-w", "--noflush"], stdin: hookRules(spec) });
    const jump = [parent, "-j", hookChain];
    const { code } = await runner.run({ argv: ["iptables", "-w", "-C", ...jump] });
    if (code !== 0) await must(runner, { argv: ["iptables", "-w", "-I", ...jump] });
  }

  async function hookIntact(): Promise<boolean> {
    const parent = await hookParent(runner);
    return !parent || (await runner.run({ argv: ["iptables", "-w", "-C", parent, "-j", hookChain] })).code === 0;
  }

  return {
    async ensure(spec) {
      const rules = firewallRules(spec) + hookRules(spec);
      if (applied?.rules === rules) {
        const [now, hooked] = await Promise.all([list(), hookIntact()]);
        if (hooked && now.every((listing, index) => sameAs(listing, applied!.listed[index]!, index))) return false;
      }
      await must(runner, { argv: ["nft", "-f", "-"], stdin: firewallRules(spec) });
      await ensureHook(spec);
      // The first listing is the measure: a later one may already show what somebody did since the rules went in.
      if (applied?.rules !== rules) {
        const listed = await list();
        applied = listed[0] === "" ? undefined : { rules, listed };
      }
      return true;
    },
    async clear() {
      applied = undefined;
      await must(runner, { argv: ["nft", "-f", "-"], stdin: noFirewallRules() });
      if (!(await hookParent(runner))) return;
      for (const parent of ["DOCKER-USER", "FORWARD"])
        await runner.run({ argv: ["iptables", "-w", "-D", parent, "-j", hookChain] });
      await runner.run({ argv: ["iptables", "-w", "-F", hookChain] });
      await runner.run({ argv: ["iptables", "-w", "-X", hookChain] });
    },
  };
}

/** The iptables listing is compared as text, never parsed. */
function sameAs(now: string, before: string, index: number): boolean {
  return index === 2 ? now === before : sameListing(now, before);
}

/**
 * The chain to jump from: Docker keeps DOCKER-USER for this purpose. Without an iptables filter table nothing needs overruling,
 * and none is made.
 */
async function hookParent(runner: Runner): Promise<string | undefined> {
  const { code: docker } = await runner
    .run({ argv: ["iptables", "-w", "-n", "-L", "DOCKER-USER", "1"] })
    .catch(() => ({ code: -1 }));
  if (docker === 0) return "DOCKER-USER";
  if (docker === -1) return undefined;
  const { code: filter } = await runner.run({ argv: ["nft", "-j", "list", "chain", "ip", "filter", "FORWARD"] });
  return filter === 0 ? "FORWARD" : undefined;
}
