/** What connections report to the side that decides whom to dial. Types only. */
import type { MeshError } from "../errors.ts";
import type { PeerName } from "../ports.ts";

/** A registered connection, as the side that dials sees it. */
export interface MadeConnection {
  readonly peer: PeerName;
  readonly address: string;
  readonly outbound: boolean;
}

/** What the side that dials wants to know. */
export interface DialEvents {
  /** An attempt has got as far as the handshake. */
  answered(address: string): void;
  /** The address leads to this peer. */
  identified(address: string, peer: PeerName): void;
  /** A connection has been registered. */
  connected(connection: MadeConnection): void;
  /** A registered connection has ended, or an attempt has failed. */
  ended(connection: MadeConnection | Omit<MadeConnection, "peer">, error: MeshError): void;
}
