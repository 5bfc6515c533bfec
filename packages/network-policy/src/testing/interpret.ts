import { Cidr, Ip } from "@weaved/ip";
import type { Condition, End, RuleSet, Statement, WantedRule } from "../nft/ruleset.ts";
import type { FlowFacts } from "../rule.ts";

/** What the kernel would do with the packet that opens a connection: `drop` names the rule. */
export type Outcome = { readonly do: "accept" } | { readonly do: "drop"; readonly comment: string | undefined };

/** The parts of a packet that rules look at. */
export type Packet = Pick<FlowFacts, "protocol" | "icmp"> & {
  readonly source: { readonly address: Ip; readonly port?: number | undefined };
  readonly destination: { readonly address: Ip; readonly port?: number | undefined };
};

/**
 * Runs compiled rules on a packet as nftables does. It knows neither policies nor selectors, so it is an independent check of
 * `compile`.
 * @throws Error for rules that nft would refuse: a jump to a chain that does not exist, a set that does not exist
 */
export function interpret(rules: RuleSet, packet: Packet): Outcome {
  const marks = new Set<string>();
  const { family } = packet.source.address;
  for (const [map, end] of [
    ["out", "source"],
    ["in", "destination"],
  ] as const) {
    const chain = rules.maps[`${map}${family}`].chains.get(packet[end].address.toString());
    const outcome = chain === undefined ? undefined : runChain(rules, chain, packet, marks);
    if (outcome) return outcome;
  }
  return { do: "accept" };
}

/** Runs a chain and whatever it jumps to; `undefined` when it returns. */
function runChain(rules: RuleSet, name: string, packet: Packet, marks: Set<string>): Outcome | undefined {
  const chain = rules.chains.get(name);
  if (!chain) throw new Error(`there is no chain ${name}`);
  for (const rule of chain) {
    if (!rule.when.every((condition) => holds(rules, condition, packet, marks))) continue;
    for (const statement of rule.actions) {
      const result = run(rules, { statement, rule }, packet, marks);
      if (result === "return") return undefined;
      if (result) return result;
    }
  }
  return undefined;
}

interface Step {
  readonly statement: Statement;
  readonly rule: WantedRule;
}

function run(
  rules: RuleSet,
  { statement, rule }: Step,
  packet: Packet,
  marks: Set<string>,
): Outcome | "return" | undefined {
  switch (statement.do) {
    case "mark":
      if (statement.mark === "judged") marks.clear();
      marks.add(statement.mark);
      return undefined;
    case "log":
      return undefined;
    case "return":
      return "return";
    case "drop":
      return { do: "drop", comment: rule.comment };
    case "jump":
      return runChain(rules, statement.chain, packet, marks);
    case "goto":
      return runChain(rules, statement.chain, packet, marks) ?? "return";
  }
}

function holds(rules: RuleSet, condition: Condition, packet: Packet, marks: ReadonlySet<string>): boolean {
  switch (condition.kind) {
    case "family":
      return packet.source.address.family === condition.family;
    case "protocol":
      return (packet.protocol === condition.protocol) === condition.is;
    case "icmp": {
      const same = packet.icmp?.type === condition.type;
      return (same && (condition.code === undefined || packet.icmp?.code === condition.code)) === condition.is;
    }
    case "mark":
      return marks.has(condition.mark);
    case "midstream":
      return false;
    default:
      return isIn(rules, condition, packet[condition.end], packet.protocol) === condition.is;
  }
}

type EndCondition = Extract<Condition, { readonly end: End }>;

function isIn(rules: RuleSet, condition: EndCondition, end: Packet["source"], protocol: number): boolean {
  switch (condition.kind) {
    case "nets":
      return condition.nets.some((net) => net.contains(end.address));
    case "ports":
      return (
        end.port !== undefined && condition.ports.some(({ first, last }) => first <= end.port! && end.port! <= last)
      );
    case "member":
      return elements(rules, condition.set).some((text) => {
        const block = text.includes("/") ? Cidr.parse(text) : Cidr.of(Ip.parse(text));
        return block.contains(end.address);
      });
    case "service":
      return elements(rules, condition.set).includes(`${end.address} . ${protocol} . ${end.port}`);
  }
}

function elements(rules: RuleSet, name: string): readonly string[] {
  const set = rules.sets.get(name);
  if (!set) throw new Error(`there is no set ${name}`);
  return set.elements;
}
