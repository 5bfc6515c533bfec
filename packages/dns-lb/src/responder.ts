/**
 * From a message to an answer, or to the decision that somebody else must answer. Never waits, never does input or output:
 * local names are answered whatever the upstreams are doing.
 */
import { contains, parseIpv4 } from "./address.ts";
import { countLabels, isInDomain, parseDomain } from "./domain.ts";
import {
  classAny,
  classIn,
  encodeReply,
  flag,
  parseQuery,
  plainUdpBytes,
  type Query,
  type Question,
  type Reply,
  type ReplyRecord,
  rcode,
  rrType,
} from "./message.ts";
import type { Names } from "./names.ts";
import type { Random } from "./ports.ts";
import { aaaaData, aData, encodeName, isEncodable, minimalAny, soaData, srvData } from "./rdata.ts";
import { type ClientAddress, countAsked, createStats, type QueryStats } from "./stats.ts";
import { type Strategy, shuffle } from "./strategy.ts";
import { contentsOf, type LocatedService, type NameContents, servicesOf, type View } from "./zone.ts";

/**
 * `standard`: today's rules (EDNS0 echoed, names compressed, SOA with negative answers, RFC 8482).
 * `original`: reply for reply the bytes of the original's server, which knew none of these.
 */
export type Dialect = "standard" | "original";

/** What a {@link Responder} needs. */
export interface ResponderOptions {
  readonly names: Names;
  readonly random: Random;
  /** @defaultValue `shuffle()` */
  readonly strategy?: Strategy;
  /** Seconds for which answers may be cached. @defaultValue 1 */
  readonly ttl?: number;
  /** @defaultValue `"standard"` */
  readonly dialect?: Dialect;
  /** Ceiling for UDP replies, whatever the query's OPT record allows. @defaultValue 1232 (65535 in dialect `original`) */
  readonly maxUdpBytes?: number;
  /** @defaultValue everyone sees everything */
  readonly view?: View;
  /** @defaultValue figures of its own */
  readonly stats?: QueryStats;
}

/** Who asked, and how. */
export interface Client {
  readonly address: ClientAddress;
  readonly transport: "udp" | "tcp";
}

/** What to do with a message. `local` says whether the reply is about our own names. */
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
  /** SERVFAIL (or another code) for a query that nobody could answer. */
  fail(query: Query, client: Client, code?: number): Uint8Array;
  /** TC and nothing else: come back over TCP. */
  truncated(query: Query): Uint8Array;
}

const reverseSuffix = ".in-addr.arpa.";
/** Types that a resolver asks of the parts of a name; single-label ones then mean a top-level domain. */
const delegationTypes = new Set<number>([rrType.NS, rrType.SOA, rrType.DS, rrType.DNSKEY]);
const localFlags = flag.response | flag.authoritative | flag.recursionAvailable;
const errorFlags = flag.response | flag.recursionAvailable;

/** Makes a responder. */
export const createResponder = (options: ResponderOptions): Responder => new LocalResponder(options);

class LocalResponder implements Responder {
  readonly dialect: Dialect;
  readonly domain: string;
  readonly stats: QueryStats;
  readonly #names: Names;
  readonly #random: Random;
  readonly #strategy: Strategy;
  readonly #ttl: number;
  readonly #original: boolean;
  readonly #maxUdpBytes: number;
  readonly #view: View | undefined;

  constructor(options: ResponderOptions) {
    const { names, random, strategy = shuffle(), ttl = 1, dialect = "standard", view, stats = createStats() } = options;
    this.dialect = dialect;
    this.domain = parseDomain(names.domain);
    this.stats = stats;
    this.#names = names;
    this.#random = random;
    this.#strategy = strategy;
    this.#ttl = ttl;
    this.#original = dialect === "original";
    this.#maxUdpBytes = options.maxUdpBytes ?? (this.#original ? 65_535 : 1232);
    this.#view = view;
  }

