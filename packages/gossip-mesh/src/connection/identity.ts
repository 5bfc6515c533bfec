/** Checks who the peer at the other end of a handshake is. */
import { MeshError } from "../errors.ts";
import type { Neighbours } from "../gossip/neighbour.ts";
import { formatPeerName } from "../peer-name.ts";
import type { Topology } from "../topology/topology.ts";
import type { Connection } from "./connection.ts";

/** A neighbour that has sent nothing for longer may be gone: heartbeats come every 30 s. */
const ALIVE_MS = 40_000;

/** @throws MeshError MESH_SELF, MESH_NAME_COLLISION, MESH_STRANGER */
export function checkIdentity(connection: Connection, topology: Topology): void {
  const { name, nickname, uid } = connection.remote!;
  const { expected } = connection.origin;
  if (name === topology.self) {
    if (uid === topology.own.uid) throw new MeshError("MESH_SELF", "this address is our own");
    const who = `${nickname} at ${connection.origin.address}`;
    const text = `another peer is called ${formatPeerName(name)}, too: ${who}; give one of them another name (--name)`;
    throw new MeshError("MESH_NAME_COLLISION", text);
  }
  if (!topology.get(name) && expected !== "anybody" && !expected.has(name)) {
    throw new MeshError("MESH_STRANGER", `no peer has mentioned ${formatPeerName(name)}(${nickname})`);
  }
}

/**
 * Whether two living hosts use one name: the newcomer is another incarnation than our neighbour of that name, which is alive
 * at another address. Both are notified, because neither can see the other.
 *
 * @throws MeshError MESH_NAME_TAKEN
 */
export function checkNameIsFree(connection: Connection, neighbours: Neighbours<Connection>, now: number): void {
  const { name, nickname, uid } = connection.remote!;
  const other = neighbours.get(name);
  if (!other || other.remote!.uid === uid || now - other.heardAt > ALIVE_MS) return;
  const [newAddress, oldAddress] = [connection.stream.remote.address, other.stream.remote.address];
  if (newAddress === oldAddress) return;
  const text =
    `two hosts are called ${formatPeerName(name)}: ${other.remote!.nickname} at ${oldAddress} and ` +
    `${nickname} at ${newAddress}; give one of them another name (--name)`;
  for (const each of [connection, other]) each.notify(text);
  throw new MeshError("MESH_NAME_TAKEN", text);
}
