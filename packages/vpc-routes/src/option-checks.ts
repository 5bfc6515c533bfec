import { toBlock } from "./address.ts";
import { VpcRoutesError } from "./errors.ts";
import type { ReconcilerOptions } from "./options.ts";

/** EC2's largest quota of routes; a larger figure is a mistake. */
const MOST_ROUTES = 100_000;

/** @throws VpcRoutesError `OPTION_INVALID` for a number out of its range, `ADDRESS_INVALID` for a malformed CIDR */
export function checkOptions(options: ReconcilerOptions): void {
  for (const cidr of options.within) toBlock(cidr);
  checkRoutes("limit", options.limit, 1);
  checkRoutes("headroom", options.headroom, 0);
  const { stickiness, idleMs, settleMs, debounceMs } = options;
  for (const [name, value] of Object.entries({ stickiness, idleMs, settleMs, debounceMs }))
    if (value !== undefined && !(value >= 0 && Number.isFinite(value)))
      throw new VpcRoutesError("OPTION_INVALID", `${name} is ${value}; expected a number, 0 or more`);
}

/** @throws VpcRoutesError `OPTION_INVALID` unless the number of routes is absent or a whole number of at least `least` */
export function checkRoutes(name: string, value: number | undefined, least: number): void {
  if (value === undefined || (Number.isInteger(value) && value >= least && value <= MOST_ROUTES)) return;
  throw new VpcRoutesError(
    "OPTION_INVALID",
    `${name} is ${value}; expected a whole number, ${least} to ${MOST_ROUTES}`,
  );
}
