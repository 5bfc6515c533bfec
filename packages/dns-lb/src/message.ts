/**
 * DNS messages (RFC 1035 section 4), as far as a server of a flat zone needs them.
 *
 *     0                 2                 4        6        8        10       12
 *     +-----------------+-----------------+--------+--------+--------+--------+-----------+---------+
 *     | id              | flags           | QDCOUNT| ANCOUNT| NSCOUNT| ARCOUNT| questions | records |
 *     +-----------------+-----------------+--------+--------+--------+--------+-----------+---------+
 *     flags: QR | opcode (4) | AA | TC | RD || RA | Z | AD | CD | rcode (4)
 *
 * `1234 0100 0001 0000 0000 0000 03 666f6f 05 7765617665 05 6c6f63616c 00 0001 0001` asks for A of `foo.weave.local.`
 * Both directions are written here: a general decoder follows compression pointers, which costs a hostile message of 64 KiB
 * far more than its length, and general encoders do not compress names.
 */
/** Record types by number. */
export const RR_TYPE = {
  A: 1,
  NS: 2,
  SOA: 6,
  PTR: 12,
  HINFO: 13,
  AAAA: 28,
  SRV: 33,
  OPT: 41,
  DS: 43,
  DNSKEY: 48,
  ANY: 255,
} as const;
/** Response codes. */
export const RCODE = { noError: 0, formErr: 1, servFail: 2, nxDomain: 3, notImp: 4, refused: 5, badVers: 16 } as const;
/** Bits of the flags word. */
export const FLAG = {
  response: 0x8000,
  opcode: 0x7800,
  authoritative: 0x0400,
  truncated: 0x0200,
  recursionDesired: 0x0100,
  recursionAvailable: 0x0080,
  checkingDisabled: 0x0010,
} as const;
/** Class Internet; the others are museum pieces, but for ANY. */
export const CLASS_IN = 1;
export const CLASS_ANY = 255;
export const HEADER_BYTES = 12;
/** An OPT record without options: root name, type, UDP size, extended rcode, version, flags, length (RFC 6891 section 6.1.2). */
export const OPT_BYTES = 11;
/** The DO bit, in the first byte of an OPT record's flags; a reply repeats it (RFC 3225 section 3). */
export const DNSSEC_OK = 0x80;
/** Largest UDP message without EDNS0 (RFC 1035 section 2.3.4). */
export const PLAIN_UDP_BYTES = 512;

/** One question as asked. */
export interface Question {
  /** Trailing dot, case as asked; bytes as Latin-1, but a dot inside a label as U+FF0E, so that it never matches. */
  readonly name: string;
  readonly type: number;
  readonly class: number;
}

/** A query that could be read. */
export interface Query {
  readonly id: number;
  readonly flags: number;
  readonly questions: readonly Question[];
  /** The first question's bytes. Borrowed from the message. */
  readonly questionBytes: Uint8Array;
  /** What the OPT record says (RFC 6891); undefined without one. */
  readonly edns: { readonly udpBytes: number; readonly version: number; readonly dnssecOk: boolean } | undefined;
}

/** What reading a message came to. `drop`: not a query at all; `garbled`: deserves FORMERR. */
export type ParsedQuery = { readonly kind: "query"; readonly query: Query } | { readonly kind: "drop" | "garbled" };

/** The 16 bits at `at`, big-endian. */
export const word = (bytes: Uint8Array, at: number): number => (bytes[at]! << 8) | bytes[at + 1]!;
/** A byte of a name in lower case; length bytes are below "A", so they pass unchanged. */
export const lowerByte = (byte: number): number => (byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte);

/** Reads one question at `at`. Undefined when it leaves the message or uses compression, for which a question has no use. */
export function readQuestion(bytes: Uint8Array, at: number): { question: Question; end: number } | undefined {
  let name = "";
  let position = at;
  for (;;) {
    const length = bytes[position++];
    if (length === undefined || length > 63 || position - at + length > 255) return undefined;
    if (length === 0) break;
    if (position + length > bytes.length) return undefined;
    for (const end = position + length; position < end; position++) {
      name += bytes[position] === 0x2e ? "\uff0e" : String.fromCharCode(bytes[position]!);
    }
    name += ".";
  }
  if (position + 4 > bytes.length) return undefined;
  const question = { name: name === "" ? "." : name, type: word(bytes, position), class: word(bytes, position + 2) };
  return { question, end: position + 4 };
}

