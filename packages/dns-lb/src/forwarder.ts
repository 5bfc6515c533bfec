/**
 * Asks others: which upstream first, when to try the next as well, which answer to believe, and whom not to ask because
 * the question would come back.
 */
import { rcode } from "./message.ts";
import type { Clock, Logger } from "./ports.ts";
import { encodeName } from "./rdata.ts";
import type { Upstream } from "./resolv-conf.ts";

/** Over what a question came, so goes on. */
export type Transport = "udp" | "tcp";

/** Sends one message to one server and waits for the reply with its id; rejects when there is none. */
export type Exchange = (
  server: Upstream,
  message: Uint8Array,
  transport: Transport,
  signal: AbortSignal,
) => Promise<Uint8Array>;

/** What a forwarder needs. */
export interface ForwarderOptions {
  readonly exchange: Exchange;
  /** The servers of the moment, best first, our own addresses left out. */
  readonly servers: () => Promise<readonly Upstream[]>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** 16 random bits, not guessable by others. */
  readonly randomId: () => number;
  /** How long one server may take. @defaultValue 5000 */
  readonly timeoutMs?: number;
  /** After how long the next server is asked as well. @defaultValue 300 */
  readonly hedgeMs?: number;
}

/** Forwards questions. */
export interface Forwarder {
  /** The reply with the query's id; undefined when no server said anything. Never rejects. */
  forward(message: Uint8Array, transport: Transport): Promise<Uint8Array | undefined>;
  /** To be shown every name that is to be forwarded: true when it is our own probe, come back through an upstream. */
  recognise(name: string): boolean;
}

/** Questions under way at once; more are refused, because a dead upstream holds each for seconds. */
const mostPending = 1024;
/** How long a server that did not answer is asked last. */
const penaltyMs = 30_000;
/** Probes are names below this; `invalid` never exists (RFC 6761). */
const probeDomain = "loop.weaved.invalid.";

const keyOf = (server: Upstream): string => `${server.address}|${server.port ?? 53}`;

/** Makes a forwarder. It owns no timers of its own between questions. */
export function createForwarder(options: ForwarderOptions): Forwarder {
  const { clock, randomId, hedgeMs = 300 } = options;
  /** By transport and message without id. Bounded by: `mostPending`. */
  const pending = new Map<string, Promise<Uint8Array | undefined>>();
  const pool = new UpstreamPool(options);

  const start = async (message: Uint8Array, transport: Transport): Promise<Uint8Array | undefined> => {
    const candidates = await pool.usable();
    // Not slice(): of a Buffer, that is no copy.
    const copy = new Uint8Array(message);
    const id = randomId();
    copy[0] = id >>> 8;
    copy[1] = id & 255;
    return race(candidates, hedgeMs, clock, (server, signal) => pool.ask(server, copy, transport, signal));
  };

  return {
    async forward(message, transport) {
      const key = transport + Buffer.from(message.subarray(2)).toString("latin1");
      let reply = pending.get(key);
      if (reply === undefined) {
        if (pending.size >= mostPending) return undefined;
        reply = start(message, transport)
          .catch(() => undefined)
          .finally(() => pending.delete(key));
        pending.set(key, reply);
      }
      const shared = await reply;
      if (shared === undefined) return undefined;
      const bytes = new Uint8Array(shared);
      bytes.set(message.subarray(0, 2));
      return bytes;
    },
    recognise: (name) => pool.recognise(name),
  };
}

/** The servers of the moment: who was slow, who leads back to us. */
class UpstreamPool {
  readonly #options: ForwarderOptions;
  /** Until when a server is asked last. Bounded by: servers of the moment. */
  readonly #penalties = new Map<string, number>();
  /** What a probe said about a server. Bounded by: servers of the moment. */
  readonly #probes = new Map<string, { readonly token: string; loops: boolean }>();

  constructor(options: ForwarderOptions) {
    this.#options = options;
  }

