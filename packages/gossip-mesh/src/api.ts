/** The public face of a mesh: options, the running thing, what it reports. Types only. */
import type { CryptoProvider } from "@weaved/sleeve-crypto";
import type { LinkProtection } from "./connection/protection.ts";
import type { MeshErrorCode } from "./errors.ts";
import type {
  Clock,
  GossipHandler,
  GossipSender,
  Logger,
  Metrics,
  Overlay,
  PeerName,
  Random,
  RouteTables,
  Transport,
} from "./ports.ts";

/** How a mesh is to be. Times in milliseconds. */
export interface MeshOptions {
  readonly name: PeerName;
  /** Free text, for people. @defaultValue "" */
  readonly nickname?: string;
  /** Distinguishes this run from earlier ones of the same name. @defaultValue random, 64 bits, never 0 */
  readonly uid?: bigint;
  /** Encrypts all connections. Every peer of the mesh needs the same. @defaultValue none: clear text */
  readonly password?: string | Uint8Array;
  /** Added to targets given without one, and tried for peers that only ever dialled. @defaultValue 6783 */
  readonly port?: number;
  /** Connections at most; 0 is no limit, else at least 3 so that the mesh can stay connected. @defaultValue 200 */
  readonly connectionLimit?: number;
  /** Whether to dial peers that others mention. @defaultValue true */
  readonly discovery?: boolean;
  /** CIDRs, such as `10.0.0.0/8`. Between two ends that trust each other, overlay traffic is sent in clear. */
  readonly trustedSubnets?: readonly string[];
  /**
   * Refuse older peers. Version 1 announces features in plaintext, so that strangers learn them; only the oldest peers need it.
   * @defaultValue 2 with a password, else 1
   */
  readonly minProtocolVersion?: 1 | 2 | undefined;
  /** For tests and for staged upgrades. @defaultValue 2 */
  readonly maxProtocolVersion?: 1 | 2;
  /** Periodic gossip: the complete state of each channel goes to a few neighbours. @defaultValue 30_000 */
  readonly gossipIntervalMs?: number;
  /** Carries frames beside each connection. @defaultValue none: connections are established at once */
  readonly overlay?: Overlay;
  /** Topology between two peers of this program goes as differences. Off: as the original does. @defaultValue true */
  readonly topologySync?: boolean;
  readonly logger?: Logger;
  readonly metrics?: Metrics;
}

/** What the core needs from its surroundings. */
export interface MeshPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly transport: Transport;
  /** @defaultValue tweetnacl */
  readonly crypto?: CryptoProvider;
}

/** What is wrong with a target. */
export interface TargetError {
  readonly target: string;
  /** Whether the target is kept and looked up again: its name does not resolve now. Malformed ones are not kept. */
  readonly kept: boolean;
  readonly code: MeshErrorCode;
  readonly reason: string;
}

/** A peer's view of one of its connections, as everybody sees it. */
export interface LinkStatus {
  readonly name: PeerName;
  readonly nickname: string;
  readonly address: string;
  readonly outbound: boolean;
  readonly established: boolean;
}

/** One known peer. */
export interface PeerStatus {
  readonly name: PeerName;
  readonly nickname: string;
  readonly uid: bigint;
  readonly shortId: number;
  readonly version: bigint;
  readonly connections: readonly LinkStatus[];
}

/** States of live connections (first two), then of targets. */
export type ConnectionState = "established" | "pending" | "connecting" | "retrying" | "failed" | "waiting";

