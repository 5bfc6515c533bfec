/**
 * The hot case, address queries for a known name, answered without making an object: the answer records of each name are
 * kept as bytes, re-ordered in place, and copied behind the question.
 *
 * The plain form is `responder.ts`; a property test ties the two. Everything unusual is declined (0), never guessed at.
 * Gain: 0.6 us an answer of ten addresses against 4.7 us (bench/answers.bench.ts).
 */
import {
  DNSSEC_OK_MARK,
  endOfPlainName,
  hasBytes,
  hashOf,
  isSameName,
  type QuerySlot,
  readPlainEdns,
  textOf,
  udpBytesOf,
} from "./fast-query.ts";
import {
  CLASS_IN,
  DNSSEC_OK,
  echoedFlags,
  FLAG,
  HEADER_BYTES,
  OPT_BYTES,
  PLAIN_UDP_BYTES,
  RR_TYPE,
  word,
} from "./message.ts";
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
   * Writes the reply to a UDP query.
   * @returns its length; 0 when the responder must look at the query (nothing is counted or changed then)
   */
  answer(slot: QuerySlot): number;
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
const MAX_PREPARED = 4096;
/** Bytes of an A record behind its owner name. */
const A_RECORD_BYTES = 14;
/** Flags of every answer of ours, apart from what is repeated from the query. */
const ANSWER_FLAGS = FLAG.response | FLAG.authoritative | FLAG.recursionAvailable;

/** Makes the fast path of a responder. */
export const createFastAnswers = (options: FastOptions): FastAnswers => new PreparedAnswers(options);

class PreparedAnswers implements FastAnswers {
  readonly #options: FastOptions;
  readonly #isLegacy: boolean;
  /** By hash of the lower-case question name. Bounded by: `MAX_PREPARED` names. */
  readonly #prepared = new Map<number, Prepared>();
  #count = 0;
  /** Reused for every answer. */
  readonly #turn: { random: Random; count: number; self: number };

  constructor(options: FastOptions) {
    this.#options = options;
    this.#isLegacy = options.dialect === "legacy";
    this.#turn = { random: options.random, count: 0, self: options.names.self };
  }

  answer(slot: QuerySlot): number {
    const { message, start, end } = slot;
    const nameEnd = endOfPlainName(message, start, end);
    if (nameEnd < 0) return 0;
    const edns = readPlainEdns(message, nameEnd + 4, end, message[start + 11]!);
    if (edns < 0) return 0;
    const { view } = this.#options;
    if (view !== undefined && view(slot.client) !== undefined) return 0;
    const known = this.#find(message, start + HEADER_BYTES, nameEnd);
    return known === undefined ? 0 : this.#write(slot, known, nameEnd + 4, edns);
  }

  #write(slot: QuerySlot, known: Prepared, questionEnd: number, edns: number): number {
    const { message, start, out, outStart } = slot;
    const { strategy, maxUdpBytes } = this.#options;
    const questionBytes = questionEnd - start;
    const optBytes = edns > 0 && !this.#isLegacy ? OPT_BYTES : 0;
    this.#turn.count = known.stats.asked;
    const chosen = strategy.arrange(known.candidates, known.order, this.#turn);
    const room = this.#limitFor(udpBytesOf(edns)) - questionBytes - optBytes;
    const fitting = Math.max(0, Math.floor(room / known.recordBytes));
    const sent = chosen > 1 && fitting < chosen ? fitting : chosen;
    const total = questionBytes + sent * known.recordBytes + optBytes;
    if (outStart + total > slot.outEnd) return 0;

    placeAddresses(known, sent);
    copyQuestion(slot, questionBytes);
    const flags = echoedFlags(word(message, start + 2)) | ANSWER_FLAGS | (sent < chosen ? FLAG.truncated : 0);
    out[outStart + 2] = flags >>> 8;
    out[outStart + 3] = flags & 255;
    out[outStart + 6] = sent >>> 8;
    out[outStart + 7] = sent;
    out[outStart + 11] = optBytes > 0 ? 1 : 0;
    this.#writeRecords(slot, known, questionBytes, sent);
    if (optBytes > 0) writeOpt(out, outStart + total - OPT_BYTES, maxUdpBytes, edns >= DNSSEC_OK_MARK);
    this.#tally(known, slot.client, sent, chosen);
    return total;
  }

