/** One connection from its first byte to its last: handshake, registration, messages, heartbeats, end. */
import type { CryptoProvider } from "@weaved/sleeve-crypto";
import { MeshError, toMeshError } from "../errors.ts";
import type { Neighbour } from "../gossip/neighbour.ts";
import { type EncodingRound, Outbox } from "../gossip/outbox.ts";
import { formatPeerName } from "../peer-name.ts";
import type { Clock, OverlayConnection, PeerName, Stream } from "../ports.ts";
import { Tag } from "../wire/envelope.ts";
import { type Features, parseFeatures, type RemoteFeatures } from "../wire/features.ts";
import { Handshake } from "../wire/handshake.ts";
import { type LinkProtection, linkProtection } from "./protection.ts";
import { StallWatch } from "./stall.ts";

/**
 * A peer that we dialled gets this long to send its header, and this long for the whole handshake: a host that restarts
 * together with all others has many to let in, and to dial again puts us at the end of that queue.
 */
const ANSWER_TIMEOUT_MS = 30_000;
const DIALLED_TIMEOUT_MS = 60_000;
/** Silence for this long ends a connection. */
const READ_TIMEOUT_MS = 60_000;
/** Bytes that may be kept before the handshake is over: of version 2, and of version 1, where a whole message is needed. */
const MAX_HANDSHAKE_BYTES = 32 * 1024;
const MAX_VERSION_1_BYTES = 256 * 1024;
const HEARTBEAT_MS = 30_000;
/** How often silence is looked for. Divides HEARTBEAT_MS. */
const CHECK_MS = 10_000;
/** Unicasts and overlay control that may wait in a remote that does not read; gossip waits merged instead. */
const MAX_BACKLOG_BYTES = 4 * 2 ** 20;

const HEARTBEAT = Uint8Array.of(Tag.heartbeat);
const PING = Uint8Array.of(Tag.ping);
const PONG = Uint8Array.of(Tag.pong);
/** A connection that ends after a notice is closed this much later, so that the notice arrives. */
const PARTING_MS = 1_000;
/** Characters of a notice that are kept. */
const MAX_NOTICE = 512;

/** How far a connection has come. */
export type ConnectionPhase = "handshake" | "pending" | "established" | "ended";

/** What a connection needs from its mesh. */
export interface ConnectionHost {
  readonly self: PeerName;
  readonly clock: Clock;
  readonly crypto: CryptoProvider;
  readonly password: Uint8Array | undefined;
  readonly minVersion: number;
  readonly maxVersion: number;
  /** Our features for one connection. */
  features(connectionId: bigint, trusted: boolean): Features;
  /** Takes the connection in, or throws a MeshError to end it. */
  register(connection: Connection): void;
  /** A message other than a heartbeat; borrowed. Throws to end the connection. */
  onMessage(connection: Connection, tag: number, payload: Uint8Array): void;
  /** The handshake keeps this many bytes, and is not over yet. */
  onHandshakeBytes(connection: Connection, bytes: number): void;
  /** The remote has sent a text for the operator. */
  onNotice(connection: Connection, text: string): void;
  /** Tries to replace a stalled connection. The result gives up. */
  tryAnother(connection: Connection): () => void;
  onDrained(connection: Connection): void;
  onEnded(connection: Connection, error: MeshError): void;
}

/** How a connection came about. */
export interface ConnectionOrigin {
  readonly outbound: boolean;
  readonly address: string;
  /** Which unknown peers will do at the other end. */
  readonly expected: ReadonlySet<PeerName> | "anybody";
  readonly connectionId: bigint;
  /** Whether the remote address is in a trusted subnet. */
  readonly trusted: boolean;
  /** Of a connection that the remote has opened: how long its handshake may last. */
  readonly handshakeMs?: number | undefined;
}

/** A connection. Public fields are the mesh's business. */
export class Connection implements Neighbour {
  readonly origin: ConnectionOrigin;
  readonly stream: Stream;
  readonly outbox: Outbox = new Outbox();
  phase: ConnectionPhase = "handshake";
  /** Set from the features on. */
  remote: RemoteFeatures | undefined;
  overlay: OverlayConnection | undefined;
  /** Whether the topology holds a reference to the remote for us. */
  adopted = false;
  /** Whether the mesh has taken it in. */
  registered = false;
  /** For the operator: bytes and messages since the start. */
  readonly traffic = { messagesIn: 0, messagesOut: 0, bytesIn: 0, bytesOut: 0 };
  readonly #host: ConnectionHost;
  readonly #handshake: Handshake;
  #cancelTimer: () => void = () => {};
  /** When bytes came last. */
  heardAt: number;
  readonly #stall: StallWatch;
  /** What the remote has said last about a fault that the operator has to mend. */
  #notice: string | undefined;
  #parting = false;
  #lastMessageAt: number;
  #ticks = 0;
  #busySince: number | undefined;
  /** The first message, where that had to be awaited as the remote's proof. */
  #proof: Uint8Array | undefined;
  #challenged = false;
  #backlog = 0;

