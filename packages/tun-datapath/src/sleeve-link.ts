import { get16 } from "./bytes.ts";
import { CONTROL_FRAGMENTS_ARRIVE, CONTROL_HEARD, CONTROL_PROBE_ARRIVED } from "./control.ts";
import { ETHERNET_BYTES } from "./ethernet.ts";
import { PathMtuSearch } from "./pmtu.ts";
import { MAX_PAYLOAD, sleeveOverhead, UDP_IP_BYTES } from "./sleeve-packet.ts";
import { FRAGMENT_TEST_BYTES, HEARTBEAT_BYTES, hasUid, isAllZero, PROVOKING_BYTES, uidBytes } from "./special.ts";

/** Timers. Source: docs/protocol/overlay.md#12.5 and docs/protocol/constants.md#21. */
export const FAST_HEARTBEAT_MS = 500;
export const SLOW_HEARTBEAT_MS = 10_000;
export const HEARTBEAT_TIMEOUT_MS = 60_000;
const FRAGMENT_TEST_MS = 300_000;
/** A heartbeat after a longer silence is news: the path was cut, and is back. */
const CUT_MS = 1.5 * SLOW_HEARTBEAT_MS;

/** What a link asks of the world. Calls return at once. */
export interface SleevePort {
  /** Sends an internal frame of `length` bytes: a heartbeat when that is 22, all zero otherwise. */
  sendSpecial(length: number, mode: "df" | "non-df"): void;
  sendControl(sub: number, payload: Uint8Array): void;
  onEstablished(): void;
  /** Heartbeats arrive again, after none arrived for so long (ms). */
  onHeard(silentMs: number): void;
  /** Gone for good. */
  onLost(reason: string): void;
}

/** How a link starts. */
export interface SleeveLinkOptions {
  readonly uid: bigint;
  readonly isEncrypted: boolean;
  /** Known at once to the side that dialled. */
  readonly remote?: { readonly address: number; readonly port: number };
}

const NONE: Uint8Array = new Uint8Array(0);

/**
 * One connection of the sleeve overlay: from first heartbeat to loss. No sockets, no timers: time comes in.
 *
 * ```text
 *  prepared --confirm--> heartbeats 0.5 s --their "heard"--> established: heartbeats 10 s, fragmentation test, MTU search
 *                              |                                   |
 *                              +------- 60 s without a heartbeat --+--> lost
 * ```
 * Source: docs/protocol/overlay.md#12.5, docs/protocol/overlay.md#12.6, and docs/protocol/overlay.md#12.7.
 */
export class SleeveLink {
  readonly #port: SleevePort;
  readonly #uid: Uint8Array;
  readonly #overhead: number;
  readonly #search: PathMtuSearch;
  #address = 0;
  #remotePort = 0;
  #confirmed = false;
  #heard = false;
  #established = false;
  #lost = false;
  #canFragment = false;
  #intervalMs: number = FAST_HEARTBEAT_MS;
  #heartbeatAtMs: number = Number.POSITIVE_INFINITY;
  #timeoutAtMs: number = Number.POSITIVE_INFINITY;
  #testAtMs: number = Number.POSITIVE_INFINITY;
  #askedAtMs = 0;
  #beatMs: number | undefined;
  #rttMs: number | undefined;

  constructor(options: SleeveLinkOptions, port: SleevePort) {
    this.#port = port;
    this.#uid = uidBytes(options.uid);
    this.#overhead = sleeveOverhead(options.isEncrypted);
    this.#search = new PathMtuSearch((mtu) => this.#probe(mtu));
    if (options.remote !== undefined) {
      this.#address = options.remote.address;
      this.#remotePort = options.remote.port;
    }
  }