  respond(message: Uint8Array, client: Client): Verdict {
    const { totals } = this.stats;
    totals.queries++;
    const parsed = parseQuery(message);
    if (parsed.kind === "query") {
      const verdict = this.#dispatch(parsed.query, client);
      if (verdict.do === "forward") totals.forwarded++;
      return verdict;
    }
    totals.malformed++;
    if (parsed.kind === "drop") return { do: "drop" };
    return { do: "reply", bytes: formatError(message), rcode: rcode.formErr };
  }

  fail(query: Query, client: Client, code: number = rcode.servFail): Uint8Array {
    return this.#encode({ query, flags: errorFlags, rcode: code, answers: [] }, client);
  }

  truncated(query: Query): Uint8Array {
    const reply = { query, flags: errorFlags | flag.truncated, rcode: 0, answers: [] };
    return encodeReply(reply, { compress: true, ednsBytes: 0, limit: plainUdpBytes });
  }

  #limitOf(query: Query, client: Client): number {
    if (client.transport === "tcp") return 65_535;
    const asked = query.edns?.udpBytes ?? plainUdpBytes;
    return this.#original ? asked : Math.min(Math.max(asked, plainUdpBytes), this.#maxUdpBytes);
  }

  #encode(reply: Reply, client: Client): Uint8Array {
    const form = {
      compress: !this.#original,
      ednsBytes: this.#original ? 0 : this.#maxUdpBytes,
      limit: this.#limitOf(reply.query, client),
    };
    const bytes = encodeReply(reply, form);
    if ((bytes[2]! & (flag.truncated >>> 8)) !== 0) this.stats.totals.truncated++;
    return bytes;
  }

  #reply(content: Reply, client: Client): Verdict {
    return { do: "reply", bytes: this.#encode(content, client), query: content.query, rcode: content.rcode };
  }

  #soa(): ReplyRecord {
    const data = soaData(this.domain, this.#names.generation(), this.#ttl);
    return { owner: encodeName(this.domain), type: rrType.SOA, ttl: this.#ttl, data };
  }

  #answer(
    query: Query,
    client: Client,
    answers: readonly ReplyRecord[],
    additionals: readonly ReplyRecord[] = [],
  ): Verdict {
    if (answers.length > 0) this.stats.totals.answered++;
    else this.stats.totals.noData++;
    const authorities = answers.length === 0 && !this.#original ? [this.#soa()] : [];
    return this.#reply({ query, flags: localFlags, rcode: rcode.noError, answers, authorities, additionals }, client);
  }

  #error(query: Query, client: Client, code: number): Verdict {
    if (code === rcode.nxDomain) this.stats.totals.nxDomain++;
    else this.stats.totals.refused++;
    const known = code === rcode.nxDomain && !this.#original && query.questions.length === 1;
    // The original's multiplexer, not its server, answers a query without a question: RA is clear then.
    const unasked = this.#original && query.questions.length === 0;
    const flags = unasked ? flag.response : known ? localFlags : errorFlags;
    return this.#reply({ query, flags, rcode: code, answers: [], authorities: known ? [this.#soa()] : [] }, client);
  }

  #addressesOf(contents: NameContents, client: Client): ReplyRecord[] {
    const { candidates } = contents;
    const count = this.stats.of(contents.key).asked;
    const order = candidates.map((_, index) => index);
    const chosen = this.#strategy.arrange(candidates, order, { random: this.#random, count, self: this.#names.self });
    countAsked(this.stats.of(contents.key), client.address, true);
    return order
      .slice(0, chosen)
      .map((index) => ({ type: rrType.A, ttl: this.#ttl, data: aData(candidates[index]!.address) }));
  }

  #recordsOf(contents: NameContents, type: number, client: Client): ReplyRecord[] {
    if (type === rrType.A && contents.candidates.length > 0) return this.#addressesOf(contents, client);
    countAsked(this.stats.of(contents.key), client.address, type === rrType.AAAA);
    if (type === rrType.ANY && !this.#original) return [{ type: rrType.HINFO, ttl: this.#ttl, data: minimalAny }];
    if (type !== rrType.AAAA) return [];
    return contents.entries.flatMap((entry) => {
      const data = entry.type === "AAAA" ? aaaaData(entry.data) : undefined;
      return data === undefined ? [] : [{ type: rrType.AAAA, ttl: this.#ttl, data }];
    });
  }

  #local(query: Query, question: Question, client: Client): Verdict {
    const name = countLabels(question.name) <= 1 ? question.name + this.domain : question.name;
    const visible = this.#view?.(client.address);
    const contents = contentsOf(this.#names, name, visible, this.#original);
    if (contents.entries.length > 0)
      return this.#answer(query, client, this.#recordsOf(contents, question.type, client));
    const services = servicesOf(this.#names, name, visible);
    if (services.length > 0) return this.#services(query, question, client, services);
    const apex = name.toLowerCase() === this.domain;
    if (this.#original || (!apex && (visible !== undefined || !this.#names.hasBelow(name))))
      return this.#error(query, client, rcode.nxDomain);
    return this.#answer(query, client, apex && question.type === rrType.SOA ? [{ ...this.#soa() }] : []);
  }

  #services(query: Query, question: Question, client: Client, services: readonly LocatedService[]): Verdict {
    if (question.type !== rrType.SRV) return this.#answer(query, client, []);
    const ttl = this.#ttl;
    const answers = services.map((service) => ({ type: rrType.SRV, ttl, data: srvData(service, service.target) }));
    const glue = services.map(({ target, address }) => {
      return { owner: encodeName(target), type: rrType.A, ttl, data: aData(address) };
    });
    return this.#answer(query, client, answers, glue);
  }

  #reverse(query: Query, question: Question, client: Client): Verdict {
    const host = question.name.slice(0, -reverseSuffix.length).split(".").reverse().join(".");
    const address = parseIpv4(host);
    if (this.#original && (question.type !== rrType.PTR || address === undefined))
      return this.#error(query, client, rcode.nxDomain);
    const visible = this.#view?.(client.address);
    const hostname = address === undefined ? undefined : this.#names.reverse(address);
    if (hostname === undefined || !isEncodable(hostname)) return { do: "forward", query };
    if (visible?.some((subnet) => contains(subnet, address!)) === false)
      return this.#error(query, client, rcode.nxDomain);
    const data = encodeName(hostname);
    return this.#answer(
      query,
      client,
      question.type === rrType.PTR ? [{ type: rrType.PTR, ttl: this.#ttl, data }] : [],
    );
  }

  #dispatch(query: Query, client: Client): Verdict {
    const [question] = query.questions;
    if (question === undefined) return this.#error(query, client, this.#original ? rcode.servFail : rcode.formErr);
    const opcode = query.flags & flag.opcode;
    if (!this.#original) {
      if (opcode !== 0) return this.#error(query, client, rcode.notImp);
      if ((query.edns?.version ?? 0) !== 0) return this.#error(query, client, rcode.badVers);
      if (query.questions.length > 1) return this.#error(query, client, rcode.formErr);
      if (question.class !== classIn && question.class !== classAny) return this.#error(query, client, rcode.refused);
    }
    const alone = query.questions.length === 1;
    const name = question.name.toLowerCase();
    const inside = isInDomain(name, this.domain);
    // The original lets DS queries for its own this.#names go up, for the parent to answer; so do we in its dialect.
    if (inside && (question.type !== rrType.DS || !this.#original)) {
      return alone ? this.#local(query, question, client) : this.#error(query, client, rcode.nxDomain);
    }
    if (`.${name}`.endsWith(reverseSuffix) && question.type !== rrType.DS) {
      return alone ? this.#reverse(query, question, client) : this.#error(query, client, rcode.nxDomain);
    }
    const single = this.#original
      ? countLabels(name) <= 1
      : countLabels(name) === 1 && !delegationTypes.has(question.type);
    return alone && single ? this.#local(query, question, client) : { do: "forward", query };
  }
}

/** FORMERR can only repeat the id. */
function formatError(message: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(12);
  bytes.set(message.subarray(0, 2));
  bytes[2] = flag.response >>> 8;
  bytes[3] = rcode.formErr;
  return bytes;
}