  constructor(host: ConnectionHost, stream: Stream, origin: ConnectionOrigin) {
    this.#host = host;
    this.stream = stream;
    this.origin = origin;
    this.#lastMessageAt = host.clock.now();
    this.heardAt = host.clock.now();
    this.#stall = new StallWatch({
      clock: host.clock,
      heardAt: () => this.heardAt,
      ping: () => this.#sendOwn(PING),
      tryAnother: () => host.tryAnother(this),
    });
    const { crypto, password, minVersion, maxVersion } = host;
    const features = host.features(origin.connectionId, origin.trusted);
    const options = { outbound: origin.outbound, minVersion, maxVersion, features, password, crypto };
    this.#handshake = new Handshake(options, (bytes) => void this.#write(bytes));
    this.#limitHandshake(origin.handshakeMs);
    stream.open({
      data: (bytes) => this.#receive(bytes),
      drained: () => this.#drained(),
      closed: (reason) =>
        this.end(
          reason
            ? toMeshError(reason, "MESH_TRANSPORT")
            : new MeshError("MESH_CLOSED", "the remote has closed the connection"),
        ),
    });
  }

  /** The peer at the other end. Only once registered. */
  get name(): PeerName {
    return this.remote!.name;
  }
  get outbound(): boolean {
    return this.origin.outbound;
  }
  get speaksSync(): boolean {
    return this.remote!.topologySync;
  }
  get version(): number {
    return this.#handshake.session?.version ?? 0;
  }
  /** Equal at both ends: breaks ties between duplicates, the lower one survives. */
  get uid(): bigint {
    return this.origin.connectionId ^ this.remote!.connectionId;
  }
  get sessionKey(): Uint8Array | undefined {
    return this.#handshake.session?.key;
  }
  /** How the frames of this connection travel. Only once the features are known. */
  get protection(): LinkProtection {
    return linkProtection({
      hasKey: this.sessionKey !== undefined,
      trustedByUs: this.origin.trusted,
      trustedByRemote: this.remote!.trusted,
    });
  }
  get remoteFeatures(): Features {
    return this.#handshake.session!.remoteFeatures;
  }
  /** Whether the stream asks to wait. */
  get busy(): boolean {
    return this.#busySince !== undefined;
  }
  /** For log lines. */
  get label(): string {
    const peer = this.remote ? `${formatPeerName(this.remote.name)}(${this.remote.nickname})` : "?";
    return `${this.origin.outbound ? "->" : "<-"} ${this.origin.address} ${peer}`;
  }

  #limitHandshake(ms: number | undefined): void {
    const { clock } = this.#host;
    const timeout = (totalMs: number) => (): void =>
      this.end(new MeshError("MESH_TIMEOUT", `no complete handshake within ${totalMs / 1000} s`));
    if (ms !== undefined) {
      this.#cancelTimer = clock.after(ms, timeout(ms));
      return;
    }
    this.#cancelTimer = clock.after(ANSWER_TIMEOUT_MS, () => {
      if (!this.#handshake.headerDone) timeout(ANSWER_TIMEOUT_MS)();
      else this.#cancelTimer = clock.after(DIALLED_TIMEOUT_MS - ANSWER_TIMEOUT_MS, timeout(DIALLED_TIMEOUT_MS));
    });
  }

  #receive(bytes: Uint8Array): void {
    if (this.phase === "ended") return;
    this.heardAt = this.#host.clock.now();
    this.traffic.bytesIn += bytes.length;
    try {
      this.#handshake.push(bytes);
      if (this.phase === "handshake") this.#shakeHands();
      this.#deliver();
    } catch (error) {
      this.end(toMeshError(error, "MESH_PROTOCOL"));
    }
    this.#handshake.settle();
  }

  #shakeHands(): void {
    if (this.#handshake.advance() && this.#isProven()) {
      this.#introduce();
      return;
    }
    // What is not needed any more is not kept, but cannot be much either.
    const bytes = this.traffic.bytesIn;
    const limit = this.#handshake.session ? MAX_VERSION_1_BYTES : MAX_HANDSHAKE_BYTES;
    if (bytes > limit) throw new MeshError("MESH_OVERSIZE", `a handshake of more than ${limit} bytes`);
    this.#host.onHandshakeBytes(this, bytes);
  }

  /**
   * Whether the remote has proved that it knows the password. In version 1 its first message has to open; the dialler sends a
   * heartbeat as its own proof, and the other side, which proves nothing first, answers with one.
   */
  #isProven(): boolean {
    if (this.#handshake.session!.proven) return true;
    if (!this.#challenged && this.origin.outbound) this.send(HEARTBEAT);
    this.#challenged = true;
    this.#proof = this.#handshake.next();
    if (this.#proof && !this.origin.outbound) this.send(HEARTBEAT);
    return this.#proof !== undefined;
  }

  #introduce(): void {
    this.remote = parseFeatures(this.#handshake.session!.remoteFeatures);
    this.#cancelTimer();
    this.phase = "pending";
    this.#host.register(this);
    this.#lastMessageAt = this.#host.clock.now();
    this.#tick();
  }

  #deliver(): void {
    while (this.phase === "pending" || this.phase === "established") {
      const message = this.#proof ?? this.#handshake.next();
      this.#proof = undefined;
      if (!message) return;
      this.#lastMessageAt = this.#host.clock.now();
      this.traffic.messagesIn++;
      // Empty messages, as unknown tags, are ignored: the protocol leaves itself room to grow.
      if (message.length > 0) this.#take(message[0]!, message.subarray(1));
    }
  }

  #take(tag: number, payload: Uint8Array): void {
    if (tag === Tag.ping) this.#sendOwn(PONG);
    else if (tag === Tag.notice) this.#takeNotice(payload);
    else if (tag !== Tag.heartbeat && tag !== Tag.pong) this.#host.onMessage(this, tag, payload);
  }

  #takeNotice(payload: Uint8Array): void {
    // Members may say anything, and this is going to be read on a terminal.
    const text = new TextDecoder().decode(payload.subarray(0, MAX_NOTICE)).replace(/\p{C}/gu, "?");
    if (text === this.#notice) return;
    this.#notice = text;
    this.#host.onNotice(this, text);
  }

  /** Sends the remote a text for its operator; if the connection ends now, the remote learns it as the reason. */
  notify(text: string): void {
    const body = new TextEncoder().encode(text).subarray(0, MAX_NOTICE);
    this.#sendOwn(Uint8Array.from([Tag.notice, ...body]));
    this.#parting = true;
  }

  /** Sends a message that only peers of this program understand. */
  #sendOwn(message: Uint8Array): void {
    if (this.remote?.topologySync) this.#transmit(message);
  }

  /** The overlay hears the remote again after a silence, so the network is back: TCP may not have noticed yet. */
  resumed(): void {
    if (this.registered) this.#stall.resumed();
  }

  #tick(): void {
    if (this.phase === "ended") return;
    const now = this.#host.clock.now();
    if (now - this.#lastMessageAt >= READ_TIMEOUT_MS) {
      this.end(new MeshError("MESH_TIMEOUT", `silence for ${READ_TIMEOUT_MS / 1000} s`));
    } else if (this.#busySince !== undefined && now - this.#busySince >= READ_TIMEOUT_MS) {
      this.end(new MeshError("MESH_CONGESTED", `nothing taken for ${READ_TIMEOUT_MS / 1000} s`));
    } else {
      if (this.#ticks++ % (HEARTBEAT_MS / CHECK_MS) === 0 && this.#ticks > 1) this.send(HEARTBEAT);
      this.#cancelTimer = this.#host.clock.after(CHECK_MS, () => this.#tick());
    }
  }

  /** Sends a protocol message; false if the stream asks to wait, though this one is on its way. */
  send(message: Uint8Array): boolean {
    // A peer that never answers a ping cannot be watched; heartbeats are not worth an answer.
    if (this.registered && message !== HEARTBEAT && this.remote!.topologySync) this.#stall.sent();
    return this.#transmit(message);
  }

  #transmit(message: Uint8Array): boolean {
    if (this.phase === "ended" || !this.#handshake.session) return true;
    this.traffic.messagesOut++;
    return this.#write(this.#handshake.encode(message));
  }

  /** As `send`, for messages that do not merge: refused while too much waits already. */
  trySend(message: Uint8Array): boolean {
    if (this.phase === "ended" || this.#backlog > MAX_BACKLOG_BYTES) return false;
    this.send(message);
    return true;
  }

  #write(bytes: Uint8Array): boolean {
    this.traffic.bytesOut += bytes.length;
    if (this.stream.write(bytes)) return true;
    this.#busySince ??= this.#host.clock.now();
    this.#backlog += bytes.length;
    return false;
  }

  #drained(): void {
    this.#busySince = undefined;
    this.#backlog = 0;
    if (this.phase !== "ended") this.#host.onDrained(this);
  }

  /** Sends what waits in the outbox, unless the remote is busy with what it has. */
  flush(round: EncodingRound): void {
    if (this.phase !== "ended" && !this.busy) this.outbox.flush(round, (message) => this.send(message));
  }

  /** Ends the connection, whatever its phase. Idempotent. */
  end(error: MeshError): void {
    if (this.phase === "ended") return;
    this.phase = "ended";
    this.#cancelTimer();
    this.#stall.close();
    if (this.#parting) this.#host.clock.after(PARTING_MS, () => this.stream.close());
    else this.stream.close();
    const byRemote = error.code === "MESH_CLOSED" || error.code === "MESH_TRANSPORT";
    try {
      this.#host.onEnded(this, byRemote && this.#notice ? new MeshError("MESH_NAME_TAKEN", this.#notice) : error);
      this.overlay?.stop();
    } finally {
      // Whatever fails, no key outlives its connection.
      this.#handshake.wipe();
    }
  }
}
