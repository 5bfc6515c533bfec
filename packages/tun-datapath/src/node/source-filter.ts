import { noSourceFilterRules, type SourceFilter, sourceFilterRules, sourceFilterTable } from "../source-filter.ts";
import type { Logger } from "../types.ts";
import { applyRules, listTable } from "./bridge.ts";
import { Latest } from "./latest.ts";

/** After a failure the rules are put in place again this much later (ms). */
const RETRY_MS = 5_000;

/** Keeps the source filter of one port as wanted. */
export class SourceFilterKeeper {
  readonly #wanted: Omit<SourceFilter, "sources">;
  readonly #logger: Logger;
  /** Bounded by: addresses of neighbours. */
  #sources: readonly string[] = [];
  /** How the kernel lists the rules last put in place; undefined while they are to be put in place. */
  #listed: string | undefined;
  #started = false;
  #closed = false;
  #retry: NodeJS.Timeout | undefined;
  readonly #work: Latest = new Latest(() => this.#keep());

  constructor({ logger, ...wanted }: Omit<SourceFilter, "sources"> & { readonly logger: Logger }) {
    this.#wanted = wanted;
    this.#logger = logger;
  }

  /** Takes the whole set of addresses. In force after `settled`. */
  set(sources: readonly string[]): void {
    this.#sources = sources;
    this.#listed = undefined;
    this.check();
  }

  /** Puts the rules in place for the first time. Rejects where the kernel or `nft` cannot do it. */
  async start(): Promise<void> {
    await this.#apply();
    this.#started = true;
  }

  /** Puts the rules back if another program took them away: "nft flush ruleset" would leave the port open. */
  check(): void {
    if (this.#started && !this.#closed) this.#work.request();
  }

  async #keep(): Promise<void> {
    if (this.#closed) return;
    clearTimeout(this.#retry);
    try {
      if (this.#listed !== undefined && !(await this.#isIntact())) {
        this.#logger.warn("the source filter of VXLAN was changed by another program; it is put back");
        this.#listed = undefined;
      }
      if (this.#listed === undefined) await this.#apply();
    } catch (error) {
      const message = `the source filter of VXLAN is out of date; trying again in ${RETRY_MS / 1000} s`;
      this.#logger.error(message, { error: String(error) });
      this.#retry = setTimeout(() => this.check(), RETRY_MS).unref();
    }
  }

  /** Whether the rules are as they were put in place, or other rules are wanted by now. */
  async #isIntact(): Promise<boolean> {
    const listed = await listTable(sourceFilterTable(this.#wanted.port)).catch(() => "");
    return this.#listed === undefined || this.#listed === listed;
  }

  async #apply(): Promise<void> {
    const sources = this.#sources;
    await applyRules(sourceFilterRules({ ...this.#wanted, sources }));
    const listed = await listTable(sourceFilterTable(this.#wanted.port));
    // Other addresses may be wanted by now: then this run is followed by another.
    if (sources === this.#sources) this.#listed = listed;
  }

  settled(): Promise<void> {
    return this.#work.settled();
  }

  /** Stops keeping the rules; leaves them. */
  async close(): Promise<void> {
    await this.#work.settled();
    this.#closed = true;
    clearTimeout(this.#retry);
  }
}

/** Takes the filter away. Rejects where there is no `nft`. */
export async function removeSourceFilter(port: number): Promise<void> {
  await applyRules(noSourceFilterRules(port));
}
