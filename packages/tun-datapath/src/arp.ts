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

/** Writes the answer to the request at `at` into `out`: `mac` has the target's address. */
export function putArpReply(out: Uint8Array, outAt: number, b: Uint8Array, at: number, mac: number): void {
  put48(out, outAt, arpSenderMac(b, at));
  put48(out, outAt + 6, mac);
  put16(out, outAt + 12, TYPE_ARP);
  put32(out, outAt + 14, 0x00010800);
  put16(out, outAt + 18, 0x0604);
  put16(out, outAt + 20, 2);
  put48(out, outAt + 22, mac);
  put32(out, outAt + 28, arpTargetIp(b, at));
  put48(out, outAt + 32, arpSenderMac(b, at));
  put32(out, outAt + 38, arpSenderIp(b, at));
}

/** What we have heard of addresses, to answer questions without asking the network. */
export class ArpMemory {
  /** Bounded by: `limit`. */
  readonly #heard: Map<number, { mac: number; atMs: number }> = new Map();
  /** Questions that went to the owner alone. Bounded by: `limit`. */
  readonly #asked: Map<number, number> = new Map();
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

  /** Whether to ask the owner alone: not when that was tried a moment ago. */
  mayAskOwnerAlone(ip: number, nowMs: number): boolean {
    const last = this.#asked.get(ip);
    if (last !== undefined && nowMs - last < RETRY_MS) return false;
    if (this.#asked.size >= this.#limit) this.#asked.clear();
    this.#asked.set(ip, nowMs);
    return true;
  }
}
