import type { Clock, VirtualClock } from "./clock.ts";
import { fixed, type Latency } from "./latency.ts";
import type { Random } from "./random.ts";

/** Called once for each message that arrives. */
export type MessageHandler<M> = (from: string, message: M) => void;

/** One peer's access to the network, valid until the peer crashes. */
export interface Endpoint<M> {
  readonly id: string;
  /** Sends one message. `bytes` only counts in the statistics. Never fails: a lost message is silence. */
  send(to: string, message: M, bytes?: number): void;
  /** This peer's own clock: skewed as set, its timers die with the peer. */
  readonly clock: Clock;
}

export interface NetworkOptions {
  readonly clock: VirtualClock;
  readonly random: Random;
  /** One-way delay. @defaultValue fixed(1) */
  readonly latency?: Latency;
  /** Chance that a message is lost, 0..1. @defaultValue 0 */
  readonly loss?: number;
  /** Messages from one peer to another never overtake each other, as in TCP. @defaultValue false */
  readonly ordered?: boolean;
}

/** Counts since the start. */
export interface NetworkStats {
  readonly sent: number;
  readonly delivered: number;
  /** Lost by chance, by partition, or because the receiver was down. */
  readonly lost: number;
  readonly bytes: number;
}

/** Peers that exchange messages; see {@link createNetwork}. */
export interface SimNetwork<M> {
  /** Starts a peer, or starts it again after a crash. */
  attach(id: string, onMessage: MessageHandler<M>): Endpoint<M>;
  /** Stops a peer at once: its timers never fire, messages to it are lost. Those it has sent still arrive. */
  crash(id: string): void;
  /** Messages pass only within a group from now on, also those on the way. Peers in no group form one of their own. */
  partition(groups: readonly (readonly string[])[]): void;
  /** Ends every partition and every {@link block}. */
  heal(): void;
  /** Stops messages in one direction only. */
  block(from: string, to: string): void;
  /** Moves a peer's clock: `offsetMs` ahead of true time, running `rate` times as fast. Timers already set keep theirs. */
  skew(id: string, offsetMs: number, rate?: number): void;
  /** Changes the chance of loss from now on. */
  setLoss(loss: number): void;
  readonly stats: NetworkStats;
}

interface Peer<M> {
  onMessage: MessageHandler<M>;
  /** Distinguishes incarnations, so that timers of a crashed one stay silent. */
  life: number;
  up: boolean;
  group: number;
  offsetMs: number;
  rate: number;
}

/**
 * Makes a network in virtual time.
 *
 * @typeParam M - what travels: bytes, or any value when only behaviour matters
 */
export function createNetwork<M = Uint8Array>(options: NetworkOptions): SimNetwork<M> {
  const { clock, random, latency = fixed(1), ordered = false } = options;
  let loss = options.loss ?? 0;
  /** Bounded by: peers ever attached. */
  const peers = new Map<string, Peer<M>>();
  /** Bounded by: pairs blocked since the last heal. */
  const blocked = new Set<string>();
  /** Latest arrival per pair, for `ordered`. Bounded by: pairs that have talked. */
  const arrivals = new Map<string, number>();
  const stats = { sent: 0, delivered: 0, lost: 0, bytes: 0 };

  const passes = (from: string, to: string): boolean => {
    const target = peers.get(to);
    if (!target?.up || peers.get(from)!.group !== target.group) return false;
    return blocked.size === 0 || !blocked.has(`${from}>${to}`);
  };
  const arrivalDelay = (from: string, to: string): number => {
    const drawn = latency(random);
    if (!ordered) return drawn;
    const pair = `${from}>${to}`;
    const at = Math.max(clock.now() + drawn, arrivals.get(pair) ?? 0);
    arrivals.set(pair, at);
    return at - clock.now();
  };
  const send = (from: string, to: string, message: M, bytes: number): void => {
    stats.sent++;
    stats.bytes += bytes;
    if ((loss > 0 && random() < loss) || !passes(from, to)) {
      stats.lost++;
      return;
    }
    clock.after(arrivalDelay(from, to), () => {
      // Asked again: the receiver may have crashed, or the cable been cut, while the message was on its way.
      if (!passes(from, to)) {
        stats.lost++;
        return;
      }
      stats.delivered++;
      peers.get(to)!.onMessage(from, message);
    });
  };
  const attach = (id: string, onMessage: MessageHandler<M>): Endpoint<M> => {
    const old = peers.get(id);
    const peer: Peer<M> = old ?? { onMessage, life: 0, up: true, group: -1, offsetMs: 0, rate: 1 };
    peer.onMessage = onMessage;
    peer.up = true;
    peer.life++;
    peers.set(id, peer);
    const { life } = peer;
    const alive = (): boolean => peer.up && peer.life === life;
    return {
      id,
      send: (to, message, bytes = 0) => {
        if (alive()) send(id, to, message, bytes);
      },
      clock: {
        now: () => clock.now() * peer.rate + peer.offsetMs,
        after: (ms, fn) => clock.after(ms / peer.rate, () => alive() && fn()),
      },
    };
  };

  return {
    attach,
    crash(id) {
      const peer = peers.get(id);
      if (peer) peer.up = false;
    },
    partition(groups) {
      for (const peer of peers.values()) peer.group = -1;
      groups.forEach((group, index) => {
        for (const id of group) {
          const peer = peers.get(id);
          if (peer) peer.group = index;
        }
      });
    },
    heal() {
      for (const peer of peers.values()) peer.group = -1;
      blocked.clear();
    },
    block: (from, to) => void blocked.add(`${from}>${to}`),
    skew(id, offsetMs, rate = 1) {
      const peer = peers.get(id);
      if (peer) Object.assign(peer, { offsetMs, rate });
    },
    setLoss(next) {
      loss = next;
    },
    stats,
  };
}
