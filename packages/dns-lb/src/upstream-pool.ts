/** The upstream servers of the moment: which of them reply, and which lead back to us. */
import type { ForwarderOptions, Transport } from "./forwarder.ts";
import { encodeName } from "./rdata.ts";
import type { Upstream } from "./resolv-conf.ts";

/** How often a server that does not reply is tried again. */
const RETRY_MS = 30_000;
/** Questions in a row without a reply after which a server counts as dead; a lost datagram is not a dead server. */
const DEAD_AFTER = 2;
/** Questions that go on unneeded, for each server, to learn whether it is slow or dead. */
const MAX_OBSERVED = 4;
/** Probes are names below this; `invalid` never exists (RFC 6761). */
const PROBE_DOMAIN = "loop.weaved.invalid.";

/** What is known of one server. */
interface ServerState {
  /** Label of the probe that was sent to it. */
  readonly token: string;
  /** Our probe came back through it. */
  loops: boolean;
  /** Questions without a reply since the last reply. */
  failures: number;
  isDead: boolean;
  /** When a dead server is tried again. */
  retryAtMs: number;
  /** Exchanges that no question waits for. */
  observed: number;
}

const keyOf = (server: Upstream): string => `${server.address}|${server.port ?? 53}`;

/** Keeps the order of the list, with dead servers last and looping ones left out. */
export class UpstreamPool {
  readonly #options: ForwarderOptions;
  /** Bounded by: servers of the moment. */
  readonly #states = new Map<string, ServerState>();

  constructor(options: ForwarderOptions) {
    this.#options = options;
  }

  /** Servers worth asking, best first. A dead one whose time has come gets a copy of the question, which nothing waits for. */
  async usable(message: Uint8Array, transport: Transport): Promise<readonly Upstream[]> {
    const listed = await this.#options.servers();
    const current = new Set(listed.map(keyOf));
    for (const key of [...this.#states.keys()]) if (!current.has(key)) this.#states.delete(key);
    for (const server of listed) if (!this.#states.has(keyOf(server))) this.#probe(server);
    const isDead = (server: Upstream): boolean => this.#states.get(keyOf(server))?.isDead === true;
    const usable = listed.filter((server) => this.#states.get(keyOf(server))?.loops !== true);
    const [alive, dead] = [usable.filter((server) => !isDead(server)), usable.filter(isDead)];
    if (alive.length > 0) for (const server of dead) this.#retry(server, message, transport);
    return [...alive, ...dead];
  }

  /**
   * Undefined when the server does not reply in time. When `signal` says that the reply is no longer needed, a few exchanges go
   * on to learn whether the server is slow or dead.
   */
  async ask(
    server: Upstream,
    message: Uint8Array,
    transport: Transport,
    signal: AbortSignal,
  ): Promise<Uint8Array | undefined> {
    const { exchange, clock, timeoutMs = 5000 } = this.#options;
    const state = this.#states.get(keyOf(server));
    const stop = new AbortController();
    let timedOut = false;
    const cancelTimeout = clock.after(timeoutMs, () => {
      timedOut = true;
      stop.abort(new Error("time-out"));
    });
    const release = this.#observe(state, signal, stop);
    try {
      const reply = await exchange(server, message, transport, stop.signal);
      if (state !== undefined) Object.assign(state, { failures: 0, isDead: false });
      return reply;
    } catch (error) {
      const wasDropped = stop.signal.aborted && !timedOut;
      if (!wasDropped) this.#noteFailure(server, timedOut, error);
      return undefined;
    } finally {
      cancelTimeout();
      release();
    }
  }

  /** Whether `name` is a probe of ours. Another server's probe must travel on, or that server would never see its loop. */
  recognise(name: string): boolean {
    if (!name.toLowerCase().endsWith(`.${PROBE_DOMAIN}`)) return false;
    const token = name.slice(0, name.indexOf(".")).toLowerCase();
    for (const [server, state] of this.#states) {
      if (state.token !== token) continue;
      if (!state.loops) {
        this.#options.logger.warn("upstream sends our questions back to us; it is not asked any more", { server });
      }
      state.loops = true;
      return true;
    }
    return false;
  }

  /** Returns a function to be called at the end of the exchange. */
  #observe(state: ServerState | undefined, signal: AbortSignal, stop: AbortController): () => void {
    let isObserved = false;
    const onAbort = (): void => {
      if (state === undefined || state.observed >= MAX_OBSERVED) return stop.abort(signal.reason);
      isObserved = true;
      state.observed++;
    };
    if (signal.aborted) stop.abort(signal.reason);
    else signal.addEventListener("abort", onAbort);
    return () => {
      signal.removeEventListener("abort", onAbort);
      if (isObserved && state !== undefined) state.observed--;
    };
  }

  #noteFailure(server: Upstream, timedOut: boolean, error: unknown): void {
    const { clock, logger } = this.#options;
    const state = this.#states.get(keyOf(server));
    if (state === undefined) return;
    state.failures++;
    // An error (refused, no route) is certain; silence may be a lost datagram.
    if (timedOut && state.failures < DEAD_AFTER) return;
    if (!state.isDead) logger.info("upstream does not reply; it is asked last", { server: server.address, error });
    state.isDead = true;
    state.retryAtMs = clock.now() + RETRY_MS;
  }

  #retry(server: Upstream, message: Uint8Array, transport: Transport): void {
    const state = this.#states.get(keyOf(server));
    const now = this.#options.clock.now();
    if (state === undefined || state.retryAtMs > now) return;
    state.retryAtMs = now + RETRY_MS;
    void this.ask(server, message, transport, new AbortController().signal);
  }

  #probe(server: Upstream): void {
    const { randomId } = this.#options;
    const token = `p${[randomId(), randomId(), randomId()].map((part) => part.toString(16)).join("")}`;
    const state = { token, loops: false, failures: 0, isDead: false, retryAtMs: 0, observed: 0 };
    this.#states.set(keyOf(server), state);
    const name = encodeName(`${token}.${PROBE_DOMAIN}`);
    const id = randomId();
    const message = Uint8Array.of(id >>> 8, id & 255, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, ...name, 0, 1, 0, 1);
    void this.ask(server, message, "udp", new AbortController().signal);
  }
}
