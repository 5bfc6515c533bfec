/**
 * Takes connections that others open, at a pace. The original lets one in every 50 ms, hostile ones included; here one host
 * cannot use up the room of others, and a mesh that restarts gets in quickly.
 */
import { MeshError } from "../errors.ts";
import type { Clock, Stream } from "../ports.ts";

/** Handshakes under way at once, in all. */
const MAX_HANDSHAKES = 256;
/** The same from one address. */
const MAX_PER_HOST = 64;
/** Token bucket: connections at once, then one each interval. */
const BURST = 100;
const INTERVAL_MS = 5;

/** Decides whether a stream may begin its handshake. */
export class Acceptor {
  readonly #clock: Clock;
  /** Handshakes under way by host. Bounded by: MAX_HANDSHAKES. */
  readonly #hosts = new Map<string, number>();
  #underWay = 0;
  #tokens = BURST;
  #filledAt: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#filledAt = clock.now();
  }

  /** Counts a handshake in, or says why not. */
  admit(stream: Stream): MeshError | undefined {
    const host = stream.remote.address;
    const ofHost = this.#hosts.get(host) ?? 0;
    if (ofHost >= MAX_PER_HOST) return refused(`${ofHost} handshakes under way from this host`);
    if (this.#underWay >= MAX_HANDSHAKES) return refused(`${this.#underWay} handshakes under way`);
    this.#refill();
    if (this.#tokens < 1) return refused("too many connections in too short a time");
    this.#tokens--;
    this.#underWay++;
    this.#hosts.set(host, ofHost + 1);
    return undefined;
  }

  #refill(): void {
    const now = this.#clock.now();
    this.#tokens = Math.min(BURST, this.#tokens + (now - this.#filledAt) / INTERVAL_MS);
    this.#filledAt = now;
  }

  /** A handshake is over, one way or the other. */
  done(stream: Stream): void {
    const host = stream.remote.address;
    const left = (this.#hosts.get(host) ?? 1) - 1;
    this.#underWay--;
    if (left > 0) this.#hosts.set(host, left);
    else this.#hosts.delete(host);
  }
}

function refused(reason: string): MeshError {
  return new MeshError("MESH_THROTTLED", reason);
}
