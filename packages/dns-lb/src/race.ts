/** Which of several servers' replies to believe. */
import { FLAG, RCODE } from "./message.ts";
import type { Clock } from "./ports.ts";
import type { Upstream } from "./resolv-conf.ts";

/**
 * `answer`: has records, or says to come back over TCP. `denial`: no such name, or no such record. `poor`: another server may do
 * better.
 */
type Quality = "answer" | "denial" | "poor";

function qualityOf(reply: Uint8Array): Quality {
  const code = reply[3]! & 15;
  if (code === RCODE.servFail || code === RCODE.refused || code === RCODE.notImp) return "poor";
  const isTruncated = (reply[2]! & (FLAG.truncated >>> 8)) !== 0;
  const answers = (reply[6]! << 8) | reply[7]!;
  return code === RCODE.noError && (answers > 0 || isTruncated) ? "answer" : "denial";
}

/** What became of one server's turn. */
type Outcome = { readonly quality: Quality; readonly reply: Uint8Array } | "failed" | "running";

/** Asks one server; undefined when it does not reply. Never rejects. */
export type Ask = (server: Upstream, signal: AbortSignal) => Promise<Uint8Array | undefined>;

/**
 * Asks servers in order, the next when one fails or is slow.
 *
 * Any server's answer wins at once. A denial counts only when every earlier server failed: servers are listed in order because
 * the first may know names that the others deny (split DNS). A poor reply is better than none.
 */
export function race(
  servers: readonly Upstream[],
  hedgeMs: number,
  clock: Clock,
  ask: Ask,
): Promise<Uint8Array | undefined> {
  return new Promise((resolve) => new Race({ servers, hedgeMs, clock, ask, resolve }).launch());
}

interface RaceOptions {
  readonly servers: readonly Upstream[];
  readonly hedgeMs: number;
  readonly clock: Clock;
  readonly ask: Ask;
  readonly resolve: (reply: Uint8Array | undefined) => void;
}

class Race {
  readonly #options: RaceOptions;
  readonly #stop = new AbortController();
  /** By server. Bounded by: servers. */
  readonly #outcomes: Outcome[] = [];
  #cancelHedge = (): void => {};

  constructor(options: RaceOptions) {
    this.#options = options;
  }

  /** Asks the next server, if there is one. */
  launch(): void {
    this.#cancelHedge();
    const { servers, clock, hedgeMs, ask } = this.#options;
    const index = this.#outcomes.length;
    const server = servers[index];
    if (server === undefined) return this.#decide();
    this.#outcomes.push("running");
    this.#cancelHedge = clock.after(hedgeMs, () => this.launch());
    void ask(server, this.#stop.signal).then((reply) => this.#settle(index, reply));
  }

  #settle(index: number, reply: Uint8Array | undefined): void {
    if (this.#stop.signal.aborted) return;
    const quality = reply === undefined ? undefined : qualityOf(reply);
    this.#outcomes[index] = reply === undefined || quality === undefined ? "failed" : { quality, reply };
    if (quality === "answer") return this.#finish(reply);
    if (quality === "denial") return this.#decide();
    this.launch();
  }

  /** Looks from the first server on for the first that neither failed nor was poor. */
  #decide(): void {
    let poor: Uint8Array | undefined;
    for (const outcome of this.#outcomes) {
      if (outcome === "running") return;
      if (outcome === "failed") continue;
      if (outcome.quality !== "poor") return this.#finish(outcome.reply);
      poor ??= outcome.reply;
    }
    if (this.#outcomes.length === this.#options.servers.length) this.#finish(poor);
  }

  #finish(reply: Uint8Array | undefined): void {
    this.#cancelHedge();
    this.#stop.abort();
    this.#options.resolve(reply);
  }
}
