import { OVERLAY_HEAD_BYTES } from "@weaved/sleeve-crypto/overlay";
import { get16, get32, put16, put32 } from "./bytes.ts";
import { ETHERNET_BYTES, isSpecial } from "./ethernet.ts";
import { PIECE_HEAD_BYTES, RECORD_HEAD_BYTES } from "./gso-wire.ts";
import { FAST_HEARTBEAT_MS, HEARTBEAT_TIMEOUT_MS, SLOW_HEARTBEAT_MS } from "./sleeve-link.ts";
import { UDP_IP_BYTES } from "./sleeve-packet.ts";
import { hasUid, uidBytes } from "./special.ts";

/**
 * The internal frame of this overlay. Question and answer are of the same length, so an answer proves that this many
 * bytes pass in one piece, or in pieces, both ways.
 *
 * ```text
 * | zeros (14) | connection UID (8) | 0 ask, 1 answer (1) | kind (1) | round (4) | path bytes (2) | padding |
 * 0            14                   22                    23         24          28               30
 * ```
 */
export const GSO_HEARTBEAT_BYTES = 30;
const ASK = 0;
const ANSWER = 1;
/** Kinds of question: how the answer is to be read. */
const BEAT = 0;
const LARGE = 1;
const SIZE = 2;
/** Frame that is cut into pieces: only when it has made the round trip is the overlay used. */
const LARGE_BYTES = 60_000;
/** Least and most time between two large questions; doubled after each, because a path that loses them must not be filled with them. */
const [LARGE_WAIT_MS, LARGE_MOST_MS] = [FAST_HEARTBEAT_MS, 60_000] as const;
/** Path MTUs to fall to when full pieces get lost in silence; the first is where every path of IPv6 ends. Units: bytes. */
const SMALLER_PATHS = [8900, 1500, 1420, 1280, 1006, 576] as const;
/** Unanswered full-size questions after which the path is believed to be smaller. */
const SILENT_ROUNDS = 3;
/** Time without an answer after which `sleeve` takes over. */
const HOLD_AFTER_MS = 4_000;
/** Unanswered questions after which an answer is news: the path was cut, and is back. */
const CUT_ROUNDS = 2;

/** What a link asks of the world. */
export interface GsoPort {
  /** Sends an internal frame: `length` bytes, the first 30 from `head`, in pieces for paths of `pathBytes`. */
  sendInternal(head: Uint8Array, length: number, pathBytes: number): void;
  /** What the kernel believes of the path. */
  pathMtu(): number;
  onUsable(usable: boolean): void;
  /** The path carries packets both ways again, after it carried none for so long (ms). */
  onHeard(silentMs: number): void;
}

/** How a link starts. */
export interface GsoLinkOptions {
  readonly uid: bigint;
  readonly remote?: { readonly address: number; readonly port: number };
}

/**
 * One connection of the `sleeve-gso` overlay. Established when a 60 kB frame has made the round trip; on hold, so that
 * `sleeve` takes over, while heartbeats stay unanswered.
 */
export class GsoLink {
  readonly #port: GsoPort;
  readonly #uid: Uint8Array;
  readonly #head: Uint8Array = new Uint8Array(GSO_HEARTBEAT_BYTES);
  #address = 0;
  #remotePort = 0;
  #confirmed = false;
  #usable = false;
  #ever = false;
  #lost = false;
  #path = 1500;
  #round = 0;
  #sentMs = 0;
  /** Questions since the last answer, and when the first of them was sent. */
  #silent = 0;
  #silentSinceMs = 0;
  #largeRound = 0;
  #largeAtMs = 0;
  #largeWaitMs: number = LARGE_WAIT_MS;
  #beats = 0;
  #answers = 0;
  #rttMs: number | undefined;
  #nextMs: number = Number.POSITIVE_INFINITY;

  constructor({ uid, remote }: GsoLinkOptions, port: GsoPort) {
    this.#port = port;
    this.#uid = uidBytes(uid);
    if (remote === undefined) return;
    this.#address = remote.address;
    this.#remotePort = remote.port;
  }

