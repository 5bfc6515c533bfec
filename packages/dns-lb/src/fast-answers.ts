/**
 * The hot case, address queries for a known name, answered without making an object: the answer records of each name are
 * kept as bytes, re-ordered in place, and copied behind the question.
 *
 * The plain form is `responder.ts`; a property test ties the two. Everything unusual is declined (0), never guessed at.
 * Gain: 0.6 us an answer of ten addresses against 4.7 us (bench/answers.bench.ts).
 */
import { classIn, echoedFlags, flag, headerBytes, plainUdpBytes, rrType } from "./message.ts";
import type { Names } from "./names.ts";
import type { Random } from "./ports.ts";
import type { Dialect } from "./responder.ts";
import { type ClientAddress, countAsked, type NameStats, type QueryStats } from "./stats.ts";
import type { Candidate, Strategy } from "./strategy.ts";
import { contentsOf, type View } from "./zone.ts";

/** What {@link createFastAnswers} needs: the same things as the responder that it stands in for, with defaults filled in. */
export interface FastOptions {
  readonly names: Names;
  readonly random: Random;
  readonly strategy: Strategy;
  readonly ttl: number;
  readonly dialect: Dialect;
  readonly maxUdpBytes: number;
  readonly view: View | undefined;
  readonly stats: QueryStats;
}

/** Answers into a caller's buffer. */
export interface FastAnswers {
  /**
   * Writes the reply to the UDP query `message[start, end)` to `out[at, outEnd)`.
   * @returns its length; 0 when the responder must look at the query (nothing is counted or changed then)
   */
  answer(
    message: Uint8Array,
    start: number,
    end: number,
    client: ClientAddress,
    out: Uint8Array,
    at: number,
    outEnd: number,
  ): number;
}

/** The answers of one name. */
interface Prepared {
  readonly generation: number;
  /** Question name as last asked, wire form; owner names in `body` have its case. */
  readonly name: Uint8Array;
  readonly candidates: readonly Candidate[];
  readonly order: number[];
  /** All records, `recordBytes` each. */
  readonly body: Uint8Array;
  readonly recordBytes: number;
  readonly stats: NameStats;
  /** Next name with the same hash. */
  readonly next: Prepared | undefined;
}

/** Names prepared at once; the table is emptied when full. */
const capacity = 4096;
const lower = (byte: number): number => (byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte);
const word = (bytes: Uint8Array, at: number): number => (bytes[at]! << 8) | bytes[at + 1]!;

/** Makes the fast path of a responder. */
export function createFastAnswers(options: FastOptions): FastAnswers {
  const { names, random, strategy, dialect, maxUdpBytes, view, stats } = options;
  const original = dialect === "original";
  /** By hash of the lower-case question name. Bounded by: `capacity` names. */
  const prepared = new Map<number, Prepared>();
  let count = 0;
  const turn = { random, count: 0, self: names.self };

  const find = (message: Uint8Array, start: number, end: number): Prepared | undefined => {
    const hash = hashOf(message, start, end);
    let known = prepared.get(hash);
    while (known !== undefined && !sameName(known.name, message, start, end)) known = known.next;
    if (known?.generation === names.generation()) return known;
    // Something changed: the others of this hash are as old, so they are made again when asked for.
    if (known !== undefined) prepared.delete(hash);
    // Not slice(): of a Buffer, that is no copy.
    const made = makePrepared(options, new Uint8Array(message.subarray(start, end)), prepared.get(hash));
    if (made === undefined) return undefined;
    if (count++ >= capacity) {
      prepared.clear();
      count = 1;
    }
    prepared.set(hash, made);
    return made;
  };
  const tally = (known: Prepared, client: ClientAddress, sent: number, chosen: number): void => {
    const { totals } = stats;
    countAsked(known.stats, client, true);
    totals.queries++;
    totals.fast++;
    if (sent > 0) totals.answered++;
    else totals.noData++;
    if (sent < chosen) totals.truncated++;
  };
  const limitFor = (udpBytes: number): number =>
    original ? udpBytes : Math.min(Math.max(udpBytes, plainUdpBytes), maxUdpBytes);

  return {
    answer(message, start, end, client, out, at, outEnd) {
      const nameStart = start + headerBytes;
      if (end - start < headerBytes + 5 || !isPlainHeader(message, start)) return 0;
      const nameEnd = endOfName(message, nameStart, end);
      if (nameEnd < 0) return 0;
      if (word(message, nameEnd) !== rrType.A || word(message, nameEnd + 2) !== classIn) return 0;
      const edns = readPlainEdns(message, nameEnd + 4, end, message[start + 11]!);
      if (edns < 0 || (view !== undefined && view(client) !== undefined)) return 0;

      const known = find(message, nameStart, nameEnd);
      if (known === undefined) return 0;
      const opt = edns > 0 && !original ? 11 : 0;
      const questionEnd = nameEnd + 4 - start;
      const room = limitFor(edns === 0 ? plainUdpBytes : edns) - questionEnd - opt;
      turn.count = known.stats.asked;
      const chosen = strategy.arrange(known.candidates, known.order, turn);
      const fits = Math.max(0, Math.floor(room / known.recordBytes));
      const sent = chosen > 1 && fits < chosen ? fits : chosen;
      const total = questionEnd + sent * known.recordBytes + opt;
      if (at + total > outEnd) return 0;

      placeAddresses(known, sent);
      copyQuestion(message, start, start + questionEnd, out, at);
      const flags = echoedFlags(word(message, start + 2)) | (sent < chosen ? 0x8680 : 0x8480);
      out[at + 2] = flags >>> 8;
      out[at + 3] = flags & 255;
      out[at + 7] = sent;
      out[at + 6] = sent >>> 8;
      out[at + 11] = opt > 0 ? 1 : 0;
      if (!original || sameBytes(known.name, message, nameStart)) {
        out.set(
          sent === known.order.length ? known.body : known.body.subarray(0, sent * known.recordBytes),
          at + questionEnd,
        );
      } else writeOwners(known, message, nameStart, out, at + questionEnd, sent);
      if (opt > 0) writeOpt(out, at + total - 11, maxUdpBytes);
      tally(known, client, sent, chosen);
      return total;
    },
  };
}

