/** Why something was refused, given up, or ended. Each code is also a label of the counter `mesh_events`. */
export type MeshErrorCode =
  /** Text or bytes that are no peer name. */
  | "MESH_PEER_NAME"
  /** Not `host` or `host:port`, or a host that does not resolve. */
  | "MESH_ADDRESS"
  /** The remote does not speak the protocol: magic, flag, framing, encoding. */
  | "MESH_PROTOCOL"
  /** No protocol version in common. */
  | "MESH_VERSION"
  /** One side has a password, the other has none. */
  | "MESH_ENCRYPTION_MISMATCH"
  /** A message does not open: most likely another password. */
  | "MESH_DECRYPT"
  /** A message longer than 10 MiB. */
  | "MESH_OVERSIZE"
  /** A feature is missing or cannot be read. */
  | "MESH_FEATURES"
  /** Another peer uses our name. */
  | "MESH_NAME_COLLISION"
  /** Two living hosts use one name, a third one has noticed. */
  | "MESH_NAME_TAKEN"
  /** The address is our own. */
  | "MESH_SELF"
  /** A discovered address belongs to a peer that nobody has mentioned. */
  | "MESH_STRANGER"
  /** A second connection to the same peer; the other one stays. */
  | "MESH_DUPLICATE"
  /** We, or the remote, have as many connections as are allowed. */
  | "MESH_LIMIT"
  /** A link that others make up for was given up, to make room for a peer that needs one. */
  | "MESH_SHED"
  /** The overlay refused, or failed later. */
  | "MESH_OVERLAY"
  /** Silence for 60 s, or a handshake that takes too long: 10 s for a stranger that dials, 60 s for a peer that we dial. */
  | "MESH_TIMEOUT"
  /** The remote host answers, but this connection to it does not: it was replaced by a new one. */
  | "MESH_STALLED"
  /** The stream could not be opened, or broke. */
  | "MESH_TRANSPORT"
  /** The remote closed the connection. */
  | "MESH_CLOSED"
  /** Too many connections at once from one host, or from all; an unfinished handshake that makes way for a newer one. */
  | "MESH_THROTTLED"
  /** The remote does not take what we send. */
  | "MESH_CONGESTED"
  /** The remote brings more news of peers and links than one neighbour may. */
  | "MESH_FLOOD"
  /** A gossip payload that cannot be decoded, or that its channel's handler refused. */
  | "MESH_GOSSIP"
  /** An error that nothing in this library expected. A bug: please report it. */
  | "MESH_INTERNAL"
  /** The mesh is closed, a channel is opened twice, or an option is impossible. */
  | "MESH_USAGE";

/** Every failure of this package. Branch on `code`; the message is for people and may change. */
export class MeshError extends Error {
  override readonly name = "MeshError";
  readonly code: MeshErrorCode;

  constructor(code: MeshErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Anything thrown, as a MeshError. */
export function toMeshError(thrown: unknown, code: MeshErrorCode): MeshError {
  if (thrown instanceof MeshError) return thrown;
  return new MeshError(code, thrown instanceof Error ? thrown.message : String(thrown), { cause: thrown });
}
