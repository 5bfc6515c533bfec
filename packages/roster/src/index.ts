/**
 * Which hosts belong to a network.
 *
 * A roster is a set of signed statements: a member admits a host, or revokes one. Sets merge in any order, and two hosts
 * with equal sets agree on the members. Keys come from the caller; `/node` has them from `node:crypto`.
 *
 * @packageDocumentation
 */
export { RosterError, type RosterErrorCode } from "./errors.ts";
export type { Membership } from "./membership.ts";
export {
  type ReceiveResult,
  Roster,
  type RosterCrypto,
  type RosterFailure,
  type RosterOptions,
  type Standing,
} from "./roster.ts";
export { type Admission, type HostKeys, keyText, type Revocation } from "./statement.ts";
