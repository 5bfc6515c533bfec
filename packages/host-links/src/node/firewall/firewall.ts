import type { Guard, GuardedPort } from "../../firewall/guard.ts";
import type { Drops } from "../../firewall/listing.ts";
import { firewallRules, guardRules, noFirewallRules } from "../../firewall/tables.ts";
import { tableNames } from "../../names.ts";
import type { FirewallSpec } from "../../types.ts";
import type { Context } from "../context.ts";
import { must, readHostAddresses } from "../kernel.ts";
import { Hook } from "./hook.ts";
import { Table } from "./table.ts";

/** A port whose mode may be left to the firewall's. */
export type PortRights = Omit<GuardedPort, "strict"> & { readonly strict: boolean | undefined };

/** All rules of ours: the two tables of nft, and the chains in iptables' table. */
export class Firewall {
  readonly #context: Context;
  readonly #rights: () => readonly PortRights[];
  readonly #filter: Table;
  readonly #guard: Table;
  readonly #hook: Hook;
  #wanted: FirewallSpec | undefined;
  #host: Guard["host"] | undefined;

  constructor(context: Context, rights: () => readonly PortRights[]) {
    const { runner, prefix, owner } = context;
    const names = tableNames(prefix);
    this.#context = context;
    this.#rights = rights;
    this.#filter = new Table(runner, names.inet, owner);
    this.#guard = new Table(runner, names.bridge, owner);
    this.#hook = new Hook(runner, prefix);
  }

  get wanted(): FirewallSpec | undefined {
    return this.#wanted;
  }

  /** Replaces all rules; true when something was changed. */
  set(spec: FirewallSpec): Promise<boolean> {
    return this.#inOrder(async () => {
      // Refused rules are not remembered: they would be refused at every repair.
      firewallRules(spec, this.#context);
      this.#wanted = spec;
      return this.#ensure();
    });
  }

  /** Puts back what another program changed; true when there was something. */
  ensure(): Promise<boolean> {
    return this.#inOrder(async () => {
      this.#host = await readHostAddresses(this.#context.runner);
      // A new address of this host changes the rules, and is not drift.
      if (this.#isGuarding()) await this.#guard.put(this.#guardRules());
      return this.#ensure();
    });
  }

  /** Puts the anti-spoofing rules of the ports that there are now in place, before a port passes frames. */
  guard(): Promise<void> {
    return this.#inOrder(async () => {
      this.#host ??= await readHostAddresses(this.#context.runner);
      if (this.#isGuarding()) await this.#guard.put(this.#guardRules());
    });
  }

  clear(): Promise<void> {
    this.#wanted = undefined;
    return this.#inOrder(async () => {
      const { runner, prefix } = this.#context;
      await must(runner, { argv: ["nft", "-f", "-"], stdin: noFirewallRules(prefix) });
      for (const table of [this.#filter, this.#guard]) table.forget();
      await this.#hook.clear();
      // Anti-spoofing is not a wish that could be cleared: it stays as long as there are ports.
      if (this.#isGuarding()) await this.#guard.put(this.#guardRules());
    });
  }

  /** The guarded ports, each with its mode. */
  ports(): GuardedPort[] {
    const isStrict = this.#wanted?.antiSpoofing?.mode === "strict";
    return this.#rights().map((port) => ({ ...port, strict: port.strict ?? isStrict }));
  }

  /** Packets and frames dropped so far, by reason. */
  async drops(): Promise<Drops> {
    const [filter, guard] = await Promise.all([this.#filter.drops(), this.#guard.drops()]);
    return { ...filter, ...guard };
  }

  async #ensure(): Promise<boolean> {
    const { runner } = this.#context;
    this.#host = await readHostAddresses(runner);
    let changed = this.#isGuarding() && (await this.#guard.ensure(this.#guardRules()));
    const spec = this.#wanted;
    if (!spec) return changed;
    if (forwards(spec)) await must(runner, { argv: ["sysctl", "-q", "-w", "net.ipv4.ip_forward=1"] });
    if (await this.#filter.ensure(firewallRules(spec, this.#context))) changed = true;
    if (await this.#hook.ensure(spec)) changed = true;
    return changed;
  }

  #isGuarding(): boolean {
    return this.#wanted !== undefined || this.#rights().length > 0;
  }

  #guardRules(): string {
    const { exposures = [], services = [], antiSpoofing = {} } = this.#wanted ?? {};
    const host = this.#host ?? { addresses: [], macs: [] };
    const targets = services.map(({ target }) => target.address);
    return guardRules({ ports: this.ports(), antiSpoofing, host, exposures, targets }, this.#context);
  }

  #inOrder<T>(act: () => Promise<T>): Promise<T> {
    return this.#context.inOrder("firewall", act);
  }
}

function forwards({ exposures = [], services = [] }: FirewallSpec): boolean {
  return exposures.length + services.length > 0;
}
