import { formatMac } from "../bytes.ts";
import type { Logger } from "../types.ts";
import { VxlanEntries } from "../vxlan-entries.ts";
import { command, each } from "./bridge.ts";
import { Latest } from "./latest.ts";

/** What the entries belong to. */
export interface KernelEntriesOptions {
  readonly device: string;
  readonly lingerMs: number;
  readonly logger: Logger;
  /** Takes the addresses from which the kernel may take packets. */
  readonly filter: { set(sources: readonly string[]): void };
}

/** The kernel's entries as `bridge -json` lists them. */
interface FdbRow {
  readonly mac: string;
  readonly dst?: string;
  readonly flags?: readonly string[];
}

/** Carries out what {@link VxlanEntries} wants, with `bridge`. */
export class KernelEntries {
  readonly entries: VxlanEntries;
  readonly #device: string;
  readonly #logger: Logger;
  /** The latest wish for each MAC that is not yet carried out, as commands. Bounded by: MACs known to the switch, and tunnels. */
  readonly #pending: Map<number, readonly string[]> = new Map();
  readonly #work: Latest = new Latest(() => this.#carryOut());

  constructor({ device, lingerMs, logger, filter }: KernelEntriesOptions) {
    this.#device = device;
    this.#logger = logger;
    this.entries = new VxlanEntries(
      {
        forward: (mac, address) => this.#queue(mac, forwardCommands(device, formatMac(mac), address)),
        tunnel: (mac, address) => this.#queue(mac, tunnelCommands(device, formatMac(mac), address)),
        sources: (addresses) => filter.set(addresses),
        after: (ms, fn) => {
          const timer = setTimeout(fn, ms).unref();
          return () => clearTimeout(timer);
        },
      },
      lingerMs,
    );
  }

  /** Takes over what the kernel already forwards, so that workloads talk on while this daemon is replaced. */
  async adopt(): Promise<void> {
    const rows = JSON.parse((await command("bridge", "-j", "fdb", "show", "dev", this.#device)) || "[]") as FdbRow[];
    const forwarded = new Set(rows.filter(({ dst }) => dst === undefined).map(({ mac }) => mac));
    const own = rows.filter(({ dst, flags }) => dst !== undefined && flags?.includes("self"));
    // An entry without its half in the bridge carries no frame: it is the end of a tunnel, or what is left of a change cut short.
    const [kept, left] = [own.filter(({ mac }) => forwarded.has(mac)), own.filter(({ mac }) => !forwarded.has(mac))];
    await each(
      "bridge",
      left.map(({ mac, dst }) => `fdb del ${mac} dev ${this.#device} dst ${dst} self`),
    );
    this.entries.adopt(
      kept.map(({ mac, dst }) => [Number.parseInt(mac.replaceAll(":", ""), 16), dst as string] as const),
    );
  }

  settled(): Promise<void> {
    return this.#work.settled();
  }

  #queue(mac: number, commands: readonly string[]): void {
    this.#pending.delete(mac);
    this.#pending.set(mac, commands);
    this.#work.request();
  }

  /** One process for all that came in: a path that fails may take hundreds of MACs along. */
  async #carryOut(): Promise<void> {
    const lines = [...this.#pending.values()].flat();
    this.#pending.clear();
    // An entry that should go and is not there is as wished.
    const missed = (await each("bridge", lines)).filter((line) => line.startsWith("fdb replace"));
    if (missed.length > 0) this.#logger.warn("forwarding entries could not be changed", { missed });
  }
}

function forwardCommands(device: string, mac: string, address: string | undefined): string[] {
  const entry = `${mac} dev ${device}`;
  // First the bridge lets go, so that frames go to the TAP device, then the tunnel forgets.
  if (address === undefined) return [`fdb del ${entry} master`, `fdb del ${entry} self`];
  return [
    `fdb replace ${entry} dst ${address} self permanent`,
    // Sticky: a frame that arrives by the TAP device meanwhile, such as an ARP request, must not take the entry away.
    `fdb replace ${entry} master static sticky`,
  ];
}

function tunnelCommands(device: string, mac: string, address: string | undefined): string[] {
  const entry = `${mac} dev ${device}`;
  return [address === undefined ? `fdb del ${entry} self` : `fdb replace ${entry} dst ${address} self permanent`];
}
