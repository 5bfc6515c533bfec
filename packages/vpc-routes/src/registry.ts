import { VpcRoutesError } from "./errors.ts";
import type { PeerName } from "./ports.ts";

/**
 * Which interfaces are members of a cluster, kept where the routes are: in tags of the route table, as routes have none.
 * It survives the death of a host, so a black hole can be told from somebody else's route.
 *
 * ```
 *  tag key    weaved/<cluster>/07
 *  tag value  up to 12 entries of 20 characters, base64url, no separator:
 *             | format:4 bits | interface id: 68 bits | -> 12 characters, | peer name: 48 bits | -> 8 characters
 *  example    eni-0123456789abcdef0 of 7a:9f:eb:b6:0c:6e -> AAEjRWeJq83vAA.. (see the test)
 * ```
 * An entry's first tag is chosen by its id; a full one passes it to the next. Two hosts that write one tag at the same
 * moment may lose an entry: each host looks for its own at every read, puts it back, then creates routes only after it
 * has seen it.
 */
export type Registry = ReadonlyMap<string, PeerName>;

/** A route table may have 50 tags (EC2); ten are left to others. */
const TAGS = 40;
const ENTRY = 20;
/** A tag value has at most 256 characters (EC2). */
const PER_TAG = Math.floor(256 / ENTRY);

/** Members that one table can list. */
export const registryCapacity: number = TAGS * PER_TAG;

/** Reads the members of a cluster from a table's tags; entries that cannot be read are left out. */
export function readRegistry(cluster: string, tags: Readonly<Record<string, string>>): Registry {
  const members = new Map<string, PeerName>();
  for (let i = 0; i < TAGS; i++) for (const [eni, peer] of readTag(tags[key(cluster, i)] ?? "")) members.set(eni, peer);
  return members;
}

/**
 * The tag to write so that an interface is listed for a peer; undefined when it is already.
 * @throws VpcRoutesError `TABLE_FULL` when every tag is full
 */
export function addToRegistry(
  cluster: string,
  tags: Readonly<Record<string, string>>,
  eni: string,
  peer: PeerName,
): Record<string, string> | undefined {
  if (readRegistry(cluster, tags).get(eni) === peer) return undefined;
  const first = hash(eni) % TAGS;
  for (let i = 0; i < TAGS; i++) {
    const name = key(cluster, (first + i) % TAGS);
    const entries = readTag(tags[name] ?? "");
    if (!entries.has(eni) && entries.size >= PER_TAG) continue;
    return { [name]: writeTag(entries.set(eni, peer)) };
  }
  throw new VpcRoutesError("TABLE_FULL", `the tags of the route table list ${registryCapacity} members already`);
}

/** The tags to write and to delete so that these interfaces are not listed any more. */
export function removeFromRegistry(
  cluster: string,
  tags: Readonly<Record<string, string>>,
  enis: ReadonlySet<string>,
): { readonly set: Record<string, string>; readonly delete: string[] } {
  const change = { set: {} as Record<string, string>, delete: [] as string[] };
  for (let i = 0; i < TAGS; i++) {
    const name = key(cluster, i);
    const entries = readTag(tags[name] ?? "");
    const kept = new Map([...entries].filter(([eni]) => !enis.has(eni)));
    if (kept.size === entries.size) continue;
    if (kept.size === 0) change.delete.push(name);
    else change.set[name] = writeTag(kept);
  }
  return change;
}

function key(cluster: string, index: number): string {
  return `weaved/${cluster}/${String(index).padStart(2, "0")}`;
}

function readTag(value: string): Map<string, PeerName> {
  const entries = new Map<string, PeerName>();
  for (let at = 0; at + ENTRY <= value.length; at += ENTRY) {
    const eni = unpackEni(fromBase64(value.slice(at, at + 12)));
    if (eni !== undefined) entries.set(eni, Number(fromBase64(value.slice(at + 12, at + ENTRY))));
  }
  return entries;
}

function writeTag(entries: ReadonlyMap<string, PeerName>): string {
  const parts = [...entries].map(([eni, peer]) => toBase64(packEni(eni), 12) + toBase64(BigInt(peer), 8));
  return parts.sort().join("");
}

/** Format 0: 17 hex digits. Format 1: the 8 hex digits of interfaces made before 2018. */
function packEni(eni: string): bigint {
  const digits = /^eni-([0-9a-f]{17}|[0-9a-f]{8})$/.exec(eni)?.[1];
  if (digits === undefined) throw new VpcRoutesError("TARGET_INVALID", `not a network interface id: ${eni}`);
  return (digits.length === 8 ? 1n << 68n : 0n) | BigInt(`0x${digits}`);
}

function unpackEni(value: bigint): string | undefined {
  const format = value >> 68n;
  const digits = (value & ((1n << 68n) - 1n)).toString(16);
  if (format === 0n) return `eni-${digits.padStart(17, "0")}`;
  return format === 1n ? `eni-${digits.padStart(8, "0")}` : undefined;
}

/** RFC 4648 section 5; all its characters are legal in tag values. */
const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

function toBase64(value: bigint, characters: number): string {
  let text = "";
  for (let i = 0, left = value; i < characters; i++, left >>= 6n) text = ALPHABET[Number(left & 63n)] + text;
  return text;
}

function fromBase64(text: string): bigint {
  let value = 0n;
  // A foreign character gives -1 and thereby a format no interface has.
  for (const character of text) value = (value << 6n) + BigInt(ALPHABET.indexOf(character));
  return value;
}

/** FNV-1a, 32 bits. */
function hash(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return h >>> 0;
}
