/** What this package needs from its surroundings. Types only; the shapes are those of ARCHITECTURE.md. */

/** The only way this library asks for time. `now` is monotonic milliseconds; `after` runs once and returns a cancel function. */
export interface Clock {
  now(): number;
  after(ms: number, fn: () => void): () => void;
}

/** The message is for people, the fields are for machines. */
export interface Logger {
  debug(message: string, fields?: object): void;
  info(message: string, fields?: object): void;
  warn(message: string, fields?: object): void;
  error(message: string, fields?: object): void;
}

/** Counts, levels, and durations, by name. */
export interface Metrics {
  count(name: string, value?: number, labels?: Readonly<Record<string, string>>): void;
  gauge(name: string, value: number, labels?: Readonly<Record<string, string>>): void;
  observe(name: string, value: number, labels?: Readonly<Record<string, string>>): void;
}
