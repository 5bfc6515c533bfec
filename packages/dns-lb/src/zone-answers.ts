/** What the local zone answers to one question, before it is bytes. */
import { contains, formatIpv4, parseIpv4, type Subnet } from "./address.ts";
import { countLabels } from "./domain.ts";
import { RCODE, type ReplyRecord, RR_TYPE } from "./message.ts";
import type { Names } from "./names.ts";
import type { Random } from "./ports.ts";
import { aaaaData, aData, encodeName, isEncodable, minimalAny, soaData, srvData } from "./rdata.ts";
import { type ClientAddress, countAsked, type QueryStats } from "./stats.ts";
import type { Strategy } from "./strategy.ts";
import { contentsOf, type LocatedService, type NameContents, servicesOf, type View, visibleTo } from "./zone.ts";

/** What {@link ZoneAnswers} needs. */
export interface ZoneOptions {
  readonly names: Names;
  /** Lower case, trailing dot. */
  readonly domain: string;
  readonly random: Random;
  readonly strategy: Strategy;
  readonly ttl: number;
  readonly isLegacy: boolean;
  readonly view: View | undefined;
  readonly ownSubnets: readonly Subnet[];
  readonly stats: QueryStats;
}

/** A question about a name (fully qualified) or an address. */
export interface ZoneQuestion {
  readonly name: string;
  readonly type: number;
  readonly client: ClientAddress;
}

/** The contents of an answer. */
export interface ZoneAnswer {
  readonly rcode: number;
  readonly answers: readonly ReplyRecord[];
  /** Says for how long a negative answer may be cached. */
  readonly soa?: ReplyRecord;
  readonly additionals?: readonly ReplyRecord[];
}

/** Ends the names of reverse look-ups. */
export const REVERSE_SUFFIX = ".in-addr.arpa.";

const LOOPBACK_NAME = "localhost.";
const LOOPBACK_V4 = 0x7f000001;
const LOOPBACK_V6 = "::1";

/** Answers from the names alone. */
export class ZoneAnswers {
  readonly #options: ZoneOptions;

  constructor(options: ZoneOptions) {
    this.#options = options;
  }

  /** The start of authority of our domain, or of the reverse zone `owner`. */
  soa(owner: string = this.#options.domain): ReplyRecord {
    const { domain, names, ttl } = this.#options;
    return { owner: encodeName(owner), type: RR_TYPE.SOA, ttl, data: soaData(domain, names.generation(), ttl) };
  }

  /** Answers about a name of the domain, or about a single label, which stands for a name directly below the domain. */
  local({ name: asked, type, client }: ZoneQuestion): ZoneAnswer {
    const { names, domain, isLegacy, view } = this.#options;
    const name = countLabels(asked) <= 1 ? asked + domain : asked;
    const visible = visibleTo(view, client);
    const contents = contentsOf(names, name, visible, isLegacy);
    if (contents.entries.length > 0) return this.#found(this.#recordsOf(contents, type, client));
    const services = servicesOf(names, name, visible);
    if (services.length > 0) return this.#services(services, type);
    const isApex = name.toLowerCase() === domain;
    const exists = isApex || (visible === undefined && names.hasBelow(name));
    if (isLegacy || !exists) return { rcode: RCODE.nxDomain, answers: [], soa: this.soa() };
    return this.#found(isApex && type === RR_TYPE.SOA ? [this.soa()] : []);
  }

  /** Answers about `d.c.b.a.in-addr.arpa.`; undefined when an upstream has to. */
  reverse({ name, type, client }: ZoneQuestion): ZoneAnswer | undefined {
    const { names, isLegacy, view, ttl } = this.#options;
    const address = parseIpv4(name.slice(0, -REVERSE_SUFFIX.length).split(".").reverse().join("."));
    if (isLegacy && (type !== RR_TYPE.PTR || address === undefined)) return { rcode: RCODE.nxDomain, answers: [] };
    if (address === undefined) return undefined;
    const hostname = names.reverse(address);
    if (hostname === undefined || !isEncodable(hostname)) return this.#unused(address);
    const visible = visibleTo(view, client);
    if (visible?.some((subnet) => contains(subnet, address)) === false) {
      return { rcode: RCODE.nxDomain, answers: [], soa: this.soa() };
    }
    const data = encodeName(hostname);
    return this.#found(type === RR_TYPE.PTR ? [{ type: RR_TYPE.PTR, ttl, data }] : []);
  }

