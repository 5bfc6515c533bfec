import type { MeshError, MeshErrorCode } from "./errors.ts";
import type { Clock, Logger, Metrics } from "./ports.ts";

/** Distinct causes of which the first occurrence is logged as a warning. */
const MAX_CAUSES = 256;

/** Of connections refused for being too many, this many are logged in each period; one line counts the rest. */
const THROTTLED_LINES = 10;
const THROTTLED_MS = 1_000;

/** Counts each refusal, wait, retry, and error, and logs each in words. */
export class EventLog {
  readonly logger: Logger | undefined;
  readonly metrics: Metrics | undefined;
  /** Bounded by: error codes. */
  readonly counts: Partial<Record<MeshErrorCode, number>> = {};
  /** Bounded by: MAX_CAUSES. */
  readonly #warned = new Set<string>();
  readonly #clock: Clock;
  /** Connections refused for being too many in this period. */
  #throttled = 0;

  constructor(clock: Clock, logger: Logger | undefined, metrics: Metrics | undefined) {
    this.#clock = clock;
    this.logger = logger;
    this.metrics = metrics;
  }

  /** Counts one event. */
  count(code: MeshErrorCode): void {
    this.counts[code] = (this.counts[code] ?? 0) + 1;
    this.metrics?.count("mesh_events", 1, { code });
  }

  /** A connection has ended or was refused: one line each, except in floods. */
  ended(label: string, error: MeshError): void {
    this.count(error.code);
    if (error.code === "MESH_THROTTLED" && !this.#mayLogThrottled()) return;
    this.logger?.info(`${label}: ${error.message}`, { code: error.code });
  }

  /** Whether one more line about a flood may be logged; if not, the line that closes the period counts it. */
  #mayLogThrottled(): boolean {
    if (this.#throttled === 0) this.#clock.after(THROTTLED_MS, () => this.#logRest());
    this.#throttled++;
    return this.#throttled <= THROTTLED_LINES;
  }

  #logRest(): void {
    const rest = this.#throttled - THROTTLED_LINES;
    this.#throttled = 0;
    if (rest <= 0) return;
    const text = `${rest} more connections refused within ${THROTTLED_MS / 1000} s: too many at once`;
    this.logger?.info(text, { code: "MESH_THROTTLED", count: rest });
  }

  /** Records what an ended connection has carried, and how many connections are left. */
  measured(
    traffic: { readonly bytesIn: number; readonly bytesOut: number; messagesIn: number; messagesOut: number },
    connections: number,
  ): void {
    this.metrics?.gauge("mesh_connections", connections);
    this.metrics?.count("mesh_bytes_in", traffic.bytesIn);
    this.metrics?.count("mesh_bytes_out", traffic.bytesOut);
    this.metrics?.count("mesh_messages_in", traffic.messagesIn);
    this.metrics?.count("mesh_messages_out", traffic.messagesOut);
  }

  /** An error that nothing expected. */
  internal(where: string, error: unknown): void {
    this.count("MESH_INTERNAL");
    const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.logger?.error(`unexpected error in ${where}; please report it: ${reason}`, { code: "MESH_INTERNAL" });
  }

  /** A peer says something wrong. The first occurrence of each cause is a warning; later ones are only counted. */
  complaint(cause: string, error: MeshError): void {
    this.count(error.code);
    const key = `${cause}: ${error.message}`;
    if (this.#warned.has(key) || this.#warned.size >= MAX_CAUSES) return;
    this.#warned.add(key);
    this.logger?.warn(key, { code: error.code });
  }
}
