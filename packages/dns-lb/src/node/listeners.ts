/**
 * The sockets of a server, one for each address.
 *
 * A socket bound to 0.0.0.0 replies from the address that routing prefers, not from the one that was asked, and clients drop such
 * replies. The kernel tells the asked address by IP_PKTINFO, which Node does not give. So "all addresses" means a socket for each
 * address of the host, and the set follows the host.
 */
import { isIP } from "node:net";
import { DnsError } from "../errors.ts";
import type { Clock, Logger } from "../ports.ts";
import { hostAddresses } from "./host-addresses.ts";

/** Where a server listens. A function is called again every second; `0.0.0.0` and `::` stand for all addresses of the host. */
export type ListenOn = string | readonly string[] | (() => readonly string[]);

/** An address with a bound socket. */
export interface ListenAddress {
  readonly address: string;
  readonly port: number;
}

/** Something bound. */
interface Bound extends ListenAddress {
  close(): Promise<void>;
}

/** What {@link openListeners} needs. */
export interface ListenersOptions {
  readonly on: ListenOn;
  /** 0 takes a free one, the same for every address. */
  readonly port: number;
  /** Binds UDP and TCP; resolves to the port. @throws DnsError `DNS_LISTEN_FAILED` */
  readonly open: (address: string, port: number) => Promise<Bound>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** @defaultValue the host's */
  readonly hostAddresses?: (() => readonly string[]) | undefined;
}

/** Bound sockets. */
export interface Listeners {
  /** In the order in which the addresses were named. */
  readonly bound: readonly ListenAddress[];
  /** Looks at the host's addresses now rather than within a second. */
  follow(): Promise<void>;
  close(): Promise<void>;
}

/** Clients of a new network ask at once: a container of a new Docker network asks the address of its gateway. */
const FOLLOW_MS = 1000;
/** Addresses of one host; more are left out. */
const MAX_ADDRESSES = 256;
const WILDCARDS: ReadonlyMap<string, number> = new Map([
  ["0.0.0.0", 4],
  ["::", 6],
]);

/**
 * Binds. Addresses that were named one by one must all be free; of those that stand for others, at least one.
 * @throws DnsError `DNS_LISTEN_FAILED`, with nothing left open
 */
export async function openListeners(options: ListenersOptions): Promise<Listeners> {
  const { on } = options;
  const named = typeof on === "function" ? undefined : [on].flat();
  const isFixed = named?.every((address) => !WILDCARDS.has(address)) ?? false;
  const sockets = new ListenerSet(options);
  try {
    await sockets.open(isFixed);
    if (named !== undefined && sockets.bound.length === 0) {
      throw new DnsError("DNS_LISTEN_FAILED", `${named.join(", ")}: this host has no such address; name another one`);
    }
  } catch (error) {
    await sockets.close();
    throw error;
  }
  if (!isFixed) sockets.followRegularly();
  return sockets;
}

class ListenerSet implements Listeners {
  readonly #options: ListenersOptions;
  /** By address. Bounded by: `MAX_ADDRESSES`. */
  readonly #open = new Map<string, Bound>();
  /** Addresses whose failure was logged. Bounded by: addresses wanted now. */
  readonly #failed = new Set<string>();
  #port: number;
  #order: readonly string[] = [];
  #isClosed = false;
  #cancel = (): void => {};
  /** Changes run one after the other. */
  #queue: Promise<void> = Promise.resolve();

  constructor(options: ListenersOptions) {
    this.#options = options;
    this.#port = options.port;
  }

  get bound(): readonly ListenAddress[] {
    return this.#order.flatMap((wanted) => {
      const open = this.#open.get(wanted);
      return open === undefined ? [] : [{ address: open.address, port: open.port }];
    });
  }

  async open(isStrict: boolean): Promise<void> {
    this.#order = this.#wanted();
    let firstError: unknown;
    for (const address of this.#order) {
      const error = await this.#tryOpen(address);
      if (error !== undefined && isStrict) throw error;
      firstError ??= error;
    }
    if (firstError !== undefined && this.#open.size === 0) throw firstError;
  }

  followRegularly(): void {
    this.#cancel = this.#options.clock.after(FOLLOW_MS, () => {
      void this.follow().then(() => {
        if (!this.#isClosed) this.followRegularly();
      });
    });
  }

  follow(): Promise<void> {
    this.#queue = this.#queue.then(() => this.#follow());
    return this.#queue;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancel();
    await this.#queue;
    await Promise.all([...this.#open.values()].map((bound) => bound.close()));
    this.#open.clear();
  }

  async #follow(): Promise<void> {
    if (this.#isClosed) return;
    this.#order = this.#wanted();
    const wanted = new Set(this.#order);
    for (const address of this.#failed) if (!wanted.has(address)) this.#failed.delete(address);
    for (const [address, bound] of this.#open) {
      if (wanted.has(address)) continue;
      this.#open.delete(address);
      this.#options.logger.info("DNS stopped listening on an address that is gone", { address });
      await bound.close();
    }
    for (const address of this.#order) if (!this.#open.has(address)) await this.#tryOpen(address);
  }

  /** The error, when the address could not be bound. */
  async #tryOpen(address: string): Promise<unknown> {
    try {
      const bound = await this.#options.open(address, this.#port);
      this.#port = bound.port;
      this.#failed.delete(address);
      this.#open.set(address, bound);
      return undefined;
    } catch (error) {
      if (!this.#failed.has(address)) this.#options.logger.warn("DNS cannot listen on an address", { address, error });
      this.#failed.add(address);
      return error;
    }
  }

  #wanted(): readonly string[] {
    const { on, hostAddresses: list = hostAddresses } = this.#options;
    const named = typeof on === "function" ? on() : [on].flat();
    const expanded = named.flatMap((address) => {
      const family = WILDCARDS.get(address);
      return family === undefined ? [address] : list().filter((own) => isIP(own) === family);
    });
    return [...new Set(expanded)].slice(0, MAX_ADDRESSES);
  }
}
