/**
 * Peer names: 48 bits, written like a MAC address, sent as 6 bytes big-endian or as an unsigned integer.
 *
 * ```
 * text   7a:9f:eb:b6:0c:6e        12:34::56  stands for  12:34:00:00:00:56
 * bytes  7a 9f eb b6 0c 6e
 * ```
 */
import { MeshError } from "./errors.ts";
import type { PeerName } from "./ports.ts";

/** Octets before and after `::` that the original accepts: at most four in all, and never none. */
const MOST_ABBREVIATED = 4;
const OCTETS = 6;

/**
 * Reads the text form, abbreviated or not.
 *
 * @throws MeshError MESH_PEER_NAME
 */
export function parsePeerName(text: string): PeerName {
  const name = tryParse(text.trimStart());
  if (name === undefined) throw new MeshError("MESH_PEER_NAME", `not a peer name: ${JSON.stringify(text)}`);
  return name;
}

function tryParse(text: string): PeerName | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const head = octets(halves[0]!);
  const tail = halves.length === 2 ? octets(halves[1]!) : [];
  if (!head || !tail) return undefined;
  const given = head.length + tail.length;
  if (halves.length === 1 ? given !== OCTETS : given === 0 || given > MOST_ABBREVIATED) return undefined;
  const zeros = new Array<number>(OCTETS - given).fill(0);
  return fold([...head, ...zeros, ...tail]);
}

function octets(text: string): number[] | undefined {
  if (text === "") return [];
  const parts = text.split(":");
  if (!parts.every((part) => /^[0-9a-f]{1,2}$/i.test(part))) return undefined;
  return parts.map((part) => Number.parseInt(part, 16));
}

function fold(bytes: Iterable<number>): number {
  let value = 0;
  for (const byte of bytes) value = value * 256 + byte;
  return value;
}

/** The text form, all six octets. */
export function formatPeerName(name: PeerName): string {
  const hex = name.toString(16).padStart(12, "0");
  return `${hex.slice(0, 2)}:${hex.slice(2, 4)}:${hex.slice(4, 6)}:${hex.slice(6, 8)}:${hex.slice(8, 10)}:${hex.slice(10)}`;
}

/** The binary form: 6 bytes, big-endian. */
export function peerNameToBytes(name: PeerName): Uint8Array {
  const bytes = new Uint8Array(OCTETS);
  let rest = name;
  for (let i = OCTETS - 1; i >= 0; i--) {
    bytes[i] = rest % 256;
    rest = Math.floor(rest / 256);
  }
  return bytes;
}

/** The name in some bytes. As in the original any length will do: a short one has leading zeros, of a long one the last 6 count. */
export function peerNameFromBytes(bytes: Uint8Array): PeerName {
  return fold(bytes.length > OCTETS ? bytes.subarray(bytes.length - OCTETS) : bytes);
}
