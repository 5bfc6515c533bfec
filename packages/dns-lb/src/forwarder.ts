/** Forwards questions to upstream servers: equal questions once, under ids of our own, and never to a server that leads back to us. */
import { HEADER_BYTES, questionEnd } from "./message.ts";
import type { Clock, Logger } from "./ports.ts";
import { race } from "./race.ts";
import type { Upstream } from "./resolv-conf.ts";
import { UpstreamPool } from "./upstream-pool.ts";

/** How a question arrived, and how it goes on. */
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
  /** 16 random bits that others cannot guess. */
  readonly randomId: () => number;
  /** How long one server may take. @defaultValue 5000 */
  readonly timeoutMs?: number;
  /** After how long the next server is asked as well. @defaultValue 300 */
  readonly hedgeMs?: number;
}

/** Forwards questions. */
export interface Forwarder {
  /** The reply with the query's id and question; undefined when no server replied. Never rejects. */
  forward(message: Uint8Array, transport: Transport): Promise<Uint8Array | undefined>;
  /** Called with every name that is about to be forwarded: true when it is our own probe, come back through an upstream. */
  recognise(name: string): boolean;
}

/** Questions under way at once; more are refused, because a dead upstream holds each for seconds. */
const MAX_PENDING = 1024;
/** Longest question that is forwarded. A real one has some hundred bytes. */
const MAX_QUESTION_BYTES = 4096;

/** Makes a forwarder. It owns no timers of its own between questions. */
export function createForwarder(options: ForwarderOptions): Forwarder {
  const { clock, randomId, hedgeMs = 300 } = options;
  /** By transport and message without id. Bounded by: `MAX_PENDING`. */
  const pending = new Map<string, Promise<Uint8Array | undefined>>();
  const pool = new UpstreamPool(options);

  const start = async (message: Uint8Array, transport: Transport): Promise<Uint8Array | undefined> => {
    // Not slice(): of a Buffer, that is no copy.
    const copy = new Uint8Array(message);
    const id = randomId();
    copy[0] = id >>> 8;
    copy[1] = id & 255;
    const servers = await pool.usable(copy, transport);
    return race(servers, hedgeMs, clock, (server, signal) => pool.ask(server, copy, transport, signal));
  };

  return {
    async forward(message, transport) {
      if (message.length > MAX_QUESTION_BYTES) return undefined;
      const key = transport + Buffer.from(message.subarray(2)).toString("latin1");
      let reply = pending.get(key);
      if (reply === undefined) {
        if (pending.size >= MAX_PENDING) return undefined;
        reply = start(message, transport)
          .catch(() => undefined)
          .finally(() => pending.delete(key));
        pending.set(key, reply);
      }
      const shared = await reply;
      return shared === undefined ? undefined : readdressed(shared, message);
    },
    recognise: (name) => pool.recognise(name),
  };
}

/** A copy of a reply with the id of a query, and with its question in the case in which the client asked. */
function readdressed(reply: Uint8Array, query: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(reply);
  bytes.set(query.subarray(0, 2));
  const hasQuestion = bytes[4] !== 0 || bytes[5] !== 0;
  if (hasQuestion) bytes.set(query.subarray(HEADER_BYTES, questionEnd(query)), HEADER_BYTES);
  return bytes;
}
