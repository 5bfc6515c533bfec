import type { MeshError, MeshErrorCode } from "./errors.ts";
import type { Clock, Logger, Metrics } from "./ports.ts";

/** Distinct causes of which the first occurrence is logged as a warning. */
const MAX_CAUSES = 256;

/** Connections refused for being too many: so many lines in each such time, then one that counts the rest. */
const THROTTLED_LINES = 10;
const THROTTLED_MS = 1_000;

/** Counts each refusal, wait, retry, error; says each in words. */
export class Journal {
  readonly logger: Logger | undefined;
  readonly metrics: Metrics | undefined;
  /** Bounded by: error codes. */
  readonly counts: Partial<Record<MeshErrorCode, number>> = {};
  /** Bounded by: MAX_CAUSES. */
  readonly #warned = new Set<string>();
  readonly #clock: Clock;
  /** Refused for being too many since the time began. */
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

  /** A connection has ended or was refused: one line each, but for floods. */
  ended(label: string, error: MeshError): void {
    this.count(error.code);
    if (error.code === "MESH_THROTTLED" && !this.#mayTell()) return;
    this.logger?.info(`${label}: ${error.message}`, { code: error.code });
  }

  /** Whether one more line about a flood is in order; if not, it is counted in the one that closes the time. */
  #mayTell(): boolean {
    if (this.#throttled === 0) this.#clock.after(THROTTLED_MS, () => this.#tellRest());
    this.#throttled++;
    return this.#throttled <= THROTTLED_LINES;
  }

  #tellRest(): void {
    const rest = this.#throttled - THROTTLED_LINES;
    this.#throttled = 0;
    if (rest <= 0) return;
    const text = `${rest} more connections refused within ${THROTTLED_MS / 1000} s: too many at once`;
    this.logger?.info(text, { code: "MESH_THROTTLED", count: rest });
  }

  /** What a connection has carried, now that it has ended, and how many are left. */
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

  /** Something has happened that nothing expected. */
  internal(where: string, error: unknown): void {
    this.count("MESH_INTERNAL");
    const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.logger?.error(`unexpected error in ${where}; please report it: ${reason}`, { code: "MESH_INTERNAL" });
  }

  /** Something is wrong with what a peer says. The first time for each cause is a warning, then only counted. */
  complaint(cause: string, error: MeshError): void {
    this.count(error.code);
    const key = `${cause}: ${error.message}`;
    if (this.#warned.has(key) || this.#warned.size >= MAX_CAUSES) return;
    this.#warned.add(key);
    this.logger?.warn(key, { code: error.code });
  }
}
