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
import { contentsOf, type NameContents, servicesOf, type View } from "./zone.ts";

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
export function createResponder(options: ResponderOptions): Responder {
  const { names, random, strategy = shuffle(), ttl = 1, dialect = "standard", view } = options;
  const { stats = createStats(), maxUdpBytes = dialect === "original" ? 65_535 : 1232 } = options;
  const { totals } = stats;
  const domain = parseDomain(names.domain);
  const original = dialect === "original";

  const limitOf = (query: Query, client: Client): number => {
    if (client.transport === "tcp") return 65_535;
    const asked = query.edns?.udpBytes ?? plainUdpBytes;
    return original ? asked : Math.min(Math.max(asked, plainUdpBytes), maxUdpBytes);
  };
  const encode = (reply: Reply, client: Client): Uint8Array => {
    const form = { compress: !original, ednsBytes: original ? 0 : maxUdpBytes, limit: limitOf(reply.query, client) };
    const bytes = encodeReply(reply, form);
    if ((bytes[2]! & (flag.truncated >>> 8)) !== 0) totals.truncated++;
    return bytes;
  };
  const reply = (content: Reply, client: Client): Verdict => ({
    do: "reply",
    bytes: encode(content, client),
    query: content.query,
    rcode: content.rcode,
  });
  const soa = (): ReplyRecord => {
    const data = soaData(domain, names.generation(), ttl);
    return { owner: encodeName(domain), type: rrType.SOA, ttl, data };
  };
  const answer = (
    query: Query,
    client: Client,
    answers: readonly ReplyRecord[],
    additionals: readonly ReplyRecord[] = [],
  ): Verdict => {
    if (answers.length > 0) totals.answered++;
    else totals.noData++;
    const authorities = answers.length === 0 && !original ? [soa()] : [];
    return reply({ query, flags: localFlags, rcode: rcode.noError, answers, authorities, additionals }, client);
  };
  const error = (query: Query, client: Client, code: number): Verdict => {
    if (code === rcode.nxDomain) totals.nxDomain++;
    else totals.refused++;
    const known = code === rcode.nxDomain && !original && query.questions.length === 1;
    const flags = known ? localFlags : errorFlags;
    return reply({ query, flags, rcode: code, answers: [], authorities: known ? [soa()] : [] }, client);
  };

  const addressesOf = (contents: NameContents, client: Client): ReplyRecord[] => {
    const { candidates } = contents;
    const count = stats.of(contents.key).asked;
    const order = candidates.map((_, index) => index);
    const chosen = strategy.arrange(candidates, order, { random, count, self: names.self });
    countAsked(stats.of(contents.key), client.address, true);
    return order.slice(0, chosen).map((index) => ({ type: rrType.A, ttl, data: aData(candidates[index]!.address) }));
  };
  const recordsOf = (contents: NameContents, type: number, client: Client): ReplyRecord[] => {
    if (type === rrType.A && contents.candidates.length > 0) return addressesOf(contents, client);
    countAsked(stats.of(contents.key), client.address, type === rrType.AAAA);
    if (type === rrType.ANY && !original) return [{ type: rrType.HINFO, ttl, data: minimalAny }];
    if (type !== rrType.AAAA) return [];
    return contents.entries.flatMap((entry) => {
      const data = entry.type === "AAAA" ? aaaaData(entry.data) : undefined;
      return data === undefined ? [] : [{ type: rrType.AAAA, ttl, data }];
    });
  };
  const local = (query: Query, question: Question, client: Client): Verdict => {
    const name = countLabels(question.name) <= 1 ? question.name + domain : question.name;
    const visible = view?.(client.address);
    const contents = contentsOf(names, name, visible, original);
    if (contents.entries.length > 0) return answer(query, client, recordsOf(contents, question.type, client));
    const services = servicesOf(names, name, visible);
    if (services.length > 0) {
      if (question.type !== rrType.SRV) return answer(query, client, []);
      const answers = services.map((service) => ({ type: rrType.SRV, ttl, data: srvData(service, service.target) }));
      const glue = services.map(({ target, address }) => ({
        owner: encodeName(target),
        type: rrType.A,
        ttl,
        data: aData(address),
      }));
      return answer(query, client, answers, glue);
    }
    const apex = name.toLowerCase() === domain;
    if (original || (!apex && (visible !== undefined || !names.hasBelow(name))))
      return error(query, client, rcode.nxDomain);
    return answer(query, client, apex && question.type === rrType.SOA ? [{ ...soa() }] : []);
  };
  const reverse = (query: Query, question: Question, client: Client): Verdict => {
    const host = question.name.slice(0, -reverseSuffix.length).split(".").reverse().join(".");
    const address = parseIpv4(host);
    if (original && (question.type !== rrType.PTR || address === undefined))
      return error(query, client, rcode.nxDomain);
    const visible = view?.(client.address);
    const hostname = address === undefined ? undefined : names.reverse(address);
    if (hostname === undefined || !isEncodable(hostname)) return { do: "forward", query };
    if (visible?.some((subnet) => contains(subnet, address!)) === false) return error(query, client, rcode.nxDomain);
    const data = encodeName(hostname);
    return answer(query, client, question.type === rrType.PTR ? [{ type: rrType.PTR, ttl, data }] : []);
  };

  const dispatch = (query: Query, client: Client): Verdict => {
    const [question] = query.questions;
    if (question === undefined) return error(query, client, original ? rcode.servFail : rcode.formErr);
    const opcode = query.flags & flag.opcode;
    if (!original) {
      if (opcode !== 0) return error(query, client, rcode.notImp);
      if ((query.edns?.version ?? 0) !== 0) return error(query, client, rcode.badVers);
      if (query.questions.length > 1) return error(query, client, rcode.formErr);
      if (question.class !== classIn && question.class !== classAny) return error(query, client, rcode.refused);
    }
    const alone = query.questions.length === 1;
    const name = question.name.toLowerCase();
    const inside = isInDomain(name, domain);
    // The original lets DS queries for its own names go up, for the parent to answer; so do we in its dialect.
    if (inside && (question.type !== rrType.DS || !original)) {
      return alone ? local(query, question, client) : error(query, client, rcode.nxDomain);
    }
    if (`.${name}`.endsWith(reverseSuffix) && question.type !== rrType.DS) {
      return alone ? reverse(query, question, client) : error(query, client, rcode.nxDomain);
    }
    const single = original ? countLabels(name) <= 1 : countLabels(name) === 1 && !delegationTypes.has(question.type);
    return alone && single ? local(query, question, client) : { do: "forward", query };
  };

  return {
    dialect,
    domain,
    stats,
    respond(message, client) {
      totals.queries++;
      const parsed = parseQuery(message);
      if (parsed.kind === "query") {
        const verdict = dispatch(parsed.query, client);
        if (verdict.do === "forward") totals.forwarded++;
        return verdict;
      }
      totals.malformed++;
      if (parsed.kind === "drop") return { do: "drop" };
      return { do: "reply", bytes: formatError(message), rcode: rcode.formErr };
    },
    fail: (query, client, code = rcode.servFail) =>
      encode({ query, flags: errorFlags, rcode: code, answers: [] }, client),
    truncated: (query) =>
      encodeReply(
        { query, flags: errorFlags | flag.truncated, rcode: 0, answers: [] },
        { compress: true, ednsBytes: 0, limit: plainUdpBytes },
      ),
  };
}

/** FORMERR can only repeat the id. */
function formatError(message: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(12);
  bytes.set(message.subarray(0, 2));
  bytes[2] = flag.response >>> 8;
  bytes[3] = rcode.formErr;
  return bytes;
}
