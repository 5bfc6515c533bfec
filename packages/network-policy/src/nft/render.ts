import type { Family } from "@weaved/ip";
import { nameFor } from "./names.ts";
import type { Condition, End, MapName, RuleSet, Statement, WantedMap, WantedRule, WantedSet } from "./ruleset.ts";
import { elementText } from "./sets.ts";

/** How rules look in the kernel. */
export interface RenderOptions {
  /** Name of the table, of family `inet`. @defaultValue "weave-policy" */
  readonly table?: string | undefined;
  /** Three bits of the packet mark that rules use while they judge. @defaultValue 0x1000000, 0x2000000, and 0x4000000 */
  readonly marks?: MarkBits | undefined;
  /** NFLOG group of denied packets and of `log` rules; absent: nothing is logged. */
  readonly logGroup?: number | undefined;
}

/** One bit each, all different. */
export interface MarkBits {
  readonly allowed: number;
  readonly passed: number;
  readonly judged: number;
}

/** The options with their defaults. */
export interface Dialect {
  readonly table: string;
  readonly marks: MarkBits;
  readonly logGroup: number | undefined;
}

export function dialectOf(options: RenderOptions): Dialect {
  const {
    table = "weave-policy",
    marks = { allowed: 0x1000000, passed: 0x2000000, judged: 0x4000000 },
    logGroup,
  } = options;
  return { table, marks, logGroup };
}

/**
 * The chain that other chains jump to: it drops what policies deny and returns otherwise. Egress of the source comes first.
 */
export const JUDGE = "judge";

/** Lines that create a rule set inside an empty table, in an order that nft accepts. */
export function createLines(rules: RuleSet, dialect: Dialect): string[] {
  const { table } = dialect;
  return [
    ...[...rules.sets].flatMap(([name, set]) => addSet(name, set, table)),
    ...[...rules.chains.keys()].map((name) => `add chain inet ${table} ${name}`),
    ...[...rules.chains].flatMap(([name, list]) => addRules(name, list, dialect)),
    ...mapsOf(rules).flatMap(([name, map]) => [
      `add map inet ${table} ${name} ${mapType(map.family)}`,
      ...addEntries(name, map.chains, table),
    ]),
    ...judgeLines(dialect),
  ];
}

function judgeLines(dialect: Dialect): string[] {
  const { table } = dialect;
  const rules = ["ip saddr vmap @out4", "ip6 saddr vmap @out6", "ip daddr vmap @in4", "ip6 daddr vmap @in6"];
  return [`add chain inet ${table} ${JUDGE}`, ...rules.map((rule) => `add rule inet ${table} ${JUDGE} ${rule}`)];
}

export function mapsOf(rules: RuleSet): [MapName, WantedMap][] {
  return Object.entries(rules.maps) as [MapName, WantedMap][];
}

export function addSet(name: string, set: WantedSet, table: string): string[] {
  const type = set.family === 4 ? "ipv4_addr" : "ipv6_addr";
  const spec =
    set.kind === "addresses" ? `type ${type} ; flags interval ;` : `type ${type} . inet_proto . inet_service ;`;
  return [`add set inet ${table} ${name} { ${spec} }`, ...elementLines("add", name, set.elements, table)];
}

function mapType(family: Family): string {
  return `{ type ${family === 4 ? "ipv4_addr" : "ipv6_addr"} : verdict ; }`;
}

/** Elements on one line: nft reads lines of any length, a chunk of them keeps an error message readable. */
const CHUNK = 500;

export function elementLines(
  verb: "add" | "delete",
  set: string,
  elements: readonly string[],
  table: string,
): string[] {
  const lines: string[] = [];
  for (let i = 0; i < elements.length; i += CHUNK) {
    lines.push(`${verb} element inet ${table} ${set} { ${elements.slice(i, i + CHUNK).join(", ")} }`);
  }
  return lines;
}

export function addEntries(map: string, chains: ReadonlyMap<string, string>, table: string): string[] {
  return elementLines(
    "add",
    map,
    [...chains].map(([address, chain]) => `${address} : jump ${chain}`),
    table,
  );
}

export function addRules(chain: string, rules: readonly WantedRule[], dialect: Dialect): string[] {
  return rules.flatMap((rule) => {
    const text = ruleText(rule, dialect);
    return text === undefined ? [] : [`add rule inet ${dialect.table} ${chain} ${text}`];
  });
}

/** One rule; `undefined` when it would only log and logging is off. */
function ruleText({ when, actions, comment }: WantedRule, dialect: Dialect): string | undefined {
  const statements = actions.flatMap((statement) => statementText(statement, dialect) ?? []);
  if (statements.length === 0) return undefined;
  const counter = comment === undefined ? [] : ["counter"];
  // A comment of nftables is at most 128 bytes and holds no quote; names of policies have neither.
  const note = comment === undefined ? [] : [`comment "${comment.slice(0, 120)}"`];
  return [...when.map((condition) => conditionText(condition, dialect)), ...counter, ...statements, ...note].join(" ");
}

function statementText(statement: Statement, dialect: Dialect): string | undefined {
  switch (statement.do) {
    case "mark":
      return markStatement(statement.mark, dialect);
    case "log":
      if (dialect.logGroup === undefined) return undefined;
      return `limit rate 50/second burst 100 packets log prefix "${logId(statement.name)}" group ${dialect.logGroup}`;
    case "return":
    case "drop":
      return statement.do;
    case "jump":
    case "goto":
      return `${statement.do} ${statement.chain}`;
  }
}

/** The prefix of a log message. The kernel's limit is 127 bytes, so it is a short name for the verdict's name. */
export function logId(name: string): string {
  return nameFor("W", name);
}

function markStatement(mark: keyof MarkBits, { marks }: Dialect): string {
  if (mark !== "judged") return `meta mark set meta mark | ${hex(marks[mark])}`;
  return `meta mark set meta mark & ${hex(~(marks.allowed | marks.passed))} | ${hex(marks.judged)}`;
}

export function hex(value: number): string {
  return `0x${(value >>> 0).toString(16)}`;
}

function conditionText(condition: Condition, dialect: Dialect): string {
  const is = "is" in condition && !condition.is ? "!= " : "";
  switch (condition.kind) {
    case "family":
      return `meta nfproto ipv${condition.family}`;
    case "protocol":
      return `meta l4proto ${is}${condition.protocol}`;
    case "icmp":
      // The raw form works for both families; `icmp type` would imply IPv4.
      return condition.code === undefined
        ? `@th,0,8 ${is}${condition.type}`
        : `@th,0,16 ${is}${condition.type * 256 + condition.code}`;
    case "member":
      return `${address(condition.family, condition.end)} ${is}@${condition.set}`;
    case "nets":
      return `${address(condition.nets[0]!.family, condition.end)} ${is}{ ${condition.nets.map(elementText).join(", ")} }`;
    case "ports": {
      const ports = condition.ports.map(({ first, last }) => (first === last ? `${first}` : `${first}-${last}`));
      return `th ${port(condition.end)} ${is}{ ${ports.join(", ")} }`;
    }
    case "service":
      return `${address(condition.family, condition.end)} . meta l4proto . th ${port(condition.end)} ${is}@${condition.set}`;
    case "mark":
      return `meta mark & ${hex(dialect.marks[condition.mark])} != 0`;
    case "midstream":
      return "tcp flags & (fin | syn | rst | ack) != syn";
  }
}

function address(family: Family, end: End): string {
  return `${family === 4 ? "ip" : "ip6"} ${end === "source" ? "saddr" : "daddr"}`;
}

function port(end: End): string {
  return end === "source" ? "sport" : "dport";
}
