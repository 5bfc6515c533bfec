import {
  addEntries,
  addRules,
  addSet,
  createLines,
  type Dialect,
  dialectOf,
  elementLines,
  mapsOf,
  type RenderOptions,
} from "./render.ts";
import type { RuleSet, WantedRule } from "./ruleset.ts";

/**
 * The text for `nft -f` that makes the kernel's table from nothing or from whatever is there, in one transaction.
 * @param hooks - lines that connect `JUDGE` to packets; see {@link hookLines}
 */
export function render(rules: RuleSet, options: RenderOptions = {}, hooks: readonly string[] = []): string {
  const dialect = dialectOf(options);
  const { table } = dialect;
  // Declaring a table before deleting it makes the deletion legal when there is none.
  const lines = [`add table inet ${table}`, `delete table inet ${table}`, `add table inet ${table}`];
  return [...lines, ...createLines(rules, dialect), ...hooks, ""].join("\n");
}

/**
 * The smallest text for `nft -f` that turns one rule set into another, in one transaction: elements of sets and maps, whole
 * chains. An empty text means that nothing changes. The kernel's table is never read: that costs more than writing it.
 */
export function diff(before: RuleSet, after: RuleSet, options: RenderOptions = {}): string {
  const dialect = dialectOf(options);
  const lines = [
    ...setLines(before, after, dialect),
    ...chainLines(before, after, dialect),
    ...mapLines(before, after, dialect),
    ...removalLines(before, after, dialect),
  ];
  return lines.length === 0 ? "" : `${lines.join("\n")}\n`;
}

/** What goes is deleted before what comes is added, because blocks of an interval set must never overlap. */
function setLines(before: RuleSet, after: RuleSet, { table }: Dialect): string[] {
  return [...after.sets].flatMap(([name, set]) => {
    const was = before.sets.get(name);
    if (!was) return addSet(name, set, table);
    if (was.elements === set.elements) return [];
    const [had, has] = [new Set(was.elements), new Set(set.elements)];
    return [
      ...elementLines(
        "delete",
        name,
        was.elements.filter((one) => !has.has(one)),
        table,
      ),
      ...elementLines(
        "add",
        name,
        set.elements.filter((one) => !had.has(one)),
        table,
      ),
    ];
  });
}

/** New chains are declared before rules jump to them. */
function chainLines(before: RuleSet, after: RuleSet, dialect: Dialect): string[] {
  const changed = [...after.chains].filter(([name, rules]) => !sameRules(before.chains.get(name), rules));
  const declared = changed.map(
    ([name]) => `${before.chains.has(name) ? "flush" : "add"} chain inet ${dialect.table} ${name}`,
  );
  return [...declared, ...changed.flatMap(([name, rules]) => addRules(name, rules, dialect))];
}

function sameRules(a: readonly WantedRule[] | undefined, b: readonly WantedRule[]): boolean {
  return a !== undefined && (a === b || JSON.stringify(a) === JSON.stringify(b));
}

function mapLines(before: RuleSet, after: RuleSet, { table }: Dialect): string[] {
  return mapsOf(after).flatMap(([name, { chains }]) => {
    const was = before.maps[name].chains;
    const gone = [...was].filter(([address, chain]) => chains.get(address) !== chain).map(([address]) => address);
    const come = new Map([...chains].filter(([address, chain]) => was.get(address) !== chain));
    return [...elementLines("delete", name, gone, table), ...addEntries(name, come, table)];
  });
}

/** Chains are emptied before any is deleted, because they refer to each other. Sets go last, because chains refer to them. */
function removalLines(before: RuleSet, after: RuleSet, { table }: Dialect): string[] {
  const chains = [...before.chains.keys()].filter((name) => !after.chains.has(name));
  const sets = [...before.sets.keys()].filter((name) => !after.sets.has(name));
  return [
    ...chains.map((name) => `flush chain inet ${table} ${name}`),
    ...chains.map((name) => `delete chain inet ${table} ${name}`),
    ...sets.map((name) => `delete set inet ${table} ${name}`),
  ];
}
