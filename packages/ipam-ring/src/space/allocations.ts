import { type Cidr, parseIpv4, type Range } from "./address.ts";

/** Addresses of one ident, as the control interface lists them. */
export interface OwnedAddresses {
  readonly ident: string;
  /** Whether the ident is a container, whose death gives the addresses back. */
  readonly isContainer: boolean;
  readonly addresses: readonly Cidr[];
}

interface Account {
  isContainer: boolean;
  readonly cidrs: Map<number, Cidr>;
}

/** The addresses that the idents of this host hold. */
export class Allocations {
  /** Bounded by: containers and exposures of this host, each removed when released. */
  readonly #accounts = new Map<string, Account>();
  /** The same the other way round. */
  readonly #holders = new Map<number, string>();
  /** Idents modified since the last {@link takeChanged}. Bounded by: idents; emptied with every save. */
  readonly #changed = new Set<string>();
  /** Containers that died, with the time (ms): kept a while, because a restarted container wants the same address. Bounded by: accounts. */
  readonly #dead = new Map<string, number>();

  add(ident: string, cidr: Cidr, isContainer: boolean): void {
    const address = parseIpv4(cidr.address)!;
    const account = this.#accounts.get(ident) ?? { isContainer, cidrs: new Map() };
    account.isContainer = isContainer;
    account.cidrs.set(address, cidr);
    this.#accounts.set(ident, account);
    this.#holders.set(address, ident);
    this.#changed.add(ident);
  }

  /** False if the ident does not hold it. */
  remove(ident: string, address: number): boolean {
    const account = this.#accounts.get(ident);
    if (!account?.cidrs.delete(address)) return false;
    if (account.cidrs.size === 0) this.#accounts.delete(ident);
    this.#holders.delete(address);
    this.#changed.add(ident);
    return true;
  }

  holderOf(address: number): string | undefined {
    return this.#holders.get(address);
  }

  /** Addresses of an ident, oldest first; those within a range when one is given. */
  addressesOf(ident: string, within?: Range): { readonly address: number; readonly cidr: Cidr }[] {
    const found: { address: number; cidr: Cidr }[] = [];
    for (const [address, cidr] of this.#accounts.get(ident)?.cidrs ?? []) {
      if (!within || (address >= within.start && address < within.end)) found.push({ address, cidr });
    }
    return found;
  }

  isContainer(ident: string): boolean {
    return this.#accounts.get(ident)?.isContainer ?? false;
  }

  list(): OwnedAddresses[] {
    return [...this.#accounts.keys()].map((ident) => this.#owned(ident));
  }

  /** The idents modified since the last call, with empty lists for those that hold nothing any more. */
  takeChanged(): OwnedAddresses[] {
    const changed = [...this.#changed].map((ident) => this.#owned(ident));
    this.#changed.clear();
    return changed;
  }

  #owned(ident: string): OwnedAddresses {
    const account = this.#accounts.get(ident);
    return { ident, isContainer: account?.isContainer ?? false, addresses: [...(account?.cidrs.values() ?? [])] };
  }

  /** How many addresses are held. */
  get size(): number {
    return this.#holders.size;
  }

  /** All addresses held. */
  addresses(): Iterable<number> {
    return this.#holders.keys();
  }

  markDead(ident: string, now: number): void {
    this.#dead.set(ident, now);
  }

  /** Reverts {@link markDead}; returns whether the ident was dead. */
  revive(ident: string): boolean {
    return this.#dead.delete(ident);
  }

  isDead(ident: string): boolean {
    return this.#dead.has(ident);
  }

  /** The idents that died at or before a time; the call forgets them. */
  takeDead(until: number): string[] {
    const due = [...this.#dead].filter(([, at]) => at <= until).map(([ident]) => ident);
    for (const ident of due) this.#dead.delete(ident);
    return due;
  }
}