  get address(): number {
    return this.#address;
  }
  get remotePort(): number {
    return this.#remotePort;
  }
  get established(): boolean {
    return this.#established && !this.#lost;
  }
  get lost(): boolean {
    return this.#lost;
  }
  /** Whether frames can be sent: the address is known. */
  get sendable(): boolean {
    return this.#address !== 0 && !this.#lost;
  }
  get canFragment(): boolean {
    return this.#canFragment;
  }
  get mtu(): number {
    return this.#search.mtu;
  }
  /** Bytes of UDP payload that a packet may have. */
  get maxPayload(): number {
    return Math.min(MAX_PAYLOAD, this.#search.mtu + this.#overhead - UDP_IP_BYTES);
  }
  /** Round trip of the last test, TCP back leg included. */
  get rttMs(): number | undefined {
    return this.#rttMs;
  }
  /** When `tick` is wanted next. */
  get nextMs(): number {
    return Math.min(this.#heartbeatAtMs, this.#timeoutAtMs, this.#testAtMs, this.#search.nextMs);
  }

  confirm(nowMs: number): void {
    this.#confirmed = true;
    this.#timeoutAtMs = nowMs + HEARTBEAT_TIMEOUT_MS;
    if (this.#address !== 0) this.#heartbeat(nowMs);
  }

  #heartbeat(nowMs: number): void {
    this.#heartbeatAtMs = nowMs + this.#intervalMs;
    this.#port.sendSpecial(HEARTBEAT_BYTES, "df");
  }

  #probe(mtu: number): void {
    this.#port.sendSpecial(mtu + ETHERNET_BYTES, "df");
  }

  tick(nowMs: number): void {
    if (this.#lost) return;
    if (nowMs >= this.#timeoutAtMs) {
      this.#lose("no heartbeat for 60 s");
      return;
    }
    if (nowMs >= this.#heartbeatAtMs) this.#heartbeat(nowMs);
    if (nowMs >= this.#testAtMs) this.#test(nowMs);
    this.#search.tick(nowMs);
  }

  #lose(reason: string): void {
    this.#lost = true;
    this.#heartbeatAtMs = this.#timeoutAtMs = this.#testAtMs = Number.POSITIVE_INFINITY;
    this.#search.reset();
    this.#port.onLost(reason);
  }

  /** Whether the bytes from `at` to `end` are a heartbeat of this connection. */
  isHeartbeat(b: Uint8Array, at: number, end: number): boolean {
    return end - at === HEARTBEAT_BYTES && isAllZero(b, at, at + ETHERNET_BYTES) && hasUid(b, at, this.#uid);
  }

  /** An internal frame from this neighbour for us, from byte `at` to `end`, in a packet from that address. */
  special(b: Uint8Array, at: number, end: number, from: { address: number; port: number }, nowMs: number): void {
    const length = end - at;
    if (length === HEARTBEAT_BYTES) {
      if (hasUid(b, at, this.#uid)) this.#onHeartbeat(from, nowMs);
    } else if (length === FRAGMENT_TEST_BYTES) {
      if (isAllZero(b, at, end)) this.#port.sendControl(CONTROL_FRAGMENTS_ARRIVE, NONE);
    } else {
      const mtu = length - ETHERNET_BYTES;
      this.#port.sendControl(CONTROL_PROBE_ARRIVED, Uint8Array.of(mtu >>> 8, mtu & 255));
    }
  }

  #onHeartbeat({ address, port }: { address: number; port: number }, nowMs: number): void {
    if (this.#lost) return;
    const silentMs = nowMs - (this.#beatMs ?? nowMs);
    this.#beatMs = nowMs;
    if (silentMs > CUT_MS) this.#port.onHeard(silentMs);
    const wasUnknown = this.#address === 0;
    this.#address = address;
    this.#remotePort = port;
    if (wasUnknown && this.#confirmed) this.#heartbeat(nowMs);
    if (this.#confirmed) this.#timeoutAtMs = nowMs + HEARTBEAT_TIMEOUT_MS;
    if (this.#heard) return;
    this.#heard = true;
    this.#port.sendControl(CONTROL_HEARD, NONE);
  }

  /** A control message of theirs. Unknown ones, short ones are ignored. */
  control(sub: number, payload: Uint8Array, nowMs: number): void {
    if (this.#lost) return;
    if (sub === CONTROL_HEARD) this.#onHeard(nowMs);
    else if (sub === CONTROL_FRAGMENTS_ARRIVE) {
      this.#canFragment = true;
      this.#rttMs = nowMs - this.#askedAtMs;
    } else if (sub === CONTROL_PROBE_ARRIVED && payload.length >= 2) this.#search.answered(get16(payload, 0), nowMs);
  }

  #onHeard(nowMs: number): void {
    this.#intervalMs = SLOW_HEARTBEAT_MS;
    this.#heartbeatAtMs = nowMs + this.#intervalMs;
    const first = !this.#established;
    this.#established = true;
    this.#test(nowMs);
    if (first) this.#port.onEstablished();
  }

  #test(nowMs: number): void {
    this.#testAtMs = nowMs + FRAGMENT_TEST_MS;
    this.#canFragment = false;
    this.#askedAtMs = nowMs;
    // A path that has grown shows itself only to a packet that is too large for what we believe.
    if (!this.#search.searching) this.#search.reset();
    this.#port.sendSpecial(FRAGMENT_TEST_BYTES, "non-df");
    this.#port.sendSpecial(PROVOKING_BYTES, "df");
  }

  /** The kernel refused a packet with DF; `pathMtu` is what it knows of the path. */
  tooBig(pathMtu: number, nowMs: number): void {
    if (!this.#lost) this.#search.tooBig(pathMtu - this.#overhead, nowMs);
  }
}
