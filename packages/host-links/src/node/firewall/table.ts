import { LinksError } from "../../errors.ts";
import { type Drops, readDrops, readOwner, sameListing } from "../../firewall/listing.ts";
import type { Runner } from "../../types.ts";
import { must } from "../kernel.ts";

/** One of nft's tables, kept as its rule file says. */
export class Table {
  readonly #runner: Runner;
  /** Family and name. */
  readonly #name: string;
  readonly #owner: string;
  /** Rules last put in place, and how the kernel then listed them. */
  #applied: { readonly rules: string; readonly listed: string } | undefined;
  /** Counted by rules that were replaced since. Bounded by: reasons to drop. */
  #past: Drops = {};

  constructor(runner: Runner, name: string, owner: string) {
    this.#runner = runner;
    this.#name = name;
    this.#owner = owner;
  }

  /** Puts other rules in place; true when they are other than those last put. Does not look whether these are still there. */
  async put(rules: string): Promise<boolean> {
    if (this.#applied?.rules === rules) return false;
    return this.ensure(rules);
  }

  /**
   * Puts the rules in place where the kernel lists others; true when something was changed.
   *
   * @throws LinksError LINKS_FOREIGN when the table belongs to another program
   */
  async ensure(rules: string): Promise<boolean> {
    const now = await this.#list();
    const same = this.#applied?.rules === rules;
    if (same && sameListing(now, this.#applied!.listed)) return false;
    const owner = readOwner(now);
    if (owner !== undefined && owner !== this.#owner)
      throw new LinksError("LINKS_FOREIGN", `the table ${this.#name} belongs to ${owner}; choose another prefix`);
    this.#past = sum(this.#past, readDrops(now));
    await must(this.#runner, { argv: ["nft", "-f", "-"], stdin: rules });
    // The first listing is the measure: a later one may already show what another program did since the rules went in.
    if (!same) {
      const listed = await this.#list();
      this.#applied = listed === "" ? undefined : { rules, listed };
    }
    return true;
  }

  /** Lets the next {@link Table.put} apply whatever it is given. */
  forget(): void {
    this.#applied = undefined;
  }

  /** What the rules dropped since this process put the first of them in place, and before, if the table was there. */
  async drops(): Promise<Drops> {
    return sum(this.#past, readDrops(await this.#list()));
  }

  async #list(): Promise<string> {
    const argv = ["nft", "-j", "list", "table", ...this.#name.split(" ")];
    const { code, stdout } = await this.#runner.run({ argv });
    return code === 0 ? stdout : "";
  }
}

function sum(a: Drops, b: Drops): Drops {
  const total: Record<string, number> = { ...a };
  for (const [reason, packets] of Object.entries(b)) total[reason] = (total[reason] ?? 0) + packets;
  return total;
}
