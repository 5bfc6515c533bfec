import { get16, get48, put48 } from "./bytes.ts";
import { CONTROL_FAST_ACK, CONTROL_FAST_HOME } from "./control.ts";
import { ETHERNET_BYTES } from "./ethernet.ts";
import { FAST_HEARTBEAT_MS, HEARTBEAT_TIMEOUT_MS, SLOW_HEARTBEAT_MS } from "./sleeve-link.ts";
import { encodeFastdpHeartbeat, hasUid, uidBytes } from "./special.ts";

/** Heartbeats while in use: often, because the kernel forwards on its own and only these notice a dead path. */
const WATCH_MS = 1_000;
/** Silence after which the kernel's entries are withdrawn, so that userspace overlays take over. */
const HOLD_MS = 3_500;
/** The home of one MAC is announced at most this often. */
const HOME_MS = 1_000;
/** MACs whose announcement is remembered. */
const MAX_HOMES = 1_024;

/** What a link asks of the world. */
export interface VxlanPort {
  /** Puts a frame into the tunnel towards this peer; its Ethernet addresses are filled in by the port. */
  sendInTunnel(frame: Uint8Array): void;
  sendControl(sub: number, payload: Uint8Array): void;
  /** Whether the kernel may forward to this peer now. `ended`: the path is no longer watched, and may still work. */
  onForward(state: Forwarding): void;
  /** The other side says that a MAC lives with it. */
  onHome(mac: number): void;
  /** Heartbeats come through the tunnel from another underlay address than before. */
  onSource(address: number): void;
}

/** What becomes of the kernel's forwarding to a peer. */
export type Forwarding = "usable" | "on hold" | "ended";

/**
 * One connection of the kernel's VXLAN overlay. A heartbeat is as long as the largest frame, so it checks the path MTU.
 * The other side acknowledges each over TCP; silence puts the overlay on hold, it is never given up.
 * After the fast data path of Weave Net 2.8,  docs/protocol/overlay.md#13; the watch is quicker.
 */
export class VxlanLink {
  readonly #port: VxlanPort;
  readonly #uid: Uint8Array;
  readonly #heartbeat: Uint8Array;
  #usable = false;
  #ever = false;
  #nextMs: number = Number.POSITIVE_INFINITY;
  #sentMs = 0;
  #ackedMs = 0;
  #rttMs: number | undefined;
  #source = 0;
  /** When the home of a MAC was announced last. Bounded by: MAX_HOMES. */
  readonly #homes: Map<number, number> = new Map();

  constructor({ uid, mtu }: { readonly uid: bigint; readonly mtu: number }, port: VxlanPort) {
    this.#port = port;
    this.#uid = uidBytes(uid);
    this.#heartbeat = encodeFastdpHeartbeat(uid, mtu);
  }

  get established(): boolean {
    return this.#usable;
  }
  get everEstablished(): boolean {
    return this.#ever;
  }
  get mtu(): number {
    return this.#heartbeat.length - ETHERNET_BYTES;
  }
  get rttMs(): number | undefined {
    return this.#rttMs;
  }
  get nextMs(): number {
    return this.#nextMs;
  }

  confirm(nowMs: number): void {
    this.#ackedMs = nowMs;
    this.#send(nowMs);
  }

  #send(nowMs: number): void {
    this.#sentMs = nowMs;
    const silentMs = nowMs - this.#ackedMs;
    const waitMs = this.#usable ? WATCH_MS : silentMs > HEARTBEAT_TIMEOUT_MS ? SLOW_HEARTBEAT_MS : FAST_HEARTBEAT_MS;
    this.#nextMs = nowMs + waitMs;
    this.#port.sendInTunnel(this.#heartbeat);
  }

  tick(nowMs: number): void {
    if (nowMs < this.#nextMs) return;
    if (this.#usable && nowMs - this.#ackedMs > HOLD_MS) this.#use(false);
    this.#send(nowMs);
  }

  /**
   * Whether an internal frame from the tunnel is this connection's heartbeat, whole; if so it is acknowledged. Not one that
   * our ports could not take: behind the kernel's tunnel no answer "too large" would be sent, in userspace it is.
   */
  heartbeat(b: Uint8Array, at: number, length: number): boolean {
    if (length < ETHERNET_BYTES + 10 || !hasUid(b, at, this.#uid)) return false;
    if (get16(b, at + ETHERNET_BYTES + 8) !== length || length > this.#heartbeat.length) return false;
    this.#port.sendControl(CONTROL_FAST_ACK, new Uint8Array(0));
    return true;
  }

  /** A frame on its way to the tunnel, from this underlay address; only its first bytes need be there. */
  passing(b: Uint8Array, at: number, length: number, source: number): void {
    if (length < ETHERNET_BYTES + 8 || !hasUid(b, at, this.#uid) || source === this.#source) return;
    this.#source = source;
    this.#port.onSource(source);
  }

  /**
   * A frame for `mac`, which lives here, came by userspace. The other side may never have heard of it, because the kernel carries
   * what the MAC sends. The announcement keeps its frames from being flooded without end.
   */
  announceHome(mac: number, nowMs: number): void {
    if (!this.#usable || nowMs - (this.#homes.get(mac) ?? Number.NEGATIVE_INFINITY) < HOME_MS) return;
    if (this.#homes.size >= MAX_HOMES) this.#homes.clear();
    this.#homes.set(mac, nowMs);
    const payload = new Uint8Array(6);
    put48(payload, 0, mac);
    this.#port.sendControl(CONTROL_FAST_HOME, payload);
  }

  control(sub: number, payload: Uint8Array, nowMs: number): void {
    if (sub === CONTROL_FAST_HOME && payload.length === 6) return this.#port.onHome(get48(payload, 0));
    if (sub !== CONTROL_FAST_ACK) return;
    this.#ackedMs = nowMs;
    this.#rttMs = nowMs - this.#sentMs;
    this.#use(true);
  }

  #use(usable: boolean): void {
    if (this.#usable === usable) return;
    this.#usable = usable;
    if (usable) this.#ever = true;
    this.#port.onForward(usable ? "usable" : "on hold");
  }

  stop(): void {
    if (this.#usable) this.#port.onForward("ended");
    this.#usable = false;
    this.#nextMs = Number.POSITIVE_INFINITY;
  }
}