  get address(): number {
    return this.#address;
  }
  get remotePort(): number {
    return this.#remotePort;
  }
  get established(): boolean {
    return this.#usable && !this.#lost;
  }
  /** Whether it has ever worked: then silence is a hold, not "not yet". */
  get everEstablished(): boolean {
    return this.#ever;
  }
  get lost(): boolean {
    return this.#lost;
  }
  get sendable(): boolean {
    return this.#address !== 0 && !this.#lost;
  }
  /** Bytes of outer packet that the path takes. */
  get pathBytes(): number {
    return this.#path;
  }
  /** Bytes of a piece. */
  get stride(): number {
    return this.#path - UDP_IP_BYTES - PIECE_HEAD_BYTES;
  }
  get rttMs(): number | undefined {
    return this.#rttMs;
  }
  /** Share of heartbeats without an answer. */
  get loss(): number {
    return this.#beats <= 1 ? 0 : Math.max(0, 1 - (this.#answers + 1) / this.#beats);
  }
  get nextMs(): number {
    return this.#nextMs;
  }

  confirm(nowMs: number): void {
    this.#confirmed = true;
    if (this.#address === 0) return;
    this.#path = this.#port.pathMtu();
    this.#ask(nowMs);
  }

  /** The address of the other side is known, or has moved: sleeve heard a heartbeat. */
  moved(address: number, port: number, nowMs: number): void {
    if (address === this.#address && port === this.#remotePort) return;
    this.#address = address;
    this.#remotePort = port;
    if (!this.#confirmed || this.#lost) return;
    this.#path = this.#port.pathMtu();
    this.#ask(nowMs);
  }

  #ask(nowMs: number): void {
    this.#round = (this.#round + 1) >>> 0;
    this.#sentMs = nowMs;
    this.#beats++;
    // An answer puts the next question off; without one it is asked again soon.
    this.#nextMs = nowMs + FAST_HEARTBEAT_MS;
    if (this.#silent++ === 0) this.#silentSinceMs = nowMs;
    // A beat fills one piece, so it notices a path that has shrunk. Before use, a frame of many pieces has to pass.
    this.#send(ASK, BEAT, this.#round, this.#beatBytes(this.#path), this.#path);
    if (!this.#usable && this.#silent === 1) this.#askLarge(nowMs);
  }

  /** Only where small questions pass, or none has been asked: see LARGE_WAIT_MS. */
  #askLarge(nowMs: number): void {
    if (nowMs < this.#largeAtMs) return;
    this.#largeAtMs = nowMs + this.#largeWaitMs;
    this.#largeWaitMs = Math.min(2 * this.#largeWaitMs, LARGE_MOST_MS);
    this.#largeRound = this.#round;
    this.#send(ASK, LARGE, this.#round, LARGE_BYTES, this.#path);
  }

  /** Asks now, for a mesh that waits for its TCP connection. The answer, if there was a silence, is news. */
  probe(nowMs: number): void {
    if (this.#lost || !this.#confirmed || this.#address === 0) return;
    if (this.#silent === 0 && nowMs - this.#sentMs >= FAST_HEARTBEAT_MS) this.#ask(nowMs);
  }

  /** Bytes of an internal frame whose super-frame, encrypted or not, is one piece. */
  #beatBytes(path: number): number {
    return path - UDP_IP_BYTES - PIECE_HEAD_BYTES - OVERLAY_HEAD_BYTES - RECORD_HEAD_BYTES;
  }

  /** `path` is what the question is about; an answer goes in pieces that suit this side of the path. */
  #send(direction: number, kind: number, round: number, length: number, path: number): void {
    const h = this.#head;
    h.fill(0);
    h.set(this.#uid, ETHERNET_BYTES);
    h[22] = direction;
    h[23] = kind;
    put32(h, 24, round);
    put16(h, 28, path);
    this.#port.sendInternal(
      h,
      Math.max(length, GSO_HEARTBEAT_BYTES),
      direction === ASK ? path : Math.min(path, this.#path),
    );
  }

  tick(nowMs: number): void {
    if (this.#lost || nowMs < this.#nextMs) return;
    const silentMs = this.#silent === 0 ? 0 : nowMs - this.#silentSinceMs;
    if (silentMs >= HOLD_AFTER_MS && this.#usable) this.#use(false);
    if (silentMs > HEARTBEAT_TIMEOUT_MS) {
      // Never given up for good while sleeve lives: asks seldom, starting over with what the kernel knows.
      this.#path = this.#port.pathMtu();
      this.#ask(nowMs);
      this.#nextMs = nowMs + SLOW_HEARTBEAT_MS;
      return;
    }
    if (this.#silent > 0 && this.#silent % SILENT_ROUNDS === 0) this.#shrink();
    if (this.#usable && this.#silent === 0) this.#grow();
    this.#ask(nowMs);
  }

  #shrink(): void {
    const smaller = SMALLER_PATHS.find((path) => path < this.#path);
    if (smaller !== undefined) this.#path = smaller;
  }

  /** Asks with a piece of the size that the kernel believes in, when that is larger than the one in use. */
  #grow(): void {
    const believed = this.#port.pathMtu();
    if (believed > this.#path) this.#send(ASK, SIZE, this.#round, this.#beatBytes(believed), believed);
    else if (believed < this.#path) this.#path = believed;
  }

  #use(usable: boolean): void {
    if (this.#usable === usable) return;
    this.#usable = usable;
    if (usable) this.#ever = true;
    this.#port.onUsable(usable);
  }

  /** The kernel refused a piece. */
  tooBig(pathMtu: number): void {
    if (pathMtu < this.#path) this.#path = Math.max(pathMtu, SMALLER_PATHS[SMALLER_PATHS.length - 1] as number);
  }

  /** Whether an internal frame is one of this connection. */
  isInternal(b: Uint8Array, at: number, length: number): boolean {
    return length >= GSO_HEARTBEAT_BYTES && isSpecial(b, at, length) && hasUid(b, at, this.#uid);
  }

  /** An internal frame of this connection, from the neighbour for us. */
  internal(b: Uint8Array, at: number, length: number, from: { address: number; port: number }, nowMs: number): void {
    if (this.#lost || !this.isInternal(b, at, length)) return;
    this.moved(from.address, from.port, nowMs);
    const kind = b[at + 23] as number;
    const round = get32(b, at + 24);
    const path = get16(b, at + 28);
    if (b[at + 22] === ASK) this.#send(ANSWER, kind, round, length, path);
    else this.#onAnswer(kind, round, path, nowMs);
  }

  #onAnswer(kind: number, round: number, path: number, nowMs: number): void {
    if (kind === SIZE) {
      if (path > this.#path && path <= this.#port.pathMtu()) this.#path = path;
    } else if (kind === LARGE) {
      if (round !== this.#largeRound) return;
      this.#largeWaitMs = LARGE_WAIT_MS;
      this.#use(true);
    } else if (round === this.#round && this.#silent > 0) this.#onBeatAnswered(nowMs);
  }

  #onBeatAnswered(nowMs: number): void {
    const silentMs = nowMs - this.#silentSinceMs;
    const wasCut = this.#silent > CUT_ROUNDS;
    this.#answers++;
    this.#silent = 0;
    this.#rttMs = nowMs - this.#sentMs;
    if (wasCut) this.#port.onHeard(silentMs);
    if (!this.#usable) this.#askLarge(nowMs);
    this.#nextMs = this.#usable ? nowMs + SLOW_HEARTBEAT_MS : Math.min(nowMs + SLOW_HEARTBEAT_MS, this.#largeAtMs);
  }

  stop(): void {
    this.#lost = true;
    this.#nextMs = Number.POSITIVE_INFINITY;
  }
}