  /** Servers worth asking, those that did not answer lately last. */
  async usable(): Promise<readonly Upstream[]> {
    const all = await this.#options.servers();
    const current = new Set(all.map(keyOf));
    for (const known of [...this.#probes.keys()]) {
      if (current.has(known)) continue;
      this.#probes.delete(known);
      this.#penalties.delete(known);
    }
    for (const server of all) if (!this.#probes.has(keyOf(server))) this.#probe(server);
    const now = this.#options.clock.now();
    const isLate = (server: Upstream): number => Number((this.#penalties.get(keyOf(server)) ?? 0) > now);
    return all.filter((server) => !this.#probes.get(keyOf(server))!.loops).sort((a, b) => isLate(a) - isLate(b));
  }

  /** Undefined when the server does not answer in time. */
  async ask(
    server: Upstream,
    message: Uint8Array,
    transport: Transport,
    signal: AbortSignal,
  ): Promise<Uint8Array | undefined> {
    const { exchange, clock, logger, timeoutMs = 5000 } = this.#options;
    const timeout = new AbortController();
    const cancel = clock.after(timeoutMs, () => timeout.abort(new Error("time-out")));
    try {
      const reply = await exchange(server, message, transport, AbortSignal.any([signal, timeout.signal]));
      this.#penalties.delete(keyOf(server));
      return reply;
    } catch (error) {
      if (!signal.aborted) {
        this.#penalties.set(keyOf(server), clock.now() + penaltyMs);
        logger.debug("upstream did not answer", { server: server.address, error });
      }
      return undefined;
    } finally {
      cancel();
    }
  }

  recognise(name: string): boolean {
    if (!name.toLowerCase().endsWith(`.${probeDomain}`)) return false;
    const token = name.slice(0, name.indexOf(".")).toLowerCase();
    for (const [server, probed] of this.#probes) {
      if (probed.token !== token) continue;
      if (!probed.loops)
        this.#options.logger.warn("upstream sends our questions back to us; it is not asked any more", { server });
      probed.loops = true;
      return true;
    }
    // Another server's probe: it must travel on, or that server would never see its loop.
    return false;
  }

  #probe(server: Upstream): void {
    const { randomId } = this.#options;
    const token = `p${[randomId(), randomId(), randomId()].map((part) => part.toString(16)).join("")}`;
    this.#probes.set(keyOf(server), { token, loops: false });
    const name = encodeName(`${token}.${probeDomain}`);
    const id = randomId();
    const message = Uint8Array.of(id >>> 8, id & 255, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, ...name, 0, 1, 0, 1);
    void this.ask(server, message, "udp", new AbortController().signal);
  }
}

/** A reply that another server may better. */
const isPoor = (reply: Uint8Array): boolean => {
  const code = reply[3]! & 15;
  return code === rcode.servFail || code === rcode.refused || code === rcode.notImp;
};

/** Asks in order, the next when one fails or is slow; the first good reply wins, a poor one is better than none. */
function race(
  servers: readonly Upstream[],
  hedgeMs: number,
  clock: Clock,
  ask: (server: Upstream, signal: AbortSignal) => Promise<Uint8Array | undefined>,
): Promise<Uint8Array | undefined> {
  return new Promise((resolve) => {
    const stop = new AbortController();
    let next = 0;
    let running = 0;
    let poor: Uint8Array | undefined;
    let cancelHedge = (): void => {};
    const finish = (reply: Uint8Array | undefined): void => {
      cancelHedge();
      stop.abort();
      resolve(reply);
    };
    const launch = (): void => {
      cancelHedge();
      const server = servers[next++];
      if (server === undefined) {
        if (running === 0) finish(poor);
        return;
      }
      running++;
      cancelHedge = clock.after(hedgeMs, launch);
      void ask(server, stop.signal).then((reply) => {
        running--;
        if (stop.signal.aborted) return;
        if (reply !== undefined && !isPoor(reply)) return finish(reply);
        poor ??= reply;
        launch();
      });
    };
    launch();
  });
}
