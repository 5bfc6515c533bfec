import type { RoutePlan } from "./plan.ts";
import { familyOf } from "./routes.ts";
import type { RouteStep, TablePlan } from "./steps.ts";

/** How full a table is. */
interface TableUsage {
  readonly table: string;
  /** IPv4 routes that count against the quota. */
  readonly routes: number;
  readonly limit: number | undefined;
}

/** Columns, left-aligned, two blanks apart. */
export function printTable(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? "").length)));
  const line = (row: readonly string[]) => row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join("  ");
  return rows.map((row) => `${line(row).trimEnd()}\n`).join("");
}

/**
 * A dry run for people: each step, then its costs. Each step is one mutating EC2 call; the account shares a bucket of 50,
 * refilled by 5 a second, so the shortest time follows.
 */
export function printPlan(plan: RoutePlan, tables: readonly TablePlan[], usage: readonly TableUsage[] = []): string {
  const steps = tables.flatMap((table) => table.steps);
  const conflicts = tables.flatMap((table) => table.conflicts);
  const rows = [
    ["DO", "TABLE", "DESTINATION", "TO", "WAS", "WHY"],
    ...steps.map((step) => [step.do, step.table, step.destination, step.eni ?? "-", step.was ?? "-", step.why]),
    ...conflicts.map((c) => [
      "refuse",
      c.table,
      c.destination,
      "-",
      c.holder,
      c.blackhole ? "foreign black hole" : "foreign",
    ]),
  ];
  const seconds = Math.max(0, steps.length - 50) / 5;
  const { counts } = plan;
  const overlay = plan.overlay.reduce((n, { start, end }) => n + end - start, 0);
  return (
    (rows.length > 1 ? printTable(rows) : "nothing to do\n") +
    printUsage(usage, steps) +
    `${counts.ranges} ranges, ${counts.exact} routes exactly, ${counts.wanted} after aggregation (${plan.aggregate}), ` +
    `${counts.chosen} within the budget; ${overlay} addresses by overlay\n` +
    `${steps.length} EC2 ${steps.length === 1 ? "call" : "calls"}, ${seconds === 0 ? "no" : `at least ${seconds} s of`} waiting for the API's rate\n`
  );
}

function printUsage(usage: readonly TableUsage[], steps: readonly RouteStep[]): string {
  const lines = usage.map(({ table, routes, limit }) => {
    const here = steps.filter((step) => step.table === table && familyOf(step.destination) === 4);
    const more = here.filter((step) => step.do === "create").length;
    const fewer = here.filter((step) => step.do === "delete").length;
    return `${table}: ${routes} routes now, ${routes + more - fewer} after, of ${limit ?? "an unknown limit"}\n`;
  });
  return lines.join("");
}
