import { Cidr, Ip } from "@weaved/ip";
import {
  type Action,
  type Endpoint,
  type Flow,
  labelsIn,
  type Match,
  type NetworkSet,
  type Policy,
  type PortMatch,
  type Rule,
  Selector,
  type SelectorNode,
  type Tier,
  type WorldInput,
} from "../../src/index.ts";

/** Uniform in [0, 1). */
type Random = () => number;

/** A source of choices for one random world. */
interface Dice {
  pick<T>(list: readonly T[]): T;
  chance(probability: number): boolean;
  count(most: number): number;
}

function dice(random: Random): Dice {
  const below = (n: number) => Math.floor(random() * n);
  return {
    pick: (list) => list[below(list.length)]!,
    chance: (probability) => random() < probability,
    count: (most) => below(most + 1),
  };
}

const KEYS = ["app", "env", "role"];
const VALUES = ["a", "b", "ab"];
const NAMES = ["http", "dns", "sig"];
const NUMBERS = [22, 53, 80, 443, 8080];
const PROTOCOLS = [6, 17, 132];
const NETS = [
  "10.0.0.0/8",
  "10.32.0.0/30",
  "10.32.0.4/31",
  "192.0.2.0/24",
  "192.0.2.128/25",
  "fd00::/64",
  "fd00::4/126",
  "2001:db8::/32",
];
const OUTSIDE = ["192.0.2.1", "192.0.2.200", "198.51.100.1", "2001:db8::1", "2001:db9::1"];

/** A random state: small, so that everything overlaps. */
export function randomWorld(random: Random): WorldInput {
  const d = dice(random);
  const many = <T>(most: number, make: (i: number) => T) => Array.from({ length: d.count(most) }, (_, i) => make(i));
  const endpoints = Array.from({ length: 2 + d.count(5) }, (_, i) => randomEndpoint(d, i));
  const tiers = many(
    2,
    (i): Tier => ({
      name: `t${i}`,
      order: d.pick([1, 50, Number.POSITIVE_INFINITY]),
      defaultAction: d.pick(["deny", "pass"]),
    }),
  );
  const names = ["default", ...tiers.map(({ name }) => name)];
  const networkSets = many(
    2,
    (i): NetworkSet => ({ id: `set${i}`, labels: randomLabels(d), nets: many(2, () => net(d)) }),
  );
  return { endpoints, tiers, networkSets, policies: many(6, (i) => randomPolicy(d, i, d.pick(names))) };
}

function randomEndpoint(d: Dice, i: number): Endpoint {
  const ports = [...new Set(Array.from({ length: d.count(3) }, () => d.pick(NAMES)))].map((name) => ({
    name,
    protocol: d.pick(PROTOCOLS),
    port: d.pick(NUMBERS),
  }));
  const addresses = [Ip.v4(0x0a200001 + i), ...(d.chance(0.7) ? [Ip.parse(`fd00::${i + 1}`)] : [])];
  return { id: `e${i}`, labels: labelsIn(d.pick(["n1", "n2"]), randomLabels(d)), addresses, ports };
}

function randomLabels(d: Dice): Record<string, string> {
  return Object.fromEntries(KEYS.filter(() => d.chance(0.6)).map((key) => [key, d.pick(VALUES)]));
}

function randomPolicy(d: Dice, i: number, tier: string): Policy {
  const rules = (most: number) => Array.from({ length: d.count(most) }, () => randomRule(d));
  const types = (["ingress", "egress"] as const).filter(() => d.chance(0.75));
  return {
    id: { kind: "Policy", name: `p${i}` },
    tier,
    order: d.pick([1, 2, Number.POSITIVE_INFINITY]),
    selector: selector(d),
    types: types.length > 0 ? types : ["ingress"],
    ingress: rules(4),
    egress: rules(4),
    staged: d.chance(0.1) ? "set" : undefined,
  };
}

