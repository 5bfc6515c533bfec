import type { Logger } from "../types.ts";
import type { HostRunner } from "./runner.ts";

/** Something that runs until closed; `close` is idempotent. */
export interface Watching {
  close(): Promise<void>;
}

/** Changes come in bursts: a reload is dozens of events. One look at the end is enough. */
const quietMs = 100;
/** A burst that goes on must not delay the look without limit. */
const longestMs = 500;
/** Monitors end when their program is upgraded or killed. */
const restartMs = 1000;
/** Some changes are not announced, such as those of legacy iptables. */
const pollMs = 10_000;

const monitors = [
  ["nft", "monitor"],
  ["ip", "monitor", "link", "address"],
] as const;

/**
 * Calls `check` soon after a program changed rules, links, or addresses of the host. Checks never overlap. The changes that a
 * check makes cause one more check, which finds nothing to do.
 */
export function watchHost(runner: HostRunner, check: () => Promise<unknown>, logger?: Logger): Watching {
  let closed = false;
  let timer: NodeJS.Timeout | undefined;
  let firstChange: number | undefined;
  let running: Promise<void> = Promise.resolve();
  const stops = new Map<readonly string[], () => void>();

  const look = () => {
    timer = undefined;
    firstChange = undefined;
    running = running.then(async () => {
      if (!closed)
        await check().catch((error: Error) => logger?.warn(`cannot repair the host's links: ${error.message}`));
    });
  };
  const changed = () => {
    if (closed) return;
    firstChange ??= performance.now();
    if (timer && performance.now() - firstChange > longestMs) return;
    clearTimeout(timer);
    timer = setTimeout(look, quietMs).unref();
  };
  const start = (argv: readonly string[]) => {
    const ended = () => {
      if (!closed) restarts.add(setTimeout(() => closed || start(argv), restartMs).unref());
    };
    stops.set(argv, runner.follow({ argv }, changed, ended));
  };
  /** Bounded by: monitors, as each waits for one restart at a time; fired ones are harmless. */
  const restarts = new Set<NodeJS.Timeout>();
  for (const argv of monitors) start(argv);
  const poll = setInterval(changed, pollMs).unref();

  return {
    async close() {
      closed = true;
      clearTimeout(timer);
      clearInterval(poll);
      for (const restart of restarts) clearTimeout(restart);
      for (const stop of stops.values()) stop();
      await running;
    },
  };
}