/** Reads a query. Any bytes give a result; time and memory are linear in their number. */
export function parseQuery(bytes: Uint8Array): ParsedQuery {
  if (bytes.length < HEADER_BYTES || (bytes[2]! & 0x80) !== 0) return { kind: "drop" };
  const questions: Question[] = [];
  let end = HEADER_BYTES;
  let firstEnd = HEADER_BYTES;
  for (let left = word(bytes, 4); left > 0; left--) {
    const read = readQuestion(bytes, end);
    if (read === undefined) return { kind: "garbled" };
    questions.push(read.question);
    end = read.end;
    if (questions.length === 1) firstEnd = end;
  }
  const edns = readEdns(bytes, end);
  if (edns === "garbled") return { kind: "garbled" };
  const questionBytes = bytes.subarray(HEADER_BYTES, firstEnd);
  return { kind: "query", query: { id: word(bytes, 0), flags: word(bytes, 2), questions, questionBytes, edns } };
}

/** The OPT record among the additional records. Names are passed over, never followed, so the time is linear. */
function readEdns(bytes: Uint8Array, start: number): Query["edns"] | "garbled" {
  const others = word(bytes, 6) + word(bytes, 8);
  const all = others + word(bytes, 10);
  let edns: Query["edns"];
  let at = start;
  for (let record = 0; record < all; record++) {
    const name = skipName(bytes, at);
    const end = name < 0 || name + 10 > bytes.length ? -1 : name + 10 + word(bytes, name + 8);
    if (end < 0 || end > bytes.length) return "garbled";
    if (record >= others && word(bytes, name) === RR_TYPE.OPT) {
      if (edns !== undefined) return "garbled"; // RFC 6891 section 6.1.1
      edns = {
        udpBytes: word(bytes, name + 2),
        version: bytes[name + 5]!,
        dnssecOk: (bytes[name + 6]! & DNSSEC_OK) !== 0,
      };
    }
    at = end;
  }
  return edns;
}

/** Where the question of a message ends; at least the header's length. */
export const questionEnd = (bytes: Uint8Array): number => {
  const nameEnd = skipName(bytes, HEADER_BYTES);
  return nameEnd < 0 ? HEADER_BYTES : nameEnd + 4;
};

/** Where the name at `at` ends; -1 when it leaves the message. A compression pointer ends a name. */
function skipName(bytes: Uint8Array, at: number): number {
  for (let position = at; position < bytes.length; ) {
    const length = bytes[position]!;
    if (length === 0) return position + 1;
    if (length >= 0xc0) return position + 2;
    if (length > 63) return -1;
    position += 1 + length;
  }
  return -1;
}

/**
 * Whether `reply` answers `query`: a response with its id and its question. Case does not matter (RFC 4343): some servers
 * lower-case the question. Error replies may leave the question out.
 */
export function isReplyTo(query: Uint8Array, reply: Uint8Array): boolean {
  if (reply.length < HEADER_BYTES || reply[0] !== query[0] || reply[1] !== query[1]) return false;
  if ((reply[2]! & (FLAG.response >>> 8)) === 0) return false;
  if (word(reply, 4) === 0) return true;
  const nameEnd = skipName(query, HEADER_BYTES);
  if (reply.length < nameEnd + 4) return false;
  for (let i = HEADER_BYTES; i < nameEnd; i++) if (lowerByte(query[i]!) !== lowerByte(reply[i]!)) return false;
  for (let i = nameEnd; i < nameEnd + 4; i++) if (query[i] !== reply[i]) return false;
  return true;
}

/** A record of a reply. */
export interface ReplyRecord {
  /** Wire form; absent: the name in question. */
  readonly owner?: Uint8Array;
  readonly type: number;
  readonly ttl: number;
  readonly data: Uint8Array;
}

/** A reply before it is bytes. */
export interface Reply {
  readonly query: Query;
  /** Without opcode, RD, CD, and rcode, which are filled in. */
  readonly flags: number;
  readonly rcode: number;
  readonly answers: readonly ReplyRecord[];
  readonly authorities?: readonly ReplyRecord[];
  /** Left out when they do not fit. */
  readonly additionals?: readonly ReplyRecord[] | undefined;
}