function randomRule(d: Dice): Rule {
  const action: Action = d.pick(["allow", "allow", "allow", "deny", "pass", "log"]);
  const ipVersion = d.chance(0.1) ? d.pick([4, 6] as const) : undefined;
  if (d.chance(0.15)) {
    const icmp = () =>
      d.chance(0.5) ? { type: d.pick([0, 8, 128]), code: d.chance(0.5) ? d.pick([0, 1]) : undefined } : undefined;
    return {
      action,
      ipVersion,
      protocol: d.pick([1, 58]),
      icmp: icmp(),
      notIcmp: icmp(),
      source: match(d, false),
      destination: match(d, false),
    };
  }
  const protocol = d.chance(0.7) ? d.pick([...PROTOCOLS, 47]) : undefined;
  const ported = protocol !== undefined && PROTOCOLS.includes(protocol);
  const notProtocol = d.chance(0.1) ? d.pick([6, 17]) : undefined;
  return {
    action,
    ipVersion,
    protocol,
    notProtocol,
    source: match(d, ported && d.chance(0.2)),
    destination: match(d, ported),
  };
}

function match(d: Dice, ported: boolean): Match {
  const maybe = <T>(probability: number, make: () => T) => (d.chance(probability) ? make() : undefined);
  const list = <T>(make: () => T) => Array.from({ length: 1 + d.count(2) }, make);
  return {
    selector: maybe(0.4, () => selector(d)),
    notSelector: maybe(0.1, () => selector(d)),
    nets: maybe(0.15, () => list(() => net(d))),
    notNets: maybe(0.1, () => list(() => net(d))),
    ports: maybe(ported ? 0.6 : 0, () => list(() => port(d))),
    notPorts: maybe(ported ? 0.15 : 0, () => list(() => port(d))),
  };
}

function port(d: Dice): PortMatch {
  if (d.chance(0.4)) return { name: d.pick(NAMES) };
  const first = d.pick(NUMBERS);
  return { first, last: d.chance(0.3) ? first + d.count(1000) : first };
}

function net(d: Dice): Cidr {
  return Cidr.parse(d.pick(NETS));
}

function selector(d: Dice): Selector {
  return Selector.of(node(d, 2));
}

function node(d: Dice, depth: number): SelectorNode {
  const key = d.pick(KEYS);
  if (depth > 0 && d.chance(0.3))
    return { kind: d.pick(["and", "or"]), terms: [node(d, depth - 1), node(d, depth - 1)] };
  if (depth > 0 && d.chance(0.15)) return { kind: "not", inner: node(d, depth - 1) };
  if (d.chance(0.2)) return { kind: "all" };
  if (d.chance(0.25)) return { kind: "has", key };
  if (d.chance(0.2)) return { kind: "set", key, operator: d.pick(["in", "not in"]), values: [d.pick(VALUES)] };
  return { kind: "text", key, operator: d.pick(["==", "!=", "contains", "starts with"]), value: d.pick(VALUES) };
}

/** A random packet between two ends of a world, or an end and an outsider. */
export function randomFlow(random: Random, { endpoints = [] }: WorldInput): Flow {
  const d = dice(random);
  const all = [...endpoints.flatMap(({ addresses }) => addresses), ...OUTSIDE.map((text) => Ip.parse(text))];
  const source = d.pick(all);
  const destination = d.pick(all.filter(({ family }) => family === source.family));
  const ends = { source, destination };
  if (d.chance(0.15)) {
    const protocol = source.family === 4 ? 1 : 58;
    return { ...ends, protocol, icmp: { type: d.pick([0, 8, 128]), code: d.pick([0, 1]) } };
  }
  const protocol = d.pick([...PROTOCOLS, 6, 17, 47]);
  if (!PROTOCOLS.includes(protocol)) return { ...ends, protocol };
  return { ...ends, protocol, sourcePort: d.pick(NUMBERS), destinationPort: d.pick(NUMBERS) };
}
