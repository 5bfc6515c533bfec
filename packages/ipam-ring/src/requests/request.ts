import { RingError } from "../errors.ts";
import type { Cidr } from "../space/address.ts";
import type { Asked, WaitReason } from "./waiting.ts";

/** The ident under which an address is filed under its own text, so that it can be released without a name. */
export const NO_IDENT = "_";

/** How a request ends. */
export type Outcome<T> = { readonly value: T } | { readonly error: RingError };

/** Called once with the outcome, when everything that it depends on is saved. */
export type Settle<T> = (outcome: Outcome<T>) => void;

/** A request that waits. */
export interface Request {
  readonly kind: "allocate" | "claim" | "prime";
  readonly ident: string;
  /** The requested subnet or address; undefined for `prime`. */
  readonly cidr: Cidr | undefined;
  readonly since: number;
  readonly isContainer: boolean;
  /** The name whose reservation applies. */
  readonly workload: string;
  readonly isQuiet: boolean;
  reason: WaitReason | undefined;
  tries: number;
  /** Bounded by: the last 32, see {@link noteAsked}. */
  readonly asked: Asked[];
  /** Whether the caller has its answer; a lenient claim goes on after it. */
  answered: boolean;
  /** Tries once; true when done. */
  readonly attempt: () => boolean;
  readonly settle: Settle<Cidr>;
}

/** Options of a request. */
export interface RequestOptions {
  readonly isContainer?: boolean;
  /** For allocations: the name that a reservation is kept under. An ident often changes with every start. @defaultValue the ident */
  readonly workload?: string;
  /** For claims: fail if any ident holds the address, this one included. @defaultValue false */
  readonly exclusive?: boolean;
  /** For claims: answer success while it is not known whether the address can be had, and keep trying. */
  readonly noErrorOnUnknown?: boolean;
}

/** Records a question to a peer for the explanation. */
export function noteAsked(request: Request, asked: Asked): void {
  request.asked.push(asked);
  if (request.asked.length > 32) request.asked.shift();
}

/** The error of a request that was cancelled. */
export function cancelled({ kind, ident }: Request): RingError {
  const what = kind === "allocate" ? "Allocate" : kind === "claim" ? "Claim" : "Prime";
  return new RingError("CANCELLED", `${what} request for ${ident} cancelled`);
}