/** Where the name at `start` ends, its type and class still being inside; -1 when it does not, or is no plain name. */
function endOfName(message: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end && message[at] !== 0) {
    if (message[at]! > 63) return -1;
    at += message[at]! + 1;
  }
  return at + 5 > end || at - start > 254 ? -1 : at + 1;
}

/** FNV-1a of the lower-case name; length bytes are below "A", so they pass unchanged. */
function hashOf(message: Uint8Array, start: number, end: number): number {
  let hash = 0x811c9dc5;
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ lower(message[i]!), 0x01000193);
  return hash;
}

/** A standard query with one question, no answers, no authorities, at most one additional record. */
function isPlainHeader(message: Uint8Array, start: number): boolean {
  return (
    (message[start + 2]! & ((flag.response | flag.opcode) >>> 8)) === 0 &&
    word(message, start + 4) === 1 &&
    word(message, start + 6) === 0 &&
    word(message, start + 8) === 0 &&
    message[start + 10] === 0 &&
    message[start + 11]! <= 1
  );
}

/** UDP size of an OPT record without options that ends the message; 0 without one; -1 for anything else. */
function readPlainEdns(message: Uint8Array, at: number, end: number, records: number): number {
  if (records === 0) return at === end ? 0 : -1;
  if (end - at !== 11 || message[at] !== 0 || word(message, at + 1) !== rrType.OPT) return -1;
  const isVersion0 = message[at + 6] === 0;
  const isBare = word(message, at + 9) === 0;
  // A size of 0 is below every minimum; the plain form knows what it means.
  return isVersion0 && isBare ? word(message, at + 3) || -1 : -1;
}

function sameName(name: Uint8Array, message: Uint8Array, start: number, end: number): boolean {
  if (name.length !== end - start) return false;
  for (let i = 0; i < name.length; i++) if (lower(name[i]!) !== lower(message[start + i]!)) return false;
  return true;
}

function sameBytes(name: Uint8Array, message: Uint8Array, start: number): boolean {
  for (let i = 0; i < name.length; i++) if (name[i] !== message[start + i]) return false;
  return true;
}

/** Addresses in their order of the moment, in place. */
function placeAddresses({ body, recordBytes, order, candidates }: Prepared, sent: number): void {
  for (let i = 0, at = recordBytes - 4; i < sent; i++, at += recordBytes) {
    const { address } = candidates[order[i]!]!;
    body[at] = address >>> 24;
    body[at + 1] = address >>> 16;
    body[at + 2] = address >>> 8;
    body[at + 3] = address;
  }
}

/** Id, counts (to be corrected), and question; a loop, because the native copy costs more for so few bytes. */
function copyQuestion(message: Uint8Array, start: number, end: number, out: Uint8Array, at: number): void {
  for (let i = start, o = at; i < end; i++, o++) out[o] = message[i]!;
}

/** Records that repeat the question's name in full, in the asker's case. */
function writeOwners(
  known: Prepared,
  message: Uint8Array,
  nameStart: number,
  out: Uint8Array,
  at: number,
  sent: number,
): void {
  const { body, recordBytes, name } = known;
  out.set(body.subarray(0, sent * recordBytes), at);
  const owner = message.subarray(nameStart, nameStart + name.length);
  for (let i = 0; i < sent; i++) out.set(owner, at + i * recordBytes);
}

function writeOpt(out: Uint8Array, at: number, udpBytes: number): void {
  out.fill(0, at, at + 11);
  out[at + 2] = rrType.OPT;
  out[at + 3] = udpBytes >>> 8;
  out[at + 4] = udpBytes & 255;
}

function makePrepared(options: FastOptions, name: Uint8Array, next: Prepared | undefined): Prepared | undefined {
  const { names, dialect, ttl, stats } = options;
  const text = textOf(name);
  if (text === undefined || !text.endsWith(`.${names.domain}`)) return undefined;
  const contents = contentsOf(names, text, undefined, dialect === "original");
  const { candidates } = contents;
  if (candidates.length === 0) return undefined;
  const owner = dialect === "original" ? name : Uint8Array.of(0xc0, headerBytes);
  const recordBytes = owner.length + 14;
  const body = new Uint8Array(recordBytes * candidates.length);
  const view = new DataView(body.buffer);
  for (let at = 0; at < body.length; at += recordBytes) {
    body.set(owner, at);
    view.setUint32(at + owner.length, (rrType.A << 16) | classIn);
    view.setUint32(at + owner.length + 4, ttl);
    view.setUint16(at + owner.length + 8, 4);
  }
  const order = candidates.map((_, index) => index);
  const generation = names.generation();
  return { generation, name, candidates, order, body, recordBytes, stats: stats.of(contents.key), next };
}

/** Lower-case text of a name in wire form; undefined when a label holds a dot or anything but ASCII. */
function textOf(name: Uint8Array): string | undefined {
  let text = "";
  for (let at = 0; name[at] !== 0; ) {
    const end = at + 1 + name[at]!;
    for (at++; at < end; at++) {
      if (name[at] === 0x2e || name[at]! > 127) return undefined;
      text += String.fromCharCode(lower(name[at]!));
    }
    text += ".";
  }
  return text;
}