/** How replies are written. */
export interface ReplyForm {
  /** Owner names that repeat the question become a pointer to it. */
  readonly compress: boolean;
  /** Size to advertise in an OPT record, if the query had one; 0 sends none. */
  readonly ednsBytes: number;
  /** Largest reply in bytes. */
  readonly limit: number;
}

const recordBytes = (record: ReplyRecord, ownerBytes: number): number =>
  (record.owner?.length ?? ownerBytes) + 10 + record.data.length;

/**
 * Writes a reply. When it is too large, additional records go first, then trailing answers, marked by TC; a single answer is
 * sent whatever its size, as the original does (the limit is then the client's word against the only thing there is to say).
 */
export function encodeReply(reply: Reply, form: ReplyForm): Uint8Array {
  const { query, answers, authorities = [] } = reply;
  const ownerBytes = form.compress ? 2 : Math.max(query.questionBytes.length - 4, 0);
  const opt = form.ednsBytes > 0 && query.edns !== undefined;
  const sizeOf = (records: readonly ReplyRecord[]): number =>
    records.reduce((sum, record) => sum + recordBytes(record, ownerBytes), 0);
  const room = form.limit - HEADER_BYTES - query.questionBytes.length - (opt ? OPT_BYTES : 0) - sizeOf(authorities);
  const kept = answers.length > 1 ? leading(answers, room, ownerBytes) : answers;
  const truncated = kept.length < answers.length;
  const rest = reply.additionals ?? [];
  const extra = !truncated && sizeOf(kept) + sizeOf(rest) <= room ? rest : [];
  const body = sizeOf(kept) + sizeOf(authorities) + sizeOf(extra);
  const bytes = new Uint8Array(HEADER_BYTES + query.questionBytes.length + body + (opt ? OPT_BYTES : 0));
  const view = new DataView(bytes.buffer);
  view.setUint16(0, query.id);
  view.setUint16(2, reply.flags | (truncated ? FLAG.truncated : 0) | echoedFlags(query.flags) | (reply.rcode & 15));
  const counts = [
    query.questionBytes.length > 0 ? 1 : 0,
    kept.length,
    authorities.length,
    extra.length + (opt ? 1 : 0),
  ];
  for (const [i, count] of counts.entries()) view.setUint16(4 + i * 2, count);
  bytes.set(query.questionBytes, HEADER_BYTES);
  let at = HEADER_BYTES + query.questionBytes.length;
  for (const record of [...kept, ...authorities, ...extra]) at = writeRecord(view, at, record, query, form.compress);
  if (opt) {
    // The root name before it, version 0 and no options behind it are zeros.
    view.setUint16(at + 1, RR_TYPE.OPT);
    view.setUint16(at + 3, form.ednsBytes);
    view.setUint8(at + 5, reply.rcode >>> 4);
    view.setUint8(at + 7, query.edns?.dnssecOk ? DNSSEC_OK : 0);
  }
  return bytes;
}

function leading(answers: readonly ReplyRecord[], room: number, ownerBytes: number): readonly ReplyRecord[] {
  let used = 0;
  const fits = answers.findIndex((record) => {
    used += recordBytes(record, ownerBytes);
    return used > room;
  });
  return fits < 0 ? answers : answers.slice(0, fits);
}

/** Opcode always; RD and CD only for standard queries (opcode 0). */
export function echoedFlags(flags: number): number {
  const opcode = flags & FLAG.opcode;
  return opcode !== 0 ? opcode : flags & (FLAG.recursionDesired | FLAG.checkingDisabled);
}

function writeRecord(view: DataView, start: number, record: ReplyRecord, query: Query, compress: boolean): number {
  const bytes = new Uint8Array(view.buffer);
  let at = start;
  if (record.owner === undefined && compress) {
    view.setUint16(at, 0xc000 | HEADER_BYTES);
    at += 2;
  } else {
    const owner = record.owner ?? query.questionBytes.subarray(0, -4);
    bytes.set(owner, at);
    at += owner.length;
  }
  view.setUint16(at, record.type);
  view.setUint16(at + 2, CLASS_IN);
  view.setUint32(at + 4, record.ttl);
  view.setUint16(at + 8, record.data.length);
  bytes.set(record.data, at + 10);
  return at + 10 + record.data.length;
}
