import { RingError } from "../errors.ts";
import type { Cidr } from "../space/address.ts";
import type { Asked, WaitReason } from "./waiting.ts";

/** The ident under which an address is filed under its own text, so that it can be released without a name. */
export const NO_IDENT = "_";

/** What a request ends with. Called once, when all it depends on is saved. */
export type Settle<T> = (result: { readonly value: T } | { readonly error: RingError }) => void;

/** A request that waits. */
export interface Request {
  readonly kind: "allocate" | "claim" | "prime";
  readonly ident: string;
  readonly cidr?: Cidr;
  readonly since: number;
  readonly isContainer: boolean;
  /** Whose reservation to use. */
  readonly workload: string;
  reason: WaitReason | undefined;
  tries: number;
  /** Bounded by: the last 32, see {@link noteAsked}. */
  readonly asked: Asked[];
  /** Whether the caller has its answer; a claim may go on for the books alone. */
  answered: boolean;
  /** Tries once; true when done. */
  readonly attempt: () => boolean;
  readonly settle: Settle<Cidr>;
}

/** What a request is made with. */
export interface RequestOptions {
  readonly isContainer?: boolean;
  /** For allocations: the name that a reservation is kept under. An ident often changes with every start. @defaultValue the ident */
  readonly workload?: string;
  /** For claims: answer success while it is not known whether the address can be had, and keep trying. */
  readonly noErrorOnUnknown?: boolean;
}

/** Remembers for the explanation who was asked. */
export function noteAsked(request: Request, asked: Asked): void {
  request.asked.push(asked);
  if (request.asked.length > 32) request.asked.shift();
}

/** What a request that nobody waits for any more ends with. */
export function cancelled({ kind, ident }: Request): RingError {
  const what = kind === "allocate" ? "Allocate" : kind === "claim" ? "Claim" : "Prime";
  return new RingError("CANCELLED", `${what} request for ${ident} cancelled`);
}
