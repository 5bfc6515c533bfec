/** One command of the host. The shape is that of `@weaved/host-links`, so that its runner fits. */
export interface Command {
  readonly argv: readonly string[];
  readonly stdin?: string;
}

/** How a command ended. */
export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs commands. It rejects only when a command cannot be started. */
export interface Runner {
  run(command: Command): Promise<CommandResult>;
}

/** A connection that the kernel tracks: the original source and the real destination, behind any NAT. */
export interface TrackedConnection {
  readonly source: string;
  readonly destination: string;
  readonly protocol: number;
  readonly sourcePort?: number | undefined;
  readonly destinationPort?: number | undefined;
  readonly icmp?: { readonly type: number; readonly code: number } | undefined;
}

/** The kernel's table of connections. Offered by whoever has netlink; `deniedConnections` says which to end. */
export interface ConnectionTable<C extends TrackedConnection = TrackedConnection> {
  list(): Promise<readonly C[]>;
  /** Forgets connections: their next packet is judged like the first of a new one. */
  end(connections: readonly C[]): Promise<void>;
}

/** A packet that a rule logged; `prefix` is a {@link logId}. */
export interface LoggedPacket {
  readonly prefix: string;
  readonly payload: Uint8Array;
}

/** The kernel's log of packets (NFLOG). Returns the way to stop. Offered by whoever has netlink. */
export interface PacketLog {
  follow(group: number, onPacket: (packet: LoggedPacket) => void): () => void;
}
