import type { MeshError, MeshErrorCode } from "./errors.ts";
import type { Logger, Metrics } from "./ports.ts";

/** Distinct causes of which the first occurrence is logged as a warning. */
const MAX_CAUSES = 256;

/** Counts each refusal, wait, retry, error; says each in words. */
export class Journal {
  readonly logger: Logger | undefined;
  readonly metrics: Metrics | undefined;
  /** Bounded by: error codes. */
  readonly counts: Partial<Record<MeshErrorCode, number>> = {};
  /** Bounded by: MAX_CAUSES. */
  readonly #warned = new Set<string>();

  constructor(logger: Logger | undefined, metrics: Metrics | undefined) {
    this.logger = logger;
    this.metrics = metrics;
  }

  /** Counts one event. */
  count(code: MeshErrorCode): void {
    this.counts[code] = (this.counts[code] ?? 0) + 1;
    this.metrics?.count("mesh_events", 1, { code });
  }

  /** A connection has ended or was refused: one line each. */
  ended(label: string, error: MeshError): void {
    this.count(error.code);
    this.logger?.info(`${label}: ${error.message}`, { code: error.code });
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

  /** Something is wrong with what a peer says. The first time for each cause is a warning, then only counted. */
  complaint(cause: string, error: MeshError): void {
    this.count(error.code);
    const key = `${cause}: ${error.message}`;
    if (this.#warned.has(key) || this.#warned.size >= MAX_CAUSES) return;
    this.#warned.add(key);
    this.logger?.warn(key, { code: error.code });
  }
}
