/** Reads the one kind of query that the fast path answers, from the bytes, without making an object. */
import {
  CLASS_IN,
  DNSSEC_OK,
  FLAG,
  HEADER_BYTES,
  lowerByte,
  OPT_BYTES,
  PLAIN_UDP_BYTES,
  RR_TYPE,
  word,
} from "./message.ts";
import type { ClientAddress } from "./stats.ts";

/**
 * A query in a buffer, and the room for its reply. A listener reuses one object for all its datagrams, because a fresh one for
 * each would be the only garbage of the fast path.
 */
export interface QuerySlot {
  /** The query is `message[start, end)`. */
  message: Uint8Array;
  start: number;
  end: number;
  client: ClientAddress;
  /** The reply goes to `out[outStart, outEnd)`. */
  out: Uint8Array;
  outStart: number;
  outEnd: number;
}

/** Marks a UDP size that {@link readPlainEdns} read from an OPT record with the DO bit. */
export const DNSSEC_OK_MARK = 0x10000;

/**
 * Where the name of a plain query ends: a standard query for A in class IN with one question, no answers or authorities, and at
 * most one additional record. -1 for anything else.
 */
export function endOfPlainName(message: Uint8Array, start: number, end: number): number {
  if (end - start < HEADER_BYTES + 5 || !isPlainHeader(message, start)) return -1;
  const nameStart = start + HEADER_BYTES;
  let at = nameStart;
  while (at < end && message[at] !== 0) {
    if (message[at]! > 63) return -1;
    at += message[at]! + 1;
  }
  if (at + 5 > end || at - nameStart > 254) return -1;
  return word(message, at + 1) === RR_TYPE.A && word(message, at + 3) === CLASS_IN ? at + 1 : -1;
}

function isPlainHeader(message: Uint8Array, start: number): boolean {
  return (
    (message[start + 2]! & ((FLAG.response | FLAG.opcode) >>> 8)) === 0 &&
    word(message, start + 4) === 1 &&
    word(message, start + 6) === 0 &&
    word(message, start + 8) === 0 &&
    message[start + 10] === 0 &&
    message[start + 11]! <= 1
  );
}

/**
 * The UDP size of an OPT record without options that ends the query, plus {@link DNSSEC_OK_MARK} for the DO bit. 0 without an OPT
 * record, -1 for anything else.
 */
export function readPlainEdns(message: Uint8Array, at: number, end: number, records: number): number {
  if (records === 0) return at === end ? 0 : -1;
  if (end - at !== OPT_BYTES || message[at] !== 0 || word(message, at + 1) !== RR_TYPE.OPT) return -1;
  const isVersion0 = message[at + 6] === 0;
  const isBare = word(message, at + 9) === 0;
  if (!isVersion0 || !isBare) return -1;
  const udpBytes = word(message, at + 3);
  // A size of 0 is below every minimum; the plain form knows what it means.
  if (udpBytes === 0) return -1;
  return (message[at + 7]! & DNSSEC_OK) === 0 ? udpBytes : udpBytes + DNSSEC_OK_MARK;
}

/** The UDP size that {@link readPlainEdns} read. */
export const udpBytesOf = (edns: number): number => (edns === 0 ? PLAIN_UDP_BYTES : edns & 0xffff);

/** FNV-1a of the lower-case name in wire form. */
export function hashOf(message: Uint8Array, start: number, end: number): number {
  let hash = 0x811c9dc5;
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ lowerByte(message[i]!), 0x01000193);
  return hash;
}

/** Whether `message[start, end)` is `name`, whatever the case. */
export function isSameName(name: Uint8Array, message: Uint8Array, start: number, end: number): boolean {
  if (name.length !== end - start) return false;
  for (let i = 0; i < name.length; i++) if (lowerByte(name[i]!) !== lowerByte(message[start + i]!)) return false;
  return true;
}

/** Whether `message` has exactly the bytes of `name` at `start`. */
export function hasBytes(name: Uint8Array, message: Uint8Array, start: number): boolean {
  for (let i = 0; i < name.length; i++) if (name[i] !== message[start + i]) return false;
  return true;
}

/** Lower-case text of a name in wire form; undefined when a label holds a dot or anything but ASCII. */
export function textOf(name: Uint8Array): string | undefined {
  let text = "";
  for (let at = 0; name[at] !== 0; ) {
    const end = at + 1 + name[at]!;
    for (at++; at < end; at++) {
      if (name[at] === 0x2e || name[at]! > 127) return undefined;
      text += String.fromCharCode(lowerByte(name[at]!));
    }
    text += ".";
  }
  return text;
}
