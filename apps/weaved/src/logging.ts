import { type Logger as Pino, pino, stdTimeFunctions } from "pino";
import { readableLogLine } from "./values/log-line.ts";

/** What libraries get to log with (ARCHITECTURE.md): the message for people, the fields for machines. */
export interface Logger {
  debug(message: string, fields?: object): void;
  info(message: string, fields?: object): void;
  warn(message: string, fields?: object): void;
  error(message: string, fields?: object): void;
}

/** The daemon's logger: JSON lines, or readable lines on a terminal. */
export interface RootLogger extends Logger {
  /** A logger whose lines name a part of the daemon. */
  part(name: string): Logger;
  /** Changes the level while running. */
  setLevel(level: string): void;
  readonly level: string;
}

const levelNames: Readonly<Record<string, string>> = { warning: "warn" };

/**
 * Makes the logger. Fields named like secrets are removed wherever they appear, so that a password cannot get into a log
 * by being part of some object.
 */
export function createLogger(options: { level: string; format: "json" | "pretty" | "auto" }): RootLogger {
  const pretty = options.format === "pretty" || (options.format === "auto" && process.stdout.isTTY === true);
  const settings = {
    level: levelNames[options.level] ?? options.level,
    base: null,
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    redact: {
      paths: ["password", "*.password", "token", "*.token", "sessionKey", "*.sessionKey"],
      censor: "<redacted>",
    },
  };
  const root = pretty ? pino(settings, prettyStream()) : pino(settings);
  return {
    ...wrap(root),
    part: (name) => wrap(root.child({ part: name })),
    setLevel(level) {
      root.level = levelNames[level] ?? level;
    },
    get level() {
      return root.level;
    },
  };
}

function wrap(log: Pino): Logger {
  // pino takes the fields first; libraries here say the message first, because that is what a reader looks for.
  return {
    debug: (message, fields) => log.debug(fields ?? {}, message),
    info: (message, fields) => log.info(fields ?? {}, message),
    warn: (message, fields) => log.warn(fields ?? {}, message),
    error: (message, fields) => log.error(fields ?? {}, message),
  };
}

function prettyStream(): { write(line: string): void } {
  return { write: (line) => void process.stdout.write(`${readableLogLine(line)}\n`) };
}
