/**
 * From a message to an answer, or to the decision that an upstream must answer. Never waits, never does input or output:
 * local names are answered whatever the upstreams are doing.
 */
import type { CidrInput } from "@weaved/ip";
import { toSubnets } from "./address.ts";
import { countLabels, isInDomain, parseDomain } from "./domain.ts";
import {
  CLASS_ANY,
  CLASS_IN,
  encodeReply,
  FLAG,
  HEADER_BYTES,
  PLAIN_UDP_BYTES,
  parseQuery,
  type Query,
  type Question,
  RCODE,
  type Reply,
  RR_TYPE,
} from "./message.ts";
import type { Names } from "./names.ts";
import type { Random } from "./ports.ts";
import { type ClientAddress, createStats, type QueryStats } from "./stats.ts";
import { type Strategy, shuffle } from "./strategy.ts";
import type { View } from "./zone.ts";
import { REVERSE_SUFFIX, type ZoneAnswer, ZoneAnswers } from "./zone-answers.ts";

/**
 * `standard`: today's rules (EDNS0 echoed, names compressed, SOA with negative answers, RFC 8482).
 * `legacy`: reply for reply the bytes of Weave Net 2.8, which knew none of these.
 */
export type Dialect = "standard" | "legacy";

/** What a {@link Responder} needs. */
export interface ResponderOptions {
  readonly names: Names;
  readonly random: Random;
  /** @defaultValue `shuffle()` */
  readonly strategy?: Strategy | undefined;
  /** Seconds for which answers may be cached. @defaultValue 1 */
  readonly ttl?: number | undefined;
  /** @defaultValue `"standard"` */
  readonly dialect?: Dialect | undefined;
  /** Ceiling for UDP replies, whatever the query's OPT record allows. @defaultValue 1232 (65535 in dialect `legacy`) */
  readonly maxUdpBytes?: number | undefined;
  /** @defaultValue everyone sees everything */
  readonly view?: View | undefined;
  /** Subnets whose unused addresses have no name anywhere; reverse look-ups of them are not forwarded. @defaultValue none */
  readonly ownSubnets?: readonly CidrInput[] | undefined;
  /** @defaultValue counters of its own */
  readonly stats?: QueryStats | undefined;
}

/** The sender of a query, and how it came. */
export interface Client {
  readonly address: ClientAddress;
  readonly transport: "udp" | "tcp";
}

/** What to do with a message. */
export type Verdict =
  | { readonly do: "reply"; readonly bytes: Uint8Array; readonly query?: Query; readonly rcode: number }
  | { readonly do: "forward"; readonly query: Query }
  | { readonly do: "drop" };

/** Answers from the names alone. */
export interface Responder {
  readonly dialect: Dialect;
  readonly domain: string;
  readonly stats: QueryStats;
  respond(message: Uint8Array, client: Client): Verdict;
  /** SERVFAIL (or another code) for a query that has no answer. */
  fail(query: Query, client: Client, code?: number): Uint8Array;
  /** TC and no records: the client has to come back over TCP. */
  truncated(query: Query): Uint8Array;
  /** Largest reply, in bytes, that the query's client takes. */
  limitOf(query: Query, client: Client): number;
}

/** Largest message over TCP, and over UDP in theory. */
const MAX_MESSAGE_BYTES = 65_535;
/** Fits into every path's MTU (DNS Flag Day 2020). */
const DEFAULT_MAX_UDP_BYTES = 1232;
/** Types that a resolver asks of the parts of a name; single-label ones then mean a top-level domain. */
const DELEGATION_TYPES: ReadonlySet<number> = new Set([RR_TYPE.NS, RR_TYPE.SOA, RR_TYPE.DS, RR_TYPE.DNSKEY]);
const LOCAL_FLAGS = FLAG.response | FLAG.authoritative | FLAG.recursionAvailable;
const ERROR_FLAGS = FLAG.response | FLAG.recursionAvailable;

/** The UDP limit of a dialect where none is given. */
export const defaultMaxUdpBytes = (dialect: Dialect): number =>
  dialect === "legacy" ? MAX_MESSAGE_BYTES : DEFAULT_MAX_UDP_BYTES;

/** Makes a responder. @throws DnsError `DNS_BAD_ADDRESS` */
export const createResponder = (options: ResponderOptions): Responder => new LocalResponder(options);

class LocalResponder implements Responder {
  readonly dialect: Dialect;
  readonly domain: string;
  readonly stats: QueryStats;
  readonly #zone: ZoneAnswers;
  readonly #isLegacy: boolean;
  readonly #maxUdpBytes: number;

  constructor(options: ResponderOptions) {
    const { names, random, dialect = "standard", strategy = shuffle(), ttl = 1, view, ownSubnets = [] } = options;
    this.dialect = dialect;
    this.domain = parseDomain(names.domain);
    this.stats = options.stats ?? createStats();
    this.#isLegacy = dialect === "legacy";
    this.#maxUdpBytes = options.maxUdpBytes ?? defaultMaxUdpBytes(dialect);
    const { domain, stats } = this;
    const isLegacy = this.#isLegacy;
    const subnets = toSubnets(ownSubnets);
    this.#zone = new ZoneAnswers({ names, domain, random, strategy, ttl, isLegacy, view, ownSubnets: subnets, stats });
  }