  /** `localhost.` and names below it mean the client itself (RFC 6761 section 6.3); undefined for other names. */
  loopback({ name, type }: ZoneQuestion): ZoneAnswer | undefined {
    const { ttl } = this.#options;
    if (name !== LOOPBACK_NAME && !name.endsWith(`.${LOOPBACK_NAME}`)) return undefined;
    if (type === RR_TYPE.A) return { rcode: RCODE.noError, answers: [{ type, ttl, data: aData(LOOPBACK_V4) }] };
    if (type !== RR_TYPE.AAAA) return { rcode: RCODE.noError, answers: [] };
    return { rcode: RCODE.noError, answers: [{ type, ttl, data: aaaaData(LOOPBACK_V6)! }] };
  }

  /** Addresses of our own subnets have no names elsewhere, so no upstream is bothered with them (RFC 6303). */
  #unused(address: number): ZoneAnswer | undefined {
    const { isLegacy, ownSubnets } = this.#options;
    const own = isLegacy ? undefined : ownSubnets.find((subnet) => contains(subnet, address));
    if (own === undefined) return undefined;
    // The reverse zone is cut at whole octets, inside the subnet.
    const labels = formatIpv4(address)
      .split(".")
      .slice(0, Math.max(1, Math.ceil(own.prefix / 8)));
    return { rcode: RCODE.nxDomain, answers: [], soa: this.soa(`${labels.reverse().join(".")}${REVERSE_SUFFIX}`) };
  }

  #found(answers: readonly ReplyRecord[], additionals: readonly ReplyRecord[] = []): ZoneAnswer {
    if (answers.length === 0) return { rcode: RCODE.noError, answers, soa: this.soa() };
    return { rcode: RCODE.noError, answers, additionals };
  }

  #recordsOf(contents: NameContents, type: number, client: ClientAddress): ReplyRecord[] {
    const { stats, isLegacy, ttl } = this.#options;
    if (type === RR_TYPE.A && contents.candidates.length > 0) return this.#addressesOf(contents, client);
    countAsked(stats.of(contents.key), client, type === RR_TYPE.AAAA);
    if (type === RR_TYPE.ANY && !isLegacy) return [{ type: RR_TYPE.HINFO, ttl, data: minimalAny }];
    if (type !== RR_TYPE.AAAA) return [];
    return contents.entries.flatMap((entry) => {
      const data = entry.type === "AAAA" ? aaaaData(entry.data) : undefined;
      return data === undefined ? [] : [{ type: RR_TYPE.AAAA, ttl, data }];
    });
  }

  #addressesOf({ candidates, key }: NameContents, client: ClientAddress): ReplyRecord[] {
    const { strategy, random, names, stats, ttl } = this.#options;
    const figures = stats.of(key);
    const order = candidates.map((_, index) => index);
    const chosen = strategy.arrange(candidates, order, { random, count: figures.asked, self: names.self });
    countAsked(figures, client, true);
    return order.slice(0, chosen).map((index) => ({ type: RR_TYPE.A, ttl, data: aData(candidates[index]!.address) }));
  }

  #services(services: readonly LocatedService[], type: number): ZoneAnswer {
    if (type !== RR_TYPE.SRV) return this.#found([]);
    const { ttl } = this.#options;
    const answers = services.map((service) => ({ type: RR_TYPE.SRV, ttl, data: srvData(service, service.target) }));
    const glue = services.map(({ target, address }) => {
      return { owner: encodeName(target), type: RR_TYPE.A, ttl, data: aData(address) };
    });
    return this.#found(answers, glue);
  }
}
