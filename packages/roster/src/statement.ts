/** Bytes of a public key: Ed25519 or X25519. */
export const KEY_BYTES = 32;
/** Bytes of an Ed25519 signature. */
export const SIGNATURE_BYTES = 64;
/** Statements of one signer at most; the bound on what one member can make others store. */
export const MAX_COUNTER = 4095;
/** UTF-8 bytes of the reason of a revocation at most. */
export const MAX_REASON_BYTES = 200;

/** The public keys of one host. */
export interface HostKeys {
  /** Ed25519: signs statements, and is the identity of the host. */
  readonly signKey: Uint8Array;
  /** X25519: authenticates connections. */
  readonly dhKey: Uint8Array;
}

/** "The host with these keys and this peer name belongs to the network." */
export interface Admission extends HostKeys {
  readonly kind: "admission";
  /** 48-bit peer name. */
  readonly name: number;
  /** Signature of the host itself over its name and keys: nobody can bind the key of another host. */
  readonly consent: Uint8Array;
  /** Sign key of the member that admits. The first member admits itself. */
  readonly by: Uint8Array;
  /** Position among the statements of the signer, from 1. */
  readonly counter: number;
  readonly signature: Uint8Array;
}

/** "The host with this key no longer belongs to the network." */
export interface Revocation {
  readonly kind: "revocation";
  readonly key: Uint8Array;
  /** Statements of the revoked host above this counter are void. */
  readonly upTo: number;
  readonly reason: string;
  readonly by: Uint8Array;
  readonly counter: number;
  readonly signature: Uint8Array;
}

/** One signed line of the roster. */
export type Statement = Admission | Revocation;

const KIND_ADMISSION = 1;
const KIND_REVOCATION = 2;
const NAME_BYTES = 6;
const COUNTER_BYTES = 2;
const CONSENT_DOMAIN = new TextEncoder().encode("weaved roster consent 1\0");
const STATEMENT_DOMAIN = new TextEncoder().encode("weaved roster statement 1\0");

/** What a host signs before it is admitted. */
export function consentBytes(name: number, keys: HostKeys): Uint8Array {
  return concat(CONSENT_DOMAIN, nameBytes(name), keys.signKey, keys.dhKey);
}

/** What the signer of a statement signs: everything but the signature. */
export function signedBytes(statement: Statement): Uint8Array {
  return concat(STATEMENT_DOMAIN, body(statement));
}

/**
 * The bytes of a statement on the wire and on disk.
 *
 * ```text
 *  admission    01 | counter 2 | by 32 | name 6 | sign key 32 | dh key 32 | consent 64 | signature 64
 *  revocation   02 | counter 2 | by 32 | key 32 | up to 2 | length 1 | reason          | signature 64
 * ```
 * Numbers are big-endian.
 */
export function encodeStatement(statement: Statement): Uint8Array {
  return concat(body(statement), statement.signature);
}

function body(statement: Statement): Uint8Array {
  const head = concat(
    Uint8Array.of(statement.kind === "admission" ? KIND_ADMISSION : KIND_REVOCATION),
    number16(statement.counter),
    statement.by,
  );
  if (statement.kind === "admission")
    return concat(head, nameBytes(statement.name), statement.signKey, statement.dhKey, statement.consent);
  const reason = new TextEncoder().encode(statement.reason);
  return concat(head, statement.key, number16(statement.upTo), Uint8Array.of(reason.length), reason);
}

/** Reads statements one after the other. */
export class StatementReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  /** Borrows `bytes` while it reads; what it returns is copied. */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get done(): boolean {
    return this.#at === this.#bytes.length;
  }

  /** The next statement, or undefined where the bytes are not one. Signatures are not checked here. */
  next(): Statement | undefined {
    const kind = this.#take(1)?.[0];
    const counter = this.#number16();
    const by = this.#take(KEY_BYTES);
    if (!by || counter === undefined || counter < 1 || counter > MAX_COUNTER) return undefined;
    if (kind === KIND_ADMISSION) return this.#admission(counter, by);
    return kind === KIND_REVOCATION ? this.#revocation(counter, by) : undefined;
  }

  #admission(counter: number, by: Uint8Array): Admission | undefined {
    const name = this.#take(NAME_BYTES);
    const signKey = this.#take(KEY_BYTES);
    const dhKey = this.#take(KEY_BYTES);
    const consent = this.#take(SIGNATURE_BYTES);
    const signature = this.#take(SIGNATURE_BYTES);
    if (!name || !signKey || !dhKey || !consent || !signature) return undefined;
    const number = name.reduce((value, byte) => value * 256 + byte, 0);
    if (number === 0) return undefined;
    return { kind: "admission", name: number, signKey, dhKey, consent, by, counter, signature };
  }

  #revocation(counter: number, by: Uint8Array): Revocation | undefined {
    const key = this.#take(KEY_BYTES);
    const upTo = this.#number16();
    const length = this.#take(1)?.[0];
    if (!key || upTo === undefined || upTo > MAX_COUNTER || length === undefined) return undefined;
    const text = length <= MAX_REASON_BYTES ? this.#take(length) : undefined;
    const reason = text && decodeUtf8(text);
    const signature = this.#take(SIGNATURE_BYTES);
    if (reason === undefined || !signature) return undefined;
    return { kind: "revocation", key, upTo, reason, by, counter, signature };
  }

  #take(length: number): Uint8Array | undefined {
    const end = this.#at + length;
    if (end > this.#bytes.length) return undefined;
    const part = this.#bytes.slice(this.#at, end);
    this.#at = end;
    return part;
  }

  #number16(): number | undefined {
    const bytes = this.#take(COUNTER_BYTES);
    return bytes && (bytes[0] as number) * 256 + (bytes[1] as number);
  }
}

/** A key as lower-case hexadecimal text: how maps and people name a host. */
export function keyText(key: Uint8Array): string {
  return Array.from(key, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Orders byte strings: negative, zero, or positive. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  for (let at = 0; at < Math.min(a.length, b.length); at++) {
    const difference = (a[at] as number) - (b[at] as number);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

/** Byte strings, one after the other. */
export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function number16(value: number): Uint8Array {
  return Uint8Array.of(value >>> 8, value & 0xff);
}

function nameBytes(name: number): Uint8Array {
  const bytes = new Uint8Array(NAME_BYTES);
  for (let at = NAME_BYTES - 1, rest = name; at >= 0; at--, rest = Math.floor(rest / 256)) bytes[at] = rest % 256;
  return bytes;
}