  #limitFor(udpBytes: number): number {
    return this.#isLegacy ? udpBytes : Math.min(Math.max(udpBytes, PLAIN_UDP_BYTES), this.#options.maxUdpBytes);
  }

  #find(message: Uint8Array, start: number, end: number): Prepared | undefined {
    const hash = hashOf(message, start, end);
    let known = this.#prepared.get(hash);
    while (known !== undefined && !isSameName(known.name, message, start, end)) known = known.next;
    if (known?.generation === this.#options.names.generation()) return known;
    // Something changed. The other names of this hash are as old, so they are dropped too and made again when asked for.
    if (known !== undefined) this.#prepared.delete(hash);
    // Not slice(): of a Buffer, that is no copy.
    const made = prepare(this.#options, new Uint8Array(message.subarray(start, end)), this.#prepared.get(hash));
    if (made === undefined) return undefined;
    if (this.#count++ >= MAX_PREPARED) {
      this.#prepared.clear();
      this.#count = 1;
    }
    this.#prepared.set(hash, made);
    return made;
  }

  /** In the legacy dialect, records repeat the question's name in full, in the client's case. */
  #writeRecords(
    { message, start, out, outStart }: QuerySlot,
    known: Prepared,
    questionBytes: number,
    sent: number,
  ): void {
    const { body, recordBytes, name, order } = known;
    const at = outStart + questionBytes;
    out.set(sent === order.length ? body : body.subarray(0, sent * recordBytes), at);
    const nameStart = start + HEADER_BYTES;
    if (!this.#isLegacy || hasBytes(name, message, nameStart)) return;
    const owner = message.subarray(nameStart, nameStart + name.length);
    for (let i = 0; i < sent; i++) out.set(owner, at + i * recordBytes);
  }

  #tally(known: Prepared, client: ClientAddress, sent: number, chosen: number): void {
    const { totals } = this.#options.stats;
    countAsked(known.stats, client, true);
    totals.queries++;
    totals.fast++;
    if (sent > 0) totals.answered++;
    else totals.noData++;
    if (sent < chosen) totals.truncated++;
  }
}

/** Writes the addresses in their order of the moment, in place. */
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
function copyQuestion({ message, start, out, outStart }: QuerySlot, bytes: number): void {
  for (let i = 0; i < bytes; i++) out[outStart + i] = message[start + i]!;
}

function writeOpt(out: Uint8Array, at: number, udpBytes: number, isDnssecOk: boolean): void {
  out.fill(0, at, at + OPT_BYTES);
  out[at + 2] = RR_TYPE.OPT;
  out[at + 3] = udpBytes >>> 8;
  out[at + 4] = udpBytes & 255;
  if (isDnssecOk) out[at + 7] = DNSSEC_OK;
}

function prepare(options: FastOptions, name: Uint8Array, next: Prepared | undefined): Prepared | undefined {
  const { names, dialect, ttl, stats } = options;
  const text = textOf(name);
  if (text === undefined || !text.endsWith(`.${names.domain}`)) return undefined;
  const contents = contentsOf(names, text, undefined, dialect === "legacy");
  const { candidates } = contents;
  if (candidates.length === 0) return undefined;
  const owner = dialect === "legacy" ? name : Uint8Array.of(0xc0, HEADER_BYTES);
  const recordBytes = owner.length + A_RECORD_BYTES;
  const body = new Uint8Array(recordBytes * candidates.length);
  const view = new DataView(body.buffer);
  for (let at = 0; at < body.length; at += recordBytes) {
    body.set(owner, at);
    view.setUint32(at + owner.length, (RR_TYPE.A << 16) | CLASS_IN);
    view.setUint32(at + owner.length + 4, ttl);
    view.setUint16(at + owner.length + 8, 4);
  }
  const order = candidates.map((_, index) => index);
  const generation = names.generation();
  return { generation, name, candidates, order, body, recordBytes, stats: stats.of(contents.key), next };
}
