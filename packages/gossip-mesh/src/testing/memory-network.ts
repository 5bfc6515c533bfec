/** TCP as far as a mesh can tell, in memory: ordered streams with delay, loss, partitions. */

import { hostOf } from "../dial/address.ts";
import { MeshError } from "../errors.ts";
import type { Clock, Random, Stream, StreamEvents, Transport } from "../ports.ts";

/** Bytes on the way in one direction before `write` asks to wait. */
const WINDOW_BYTES = 256 * 1024;
/** A lost segment is sent again after this, and holds up all behind it: TCP's smallest retransmission time-out in Linux. */
const RETRANSMIT_MS = 200;
/** In a partition TCP waits twice as long each time, up to Linux's longest. */
const MAX_RETRANSMIT_MS = 120_000;
const DIAL_TIMEOUT_MS = 20_000;
/** First ephemeral port, as Linux has it. */
const EPHEMERAL = 32_768;

/** How the network behaves. */
export interface MemoryNetworkOptions {
  readonly clock: Clock;
  /** For delays and loss. @defaultValue no loss, fixed delay */
  readonly random?: Random;
  /** One-way delay of a segment. @defaultValue 1 ms, always */
  readonly latency?: (random: Random) => number;
  /** Chance that a segment is lost and sent again. @defaultValue 0 */
  readonly loss?: number;
}

/** A network in memory; see {@link createMemoryNetwork}. */
export interface MemoryNetwork {
  /** A place on the network, `ip:port`. Ends when another transport takes the same place. */
  transport(address: string): Transport;
  /** Hosts (addresses without port) reach only those of their own group from now on; hosts in no group form one. */
  partition(groups: readonly (readonly string[])[]): void;
  /** Ends a partition. What was sent into it arrives when TCP sends it again, which may be as much later as the partition was long. */
  heal(): void;
  readonly stats: { readonly streams: number; readonly segments: number; readonly bytes: number };
}

interface World extends Required<MemoryNetworkOptions> {
  /** Bounded by: transports made. */
  readonly listeners: Map<string, (stream: Stream) => void>;
  readonly groups: Map<string, number>;
  readonly stats: { streams: number; segments: number; bytes: number };
  nextPort: number;
}

/** Makes a network. Times are the clock's, so that a virtual clock makes runs repeatable. */
export function createMemoryNetwork(options: MemoryNetworkOptions): MemoryNetwork {
  const world: World = {
    random: () => 0.5,
    latency: () => 1,
    loss: 0,
    ...options,
    listeners: new Map(),
    groups: new Map(),
    stats: { streams: 0, segments: 0, bytes: 0 },
    nextPort: EPHEMERAL,
  };
  return {
    transport: (address) => makeTransport(world, address),
    partition(groups) {
      world.groups.clear();
      groups.forEach((hosts, index) => {
        for (const host of hosts) world.groups.set(host, index);
      });
    },
    heal() {
      world.groups.clear();
    },
    stats: world.stats,
  };
}

function split(world: World, a: string, b: string): boolean {
  return world.groups.size > 0 && world.groups.get(hostOf(a)) !== world.groups.get(hostOf(b));
}

function delay(world: World): number {
  let ms = world.latency(world.random);
  while (world.loss > 0 && world.random() < world.loss) ms += RETRANSMIT_MS;
  return ms;
}

function makeTransport(world: World, address: string): Transport {
  return {
    onStream: (fn) => void world.listeners.set(address, fn),
    resolve: (host) => Promise.resolve(host),
    dial(to, done) {
      let cancelled = false;
      const fail = (code: "MESH_TIMEOUT" | "MESH_TRANSPORT", reason: string): void => {
        if (!cancelled) done(new MeshError(code, reason));
      };
      if (split(world, address, to)) {
        world.clock.after(DIAL_TIMEOUT_MS, () => fail("MESH_TIMEOUT", "no answer"));
      } else {
        world.clock.after(2 * delay(world), () => {
          const listener = world.listeners.get(to);
          if (cancelled) return;
          if (!listener) {
            fail("MESH_TRANSPORT", "connection refused");
            return;
          }
          const [near, far] = connectEnds(world, `${hostOf(address)}:${world.nextPort++}`, to);
          listener(far);
          done(near);
        });
      }
      return () => {
        cancelled = true;
      };
    },
  };
}

function connectEnds(world: World, from: string, to: string): [Stream, Stream] {
  world.stats.streams++;
  const near = new End(world, from, to);
  const far = new End(world, to, from);
  near.peer = far;
  far.peer = near;
  return [near, far];
}

/** One end of a stream. */
class End implements Stream {
  readonly local: Stream["local"];
  readonly remote: Stream["remote"];
  peer!: End;
  readonly #world: World;
  readonly #from: string;
  readonly #to: string;
  #events: StreamEvents | undefined;
  #closed = false;
  #arrivesAt = 0;
  #onTheWay = 0;
  #full = false;
  /** What a partition holds up. Bounded by: what is sent into it. */
  readonly #held: (() => void)[] = [];

  constructor(world: World, from: string, to: string) {
    this.#world = world;
    this.#from = from;
    this.#to = to;
    this.local = { address: hostOf(from), port: Number(from.slice(from.lastIndexOf(":") + 1)) };
    this.remote = { address: hostOf(to), port: Number(to.slice(to.lastIndexOf(":") + 1)) };
  }

  open(events: StreamEvents): void {
    this.#events = events;
  }

  write(bytes: Uint8Array): boolean {
    if (this.#closed) return true;
    this.#world.stats.segments++;
    this.#world.stats.bytes += bytes.length;
    this.#onTheWay += bytes.length;
    this.#transmit(() => {
      this.#onTheWay -= bytes.length;
      this.peer.#receive(bytes);
      if (this.#full && this.#onTheWay === 0) {
        this.#full = false;
        if (!this.#closed) this.#events?.drained();
      }
    });
    this.#full ||= this.#onTheWay > WINDOW_BYTES;
    return !this.#full;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    // A reset drops what is queued, and is sent once only.
    this.#held.length = 0;
    if (!split(this.#world, this.#from, this.#to)) this.#transmit(() => this.peer.#remoteClosed());
    this.#world.clock.after(0, () => this.#events?.closed());
  }

  /** Delivers in order, after the delay; a partition holds everything up. */
  #transmit(arrive: () => void): void {
    const { clock } = this.#world;
    this.#arrivesAt = Math.max(clock.now() + delay(this.#world), this.#arrivesAt);
    clock.after(this.#arrivesAt - clock.now(), () => this.#pass(arrive));
  }

  /** Delivers, unless something is held up already, or a partition is in the way. */
  #pass(arrive: () => void): void {
    if (this.#held.length === 0 && !split(this.#world, this.#from, this.#to)) arrive();
    else if (this.#held.push(arrive) === 1) this.#sendAgain(RETRANSMIT_MS);
  }

  #sendAgain(ms: number): void {
    this.#world.clock.after(ms, () => {
      if (split(this.#world, this.#from, this.#to)) {
        if (!this.#closed || !this.peer.#closed) this.#sendAgain(Math.min(2 * ms, MAX_RETRANSMIT_MS));
        return;
      }
      for (const arrive of this.#held.splice(0)) arrive();
    });
  }

  #receive(bytes: Uint8Array): void {
    if (!this.#closed) this.#events?.data(bytes);
  }

  #remoteClosed(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#events?.closed();
  }
}