  respond(message: Uint8Array, client: Client): Verdict {
    const { totals } = this.stats;
    totals.queries++;
    const parsed = parseQuery(message);
    if (parsed.kind === "query") {
      const { query } = parsed;
      const answer = this.#refusalOf(query) ?? this.#answerTo(query, client);
      if (answer !== undefined) return this.#reply(query, client, answer);
      totals.forwarded++;
      return { do: "forward", query };
    }
    totals.malformed++;
    if (parsed.kind === "drop") return { do: "drop" };
    return { do: "reply", bytes: formatError(message), rcode: RCODE.formErr };
  }

  fail(query: Query, client: Client, code: number = RCODE.servFail): Uint8Array {
    return this.#encode({ query, flags: ERROR_FLAGS, rcode: code, answers: [] }, client);
  }

  truncated(query: Query): Uint8Array {
    const reply = { query, flags: ERROR_FLAGS | FLAG.truncated, rcode: RCODE.noError, answers: [] };
    return encodeReply(reply, { compress: true, ednsBytes: 0, limit: PLAIN_UDP_BYTES });
  }

  limitOf(query: Query, client: Client): number {
    if (client.transport === "tcp") return MAX_MESSAGE_BYTES;
    const asked = query.edns?.udpBytes ?? PLAIN_UDP_BYTES;
    return this.#isLegacy ? asked : Math.min(Math.max(asked, PLAIN_UDP_BYTES), this.#maxUdpBytes);
  }

  /** An error for queries that deserve no look at their name; Weave Net 2.8 looks all the same. */
  #refusalOf({ questions, flags, edns }: Query): ZoneAnswer | undefined {
    const [question] = questions;
    const refusal = (code: number): ZoneAnswer => ({ rcode: code, answers: [] });
    if (question === undefined) return refusal(this.#isLegacy ? RCODE.servFail : RCODE.formErr);
    if (this.#isLegacy) return undefined;
    if ((flags & FLAG.opcode) !== 0) return refusal(RCODE.notImp);
    if ((edns?.version ?? 0) !== 0) return refusal(RCODE.badVers);
    if (questions.length > 1) return refusal(RCODE.formErr);
    return question.class === CLASS_IN || question.class === CLASS_ANY ? undefined : refusal(RCODE.refused);
  }

  /** The local answer; undefined when an upstream has to give one. */
  #answerTo(query: Query, client: Client): ZoneAnswer | undefined {
    const [asked, ...others] = query.questions as readonly [Question, ...Question[]];
    const name = asked.name.toLowerCase();
    const question = { name: asked.name, type: asked.type, client: client.address };
    const isDs = asked.type === RR_TYPE.DS;
    const isInside = isInDomain(name, this.domain) && !(isDs && this.#isLegacy);
    const isReverse = `.${name}`.endsWith(REVERSE_SUFFIX) && !isDs;
    // Weave Net 2.8 takes several questions; it then denies its own names and forwards the others.
    if (others.length > 0) return isInside || isReverse ? { rcode: RCODE.nxDomain, answers: [] } : undefined;
    if (isInside) return this.#zone.local(question);
    if (isReverse) return this.#zone.reverse(question);
    if (!this.#isLegacy) {
      const loopback = this.#zone.loopback({ ...question, name });
      if (loopback !== undefined) return loopback;
    }
    return this.#isSingleLabel(name, asked.type) ? this.#zone.local(question) : undefined;
  }

  #isSingleLabel(name: string, type: number): boolean {
    const labels = countLabels(name);
    return this.#isLegacy ? labels <= 1 : labels === 1 && !DELEGATION_TYPES.has(type);
  }

  #reply(query: Query, client: Client, { rcode, answers, soa, additionals }: ZoneAnswer): Verdict {
    this.#count(rcode, answers.length);
    const isKnown = !this.#isLegacy && query.questions.length === 1;
    const isLocal = rcode === RCODE.noError || (rcode === RCODE.nxDomain && isKnown);
    // In Weave Net 2.8 it is not the server that answers a query without a question, but its multiplexer: RA is clear then.
    const isUnasked = this.#isLegacy && query.questions.length === 0;
    const flags = isUnasked ? FLAG.response : isLocal ? LOCAL_FLAGS : ERROR_FLAGS;
    const authorities = soa !== undefined && isKnown ? [soa] : [];
    const bytes = this.#encode({ query, flags, rcode, answers, authorities, additionals }, client);
    return { do: "reply", bytes, query, rcode };
  }

  #count(code: number, answers: number): void {
    const { totals } = this.stats;
    if (code === RCODE.nxDomain) totals.nxDomain++;
    else if (code !== RCODE.noError) totals.refused++;
    else if (answers > 0) totals.answered++;
    else totals.noData++;
  }

  #encode(reply: Reply, client: Client): Uint8Array {
    const limit = this.limitOf(reply.query, client);
    const bytes = encodeReply(reply, {
      compress: !this.#isLegacy,
      ednsBytes: this.#isLegacy ? 0 : this.#maxUdpBytes,
      limit,
    });
    if ((bytes[2]! & (FLAG.truncated >>> 8)) !== 0) this.stats.totals.truncated++;
    return bytes;
  }
}

/** FORMERR can only repeat the id. */
function formatError(message: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES);
  bytes.set(message.subarray(0, 2));
  bytes[2] = FLAG.response >>> 8;
  bytes[3] = RCODE.formErr;
  return bytes;
}
