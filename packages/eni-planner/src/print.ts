import type { Cidr } from "@weaved/ip";
import type { AddressPlan } from "./plan.ts";

/** Columns, left-aligned, two blanks apart. */
export function printTable(rows: readonly (readonly (string | number | Cidr)[])[]): string {
  const text = rows.map((row) => row.map(String));
  const widths = (text[0] ?? []).map((_, column) => Math.max(...text.map((row) => (row[column] ?? "").length)));
  return text
    .map(
      (row) =>
        `${row
          .map((cell, i) => cell.padEnd(widths[i] ?? 0))
          .join("  ")
          .trimEnd()}\n`,
    )
    .join("");
}

/** An address plan for people. */
export function printPlan(plan: AddressPlan): string {
  const needs = printTable([
    ["TYPE", "SCHEME", "TASKS", "TOO MANY", "ADDRESSES", "POD ADDRESSES", "WARM", "PER TASK", "PRICE/TASK"],
    ...plan.cheapest.map((n) => [
      n.type,
      n.scheme,
      n.tasks,
      n.tooMany,
      n.addresses,
      n.podAddresses,
      n.warm,
      n.addressesPerTask.toFixed(2),
      n.pricePerTask === undefined ? "-" : n.pricePerTask.toFixed(4),
    ]),
  ]);
  const subnets = printTable([
    ["SUBNET", "AZ", "USABLE", "NOW", "END", "WHOLE /28", "EXHAUSTED"],
    ...plan.subnets.map((s) => [
      s.id,
      s.az,
      s.usable,
      s.use[0] ?? 0,
      s.use[s.use.length - 1] ?? 0,
      s.cleanPrefixes[s.cleanPrefixes.length - 1] ?? 0,
      s.exhaustedInMonth === undefined ? "never in this plan" : `month ${s.exhaustedInMonth}, no ${s.exhausted}`,
    ]),
  ]);
  const zones = printTable([
    ["AZ", "INSTANCES AT END", "IF LOST NOW: WITHOUT ROOM", "IF LOST AT END"],
    ...plan.loseOneAz.map((z) => [z.az, z.instances, z.unplaced, z.unplacedAtEnd]),
  ]);
  const last = plan.unplaced[plan.unplaced.length - 1] ?? 0;
  const warm = plan.warm[plan.warm.length - 1] ?? 0;
  const leftOut = plan.leftOut.map(({ type, count, reason }) => `left out: ${count} x ${type}: ${reason}\n`).join("");
  return `${needs}\n${subnets}\n${zones}\n${leftOut}${last} instances without room at the end; ${warm} addresses warm\n`;
}
