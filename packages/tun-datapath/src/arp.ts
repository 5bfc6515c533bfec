import { get16, get32, get48, put16, put32, put48 } from "./bytes.ts";
import { ETHERNET_BYTES, TYPE_ARP } from "./ethernet.ts";

/**
 * ARP over Ethernet for IPv4. Source: RFC 826.
 *
 * ```text
 * 14: | 1 (2) | 0800 (2) | 6 (1) | 4 (1) | op (2) | sender MAC (6) | sender IP (4) | target MAC (6) | target IP (4) |
 *     14      16         18      19      20       22               28              32               38          42
 * ```
 */
export const ARP_BYTES = 42;
export const ARP_REQUEST = 1;
/** An answer from memory is trusted for this long: announcements renew it, so a stale one heals within a minute. */
const ANSWER_MS = 60_000;
/** A question repeated within this time was not answered by the owner alone: everyone is asked. */
const RETRY_MS = 5_000;
/** A sender that uses the wrong way to an address is corrected at most this often. */
const CORRECT_MS = 1_000;

/** Whether the frame at `at` is ARP for IPv4. */
export function isArp(b: Uint8Array, at: number, length: number): boolean {
  return (
    length >= ARP_BYTES &&
    get16(b, at + 12) === TYPE_ARP &&
    get32(b, at + ETHERNET_BYTES) === 0x00010800 &&
    get16(b, at + 18) === 0x0604
  );
}

export function arpOperation(b: Uint8Array, at: number): number {
  return get16(b, at + 20);
}
export function arpSenderMac(b: Uint8Array, at: number): number {
  return get48(b, at + 22);
}
export function arpSenderIp(b: Uint8Array, at: number): number {
  return get32(b, at + 28);
}
export function arpTargetIp(b: Uint8Array, at: number): number {
  return get32(b, at + 38);
}

/** One end of an ARP message. */
export interface ArpEnd {
  readonly ip: number;
  readonly mac: number;
}

/** Writes a reply, requested or not, that says to `to` where an address is. */
export function putArpIsAt(out: Uint8Array, outAt: number, { ip, mac }: ArpEnd, to: ArpEnd): void {
  put48(out, outAt, to.mac);
  put48(out, outAt + 6, mac);
  put16(out, outAt + 12, TYPE_ARP);
  put32(out, outAt + 14, 0x00010800);
  put16(out, outAt + 18, 0x0604);
  put16(out, outAt + 20, 2);
  put48(out, outAt + 22, mac);
  put32(out, outAt + 28, ip);
  put48(out, outAt + 32, to.mac);
  put32(out, outAt + 38, to.ip);
}

/** What we have heard of addresses, to answer questions without asking the network. */
export class ArpMemory {
  /** Bounded by: `limit`. */
  readonly #heard: Map<number, { mac: number; atMs: number }> = new Map();
  /** Questions that went to the owner alone. Bounded by: `limit`. */
  readonly #asked: Map<number, number> = new Map();
  /** Addresses whose way was corrected. Bounded by: `limit`. */
  readonly #corrected: Map<number, number> = new Map();
  readonly #limit: number;

  constructor(limit = 16_384) {
    this.#limit = limit;
  }

  /** Notes that an address was announced. */
  hear(ip: number, mac: number, nowMs: number): void {
    const entry = this.#heard.get(ip);
    if (entry !== undefined) {
      entry.mac = mac;
      entry.atMs = nowMs;
      return;
    }
    if (this.#heard.size >= this.#limit) this.#heard.clear();
    this.#heard.set(ip, { mac, atMs: nowMs });
  }

  /** The MAC of an address, when heard lately. */
  find(ip: number, nowMs: number): number | undefined {
    const entry = this.#heard.get(ip);
    return entry !== undefined && nowMs - entry.atMs < ANSWER_MS ? entry.mac : undefined;
  }

  /** Drops what is known of a MAC, because it moved or its peer left. */
  forgetMac(mac: number): void {
    for (const [ip, entry] of this.#heard) if (entry.mac === mac) this.#heard.delete(ip);
  }

  /** Whether the sender to an address may be corrected again. */
  mayCorrect(ip: number, nowMs: number): boolean {
    return this.#rarely(this.#corrected, ip, nowMs, CORRECT_MS);
  }

  /** Whether to ask the owner alone: not when that was tried a moment ago. */
  mayAskOwnerAlone(ip: number, nowMs: number): boolean {
    return this.#rarely(this.#asked, ip, nowMs, RETRY_MS);
  }

  /** True, and noted, unless it was so within `ms`. */
  #rarely(times: Map<number, number>, ip: number, nowMs: number, ms: number): boolean {
    const last = times.get(ip);
    if (last !== undefined && nowMs - last < ms) return false;
    if (times.size >= this.#limit) times.clear();
    times.set(ip, nowMs);
    return true;
  }
}
