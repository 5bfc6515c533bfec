/**
 * Bounds on what a member may say about peers. Honest peers never come near them, so a neighbour of this program never
 * relays what is beyond them; each refusal names the neighbour that sent it.
 */
import { MeshError } from "../errors.ts";
import type { PeerRecord } from "./record.ts";

/** Peers of a topology, mentioned ones included. */
export const MAX_PEERS = 4_096;
/** Links of one peer. */
export const MAX_LINKS = 2_048;
/** Peers that one message may describe, or name. */
export const MAX_DESCRIBED: number = 2 * MAX_PEERS;
/** Characters of nicknames, and of addresses. */
const MAX_NICKNAME = 1_024;
const MAX_ADDRESS = 256;
/**
 * Versions count the changes of a peer's record, so no honest one comes near this. The bound leaves the owner of a record
 * room above it: a forged version that could not be outgrown would silence the owner.
 */
export const MAX_VERSION: bigint = 2n ** 63n - 1n;
/** How far the word of others about our neighbour may be ahead of the neighbour's own word. */
export const MAX_LEAD: bigint = 2n ** 32n;

/** Why a record is refused, or undefined. */
export function faultOf(record: PeerRecord): string | undefined {
  if (record.version > MAX_VERSION) return `a version of ${record.version}`;
  if (record.nickname.length > MAX_NICKNAME) return `a nickname of ${record.nickname.length} characters`;
  if (record.links.length > MAX_LINKS) return `${record.links.length} links`;
  const long = record.links.find(({ address }) => address.length > MAX_ADDRESS);
  return long && `an address of ${long.address.length} characters`;
}

/** Refuses a message that describes or names more peers than a mesh can have. @throws MeshError MESH_GOSSIP */
export function checkCount(count: number): void {
  if (count > MAX_DESCRIBED) {
    throw new MeshError("MESH_GOSSIP", `a message about ${count} peers or more, where ${MAX_DESCRIBED} are allowed`);
  }
}