/** A connection that we have, or a target that we would like to reach. */
export interface ConnectionStatus {
  readonly address: string;
  readonly outbound: boolean;
  readonly state: ConnectionState;
  /** For people: the peer at the other end; for targets what went wrong last, and when the next try is. */
  readonly info: string;
  /** The peer at the other end of a live connection. */
  readonly peer?: PeerName;
  /** Of a live connection: how its frames travel. */
  readonly protection?: LinkProtection;
  /** Of a live connection: whether `protection` is "encrypted". */
  readonly encrypted?: boolean;
  /** Overlay attributes of a live connection, `name` included. */
  readonly attributes: Readonly<Record<string, string | number | boolean>>;
  /** Of a live connection, since its start. The metrics get the same when it ends. */
  readonly traffic?: {
    readonly messagesIn: number;
    readonly messagesOut: number;
    readonly bytesIn: number;
    readonly bytesOut: number;
  };
  /** Of a target that failed: why, and in how many milliseconds it is tried again (absent: never). */
  readonly error?: { readonly code: MeshErrorCode; readonly reason: string };
  readonly retryInMs?: number;
}

/** Everything an operator may ask. A snapshot. `JSON.stringify` gives 64-bit numbers as text, and routes as objects by name. */
export interface MeshStatus {
  readonly name: PeerName;
  readonly nickname: string;
  readonly uid: bigint;
  readonly shortId: number;
  readonly port: number;
  /** Whether there is a password. Frames of single connections may still be in plaintext: see their `protection`. */
  readonly encrypted: boolean;
  readonly discovery: boolean;
  readonly connectionLimit: number;
  readonly minProtocolVersion: number;
  readonly maxProtocolVersion: number;
  readonly trustedSubnets: readonly string[];
  /** Literal texts as given to `connect`. */
  readonly targets: readonly string[];
  readonly connections: readonly ConnectionStatus[];
  readonly peers: readonly PeerStatus[];
  readonly routes: RouteTables;
  /** Connections that have ended, those to ourselves left out. */
  readonly terminationCount: number;
  /** What `JSON.stringify` makes of it. */
  toJSON(): unknown;
  /** How often each refusal, wait, retry, error has happened. */
  readonly events: Readonly<Partial<Record<MeshErrorCode, number>>>;
}

/** Which peers are known. */
export interface PeerEvent {
  readonly name: PeerName;
  readonly nickname: string;
}

/** A running mesh. All `on...` functions return their own undoing. */
export interface Mesh {
  readonly name: PeerName;
  readonly nickname: string;
  readonly uid: bigint;
  /** Joins a channel. A channel can be opened once. @throws MeshError MESH_USAGE */
  openChannel(channel: string, handler: GossipHandler): GossipSender;
  /**
   * Adds targets, `host` or `host:port`, and tries them now. `replace` makes them the only ones; existing connections are
   * kept. Resolves when all names have been looked up, with what is wrong with some of the targets.
   */
  connect(targets: readonly string[], options?: { readonly replace?: boolean }): Promise<readonly TargetError[]>;
  /**
   * Removes targets by their literal text, and what is remembered of the peers found there. Existing connections are kept;
   * once they end, the address is dialled again only if another peer reports it, and discovery is on.
   */
  forget(targets: readonly string[]): void;
  /** Routes over established, symmetric links. */
  routes(): RouteTables;
  onRoutesChanged(fn: () => void): () => void;
  /** A peer has become unreachable, over any link. */
  onPeerGone(fn: (peer: PeerEvent) => void): () => void;
  /** A peer has been described for the first time. */
  onPeerSeen(fn: (peer: PeerEvent) => void): () => void;
  status(): MeshStatus;
  /** Two meshes with equal digests believe the same of all peers. Cheap, unlike `status`. */
  convergence(): { readonly peers: number; readonly digest: bigint };
  /** Undefined for peers that are not known. */
  nicknameOf(name: PeerName): string | undefined;
  knows(name: PeerName): boolean;
  /** The 12-bit id's owner, for data paths that send ids. */
  peerOfShortId(shortId: number): PeerName | undefined;
  /** Direct targets, less those that are never tried again: the guess at the mesh's size before anybody is known. */
  activeDirectTargets(): readonly string[];
  /** Ends all connections at once; nothing is left running. Idempotent. */
  close(): void;
}
