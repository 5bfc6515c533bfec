import { EniPlannerError } from "./errors.ts";
import type { FleetGroup, Scheme } from "./need.ts";

/** The ways of giving tasks addresses, in the order of the documentation. */
export const SCHEMES: readonly Scheme[] = ["ecs", "ecs-trunk", "eks", "eks-prefix"];
/** Instances in one plan or simulation at most, growth included: beyond any account, and a few seconds of work. */
const MAX_INSTANCES = 1_000_000;
/** A hundred years. */
const MAX_MONTHS = 1200;

/** @throws EniPlannerError `SETTING_INVALID` unless `value` is a whole number from 0 to `most` */
export function checkCount(name: string, value: unknown, most: number = Number.MAX_SAFE_INTEGER): void {
  if (Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= most) return;
  const upTo = most === Number.MAX_SAFE_INTEGER ? "0 or more" : `0 to ${most}`;
  throw new EniPlannerError("SETTING_INVALID", `${name} is ${text(value)}; expected a whole number, ${upTo}`);
}

/** @throws EniPlannerError `SETTING_INVALID` unless it is a plan's number of months */
export function checkMonths(months: unknown): void {
  checkCount("months", months, MAX_MONTHS);
}

/** @throws EniPlannerError `SETTING_INVALID` for a field of a group that is missing or out of range */
export function checkGroup(group: FleetGroup): void {
  if (typeof group.type !== "string" || group.type === "")
    throw new EniPlannerError("SETTING_INVALID", `a group has no instance type; expected a name such as m5.large`);
  const of = (field: string) => `${field} of ${group.type}`;
  checkCount(of("count"), group.count, MAX_INSTANCES);
  checkCount(of("growthPerMonth"), group.growthPerMonth ?? 0, MAX_INSTANCES);
  checkCount(of("tasksPerInstance"), group.tasksPerInstance);
  if (!SCHEMES.includes(group.scheme)) {
    const message = `scheme of ${group.type} is ${text(group.scheme)}; expected ${SCHEMES.join(", ")}`;
    throw new EniPlannerError("SETTING_INVALID", message);
  }
}

/** Checks every group, and that the plan is not larger than the work it may cost. */
export function checkFleet(fleet: readonly FleetGroup[], months: number): void {
  for (const group of fleet) checkGroup(group);
  const instances = fleet.reduce((sum, { count, growthPerMonth = 0 }) => sum + count + months * growthPerMonth, 0);
  if (instances > MAX_INSTANCES)
    throw new EniPlannerError(
      "SETTING_INVALID",
      `the plan has ${instances} instances; expected ${MAX_INSTANCES} at most`,
    );
}

function text(value: unknown): string {
  return typeof value === "number" ? String(value) : (JSON.stringify(value) ?? "missing");
}
