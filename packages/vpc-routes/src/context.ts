import type { Cidr } from "@weaved/ip";
import type { Pacer } from "./backoff.ts";
import type { VpcRoutesError } from "./errors.ts";
import type { ReconcilerOptions } from "./options.ts";
import { iamPolicy } from "./policy.ts";
import type { Problem, ReconcilerStatus } from "./status.ts";
import type { Sweeper } from "./sweep.ts";

/** What a pass works with. */
export interface Context {
  readonly options: ReconcilerOptions;
  readonly within: readonly Cidr[];
  readonly pacer: Pacer;
  readonly sweeper: Sweeper;
  readonly memory: Memory;
}

/** What passes learn: kept between them. */
export interface Memory {
  /** Routes per table: the quota is one for both families, what a refusal tells is about one of them. */
  limits: { 4: number | undefined; 6: number | undefined };
  limitFrom: ReconcilerStatus["limit"]["from"];
  /** Most routes that a table was seen to have: no limit is lower. */
  seen: { 4: number; 6: number };
  /** Passes in a row in which a table was full. */
  refusals: { 4: number; 6: number };
  askedAt?: number;
  check: ReconcilerStatus["sourceDestCheck"];
  checkedAt?: number;
  /** Bounded by: tables of the VPC. For error messages. */
  tables: readonly string[];
  peeringsDueAt?: number;
  /** By what was looked at last. */
  problems: Partial<Record<"check" | "registry" | "peerings" | "sweep" | "tables", readonly Problem[]>>;
}

/** Before the first pass. */
export function newMemory({ limit }: ReconcilerOptions): Memory {
  return {
    limits: { 4: limit, 6: limit },
    limitFrom: "configured",
    seen: { 4: 0, 6: 0 },
    refusals: { 4: 0, 6: 0 },
    check: "unknown",
    tables: [],
    problems: {},
  };
}

/** An error as people need it: a missing permission comes with the smallest policy that would do. */
export function toProblem({ options, memory }: Context, error: VpcRoutesError): Problem {
  const { code, message } = error;
  if (code !== "PERMISSION_MISSING") return { code, message };
  const tables = memory.tables.length > 0 ? memory.tables : ["*"];
  return { code, message, policy: iamPolicy({ ...options.place, tables, interfaces: [options.self.eni] }) };
}
