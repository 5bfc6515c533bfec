/** Which source addresses are answered. */
import { Cidr, type CidrInput, Ip, IpError, toCidr } from "@weaved/ip";
import { contains, type Subnet } from "./address.ts";
import { DnsError } from "./errors.ts";
import type { ClientAddress } from "./stats.ts";

/**
 * Networks whose hosts are answered, `any` for every host. A function is called when an unknown source appears, so that networks
 * that have come up meanwhile count; at most every 200 ms.
 */
export type ClientPolicy = "any" | readonly CidrInput[] | (() => readonly CidrInput[]);

/** Networks of loopback, private, link-local, and shared addresses: no router of the Internet passes these sources on. */
export const PRIVATE_NETWORKS: readonly Cidr[] = [
  "127.0.0.0/8",
  "10.0.0.0/8",
  "172.16.0.0/12",
  "192.168.0.0/16",
  "169.254.0.0/16",
  "100.64.0.0/10",
  "::1/128",
  "fc00::/7",
  "fe80::/10",
].map((text) => Cidr.parse(text));

/** A set of IPv4 and IPv6 networks. */
export class NetworkSet {
  readonly #v4: readonly Subnet[];
  readonly #v6: readonly Cidr[];

  /** @throws DnsError `DNS_BAD_ADDRESS` */
  constructor(networks: readonly CidrInput[]) {
    const cidrs = networks.map(parseNetwork);
    this.#v4 = cidrs
      .filter(({ family }) => family === 4)
      .map(({ base, length }) => ({ base: base.toNumber(), prefix: length }));
    this.#v6 = cidrs.filter(({ family }) => family === 6);
  }

  /** Runs for every packet: an IPv4 source costs a few comparisons and no object. */
  has(client: ClientAddress): boolean {
    if (typeof client === "string") return this.#hasV6(client);
    for (const subnet of this.#v4) if (contains(subnet, client)) return true;
    return false;
  }

  #hasV6(text: string): boolean {
    const zone = text.indexOf("%");
    const ip = Ip.tryParse(zone < 0 ? text : text.slice(0, zone));
    if (ip === undefined) return false;
    const { family } = ip.unmapped();
    return family === 4 ? this.has(ip.unmapped().toNumber()) : this.#v6.some((network) => network.contains(ip));
  }
}

function parseNetwork(input: CidrInput): Cidr {
  try {
    return toCidr(input);
  } catch (cause) {
    if (!(cause instanceof IpError)) throw cause;
    throw new DnsError("DNS_BAD_ADDRESS", cause.message, { cause });
  }
}

/** How often a function is called at most. */
const REFRESH_MS = 200;

/** Decides for each source address. */
export interface ClientCheck {
  isClient(address: ClientAddress, now: () => number): boolean;
}

/**
 * Makes the check of a policy.
 * @throws DnsError `DNS_BAD_ADDRESS`
 */
export function createClientCheck(policy: ClientPolicy): ClientCheck {
  if (policy === "any") return { isClient: () => true };
  if (typeof policy !== "function") {
    const networks = new NetworkSet(policy);
    return { isClient: (address) => networks.has(address) };
  }
  let networks = new NetworkSet(policy());
  let refreshedAt = Number.NEGATIVE_INFINITY;
  return {
    isClient(address, now) {
      if (networks.has(address)) return true;
      if (now() - refreshedAt < REFRESH_MS) return false;
      refreshedAt = now();
      networks = new NetworkSet(policy());
      return networks.has(address);
    },
  };
}

/** Sources remembered as refused. Two that share a slot may each hear a refusal more often than once. */
const SLOTS = 1 << 12;
/** A source hears that it is refused once in this time, so that it asks its next server without waiting. */
const REFUSAL_MS = 60_000;
/** Refusals a second to all sources together: addresses can be invented. */
const REFUSALS_PER_SECOND = 100;

/** Decides which refused sources hear so. Constant memory, whatever addresses are invented. */
export interface RefusalLimiter {
  admits(client: ClientAddress, nowMs: number): boolean;
}

/** @param seed - makes the slots unpredictable; 32 bits */
export function createRefusalLimiter(seed: number): RefusalLimiter {
  const times = new Float64Array(SLOTS).fill(Number.NEGATIVE_INFINITY);
  const sources = new Float64Array(SLOTS).fill(-1);
  let secondStart = Number.NEGATIVE_INFINITY;
  let spent = 0;
  return {
    admits(client, nowMs) {
      const key = keyOf(client);
      const slot = Math.imul(key ^ seed, 0x9e3779b1) >>> 20;
      if (sources[slot] === key && nowMs - times[slot]! < REFUSAL_MS) return false;
      if (nowMs - secondStart >= 1000) {
        secondStart = nowMs;
        spent = 0;
      }
      if (spent >= REFUSALS_PER_SECOND) return false;
      spent++;
      sources[slot] = key;
      times[slot] = nowMs;
      return true;
    },
  };
}

/** A number for each source: IPv4 as it is, IPv6 by its /64, which one host can fill at will. */
export function keyOf(client: ClientAddress): number {
  if (typeof client === "number") return client;
  const network = client.split("::")[0]!.split(":").slice(0, 4).join(":");
  let hash = 0x811c9dc5;
  for (let i = 0; i < network.length; i++) hash = Math.imul(hash ^ network.charCodeAt(i), 0x01000193);
  return 2 ** 32 + (hash >>> 0);
}
