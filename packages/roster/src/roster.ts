import { RosterError } from "./errors.ts";
import { type Anchors, knownKeys, type Membership, membershipOf } from "./membership.ts";
import {
  type Admission,
  compareBytes,
  concat,
  consentBytes,
  encodeStatement,
  type HostKeys,
  KEY_BYTES,
  keyText,
  MAX_COUNTER,
  MAX_REASON_BYTES,
  type Revocation,
  type Statement,
  StatementReader,
  signedBytes,
} from "./statement.ts";

/** Signatures, as a caller provides them: Ed25519 (RFC 8032). `nodeRosterCrypto` has them from `node:crypto`. */
export interface RosterCrypto {
  /** 64 bytes, by the secret key of this host. */
  sign(message: Uint8Array): Uint8Array;
  verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean;
}

/** What a roster is made from. */
export interface RosterOptions {
  readonly crypto: RosterCrypto;
  /** The keys of this host. */
  readonly own: HostKeys;
  /** Sign key of the operator, who alone admits and revokes then. @defaultValue every member may */
  readonly operator?: Uint8Array | undefined;
  /** Statements to store at most. @defaultValue 16,384: some 4 MB */
  readonly limit?: number | undefined;
}

/** Why a statement, or a message, was refused. */
export type RosterFailure =
  /** The bytes are not a roster message of this version. */
  | "malformed"
  /** A signature does not match. */
  | "signature"
  /** The signer is not connected with this host by admissions. */
  | "unknown signer"
  /** The roster is full. */
  | "full";

/** What a message brought. */
export interface ReceiveResult {
  /** Statements that were new, for the next neighbour; undefined where there were none. */
  readonly news: Uint8Array | undefined;
  /** Refused statements, by reason. A neighbour whose statements do not verify is faulty or hostile. */
  readonly refused: Readonly<Partial<Record<RosterFailure, number>>>;
}

/** What the roster says about a key and a peer name. */
export type Standing = "member" | "revoked" | "unknown" | "other name";

const VERSION = 1;
const DEFAULT_LIMIT = 16384;
/** Two different statements of one signer at one position prove a copied key; more prove nothing more. */
const VARIANTS = 2;

/**
 * The hosts of a network: a set of signed statements that only grows, merges in any order, and reads alike everywhere.
 * The set is bounded by `limit`, and each signer by 4,095 statements.
 */
export class Roster {
  readonly #crypto: RosterCrypto;
  readonly #own: HostKeys;
  readonly #anchors: Anchors;
  readonly #limit: number;
  /** By signer and counter. Bounded by: `limit` statements. */
  readonly #statements = new Map<string, Statement[]>();
  #size = 0;
  #nextCounter = 1;
  #membership: Membership | undefined;

  constructor({ crypto, own, operator, limit = DEFAULT_LIMIT }: RosterOptions) {
    for (const key of [own.signKey, own.dhKey, ...(operator ? [operator] : [])]) checkKey(key);
    this.#crypto = crypto;
    this.#own = own;
    this.#anchors = { own: keyText(own.signKey), operator: operator && keyText(operator) };
    this.#limit = limit;
  }

  /** Who belongs to the network now. */
  get membership(): Membership {
    this.#membership ??= membershipOf(this.#all(), this.#anchors);
    return this.#membership;
  }

  /** Statements stored. */
  get size(): number {
    return this.#size;
  }

  /** What is known about the host with this connection key, which claims this peer name. */
  standing(dhKey: Uint8Array, name: number): Standing {
    const text = keyText(dhKey);
    const { members, revoked } = this.membership;
    for (const member of members.values())
      if (keyText(member.dhKey) === text) return member.name === name ? "member" : "other name";
    const wasMember = this.#admissions().some(
      (admission) => keyText(admission.dhKey) === text && revoked.has(keyText(admission.signKey)),
    );
    return wasMember ? "revoked" : "unknown";
  }

  /** Sign keys that spoke twice at one position: the key was copied to a second host, or its state was restored. */
  copiedKeys(): string[] {
    const copied = [...this.#statements.values()].filter((variants) => variants.length > 1);
    return [...new Set(copied.map(([first]) => keyText((first as Statement).by)))];
  }

  /** Peer names that more than one member claims: a host that lost its keys and joined again, or an impostor. */
  sharedNames(): Map<number, string[]> {
    const byName = new Map<number, string[]>();
    for (const [key, { name }] of this.membership.members) byName.set(name, [...(byName.get(name) ?? []), key]);
    return new Map([...byName].filter(([, keys]) => keys.length > 1));
  }

  /** The consent of this host to be admitted under a name: sent to the admitting member. */
  consent(name: number): Uint8Array {
    return this.#crypto.sign(consentBytes(name, this.#own));
  }

  /** Starts a network: this host admits itself. Returns the message for the neighbours. */
  found(name: number): Uint8Array {
    return this.admit({ ...this.#own, name, consent: this.consent(name) });
  }

  /**
   * Admits a host that has proved that it may join. Returns the message for the neighbours.
   * @throws RosterError ROSTER_NOT_ALLOWED, ROSTER_EXHAUSTED; ROSTER_BAD_INPUT where the consent does not match
   */
  admit(host: HostKeys & { readonly name: number; readonly consent: Uint8Array }): Uint8Array {
    const { name, consent } = host;
    checkKey(host.signKey);
    checkKey(host.dhKey);
    const keys = { signKey: host.signKey.slice(), dhKey: host.dhKey.slice() };
    if (!this.#crypto.verify(keys.signKey, consentBytes(name, keys), consent))
      throw new RosterError("ROSTER_BAD_INPUT", "the host did not consent to this name and these keys");
    return this.#issue({ kind: "admission", name, ...keys, consent: consent.slice() });
  }

  /**
   * Revokes a host. Everything that it signed up to now stays valid, unless `upTo` names an earlier position.
   * @throws RosterError ROSTER_NOT_ALLOWED, ROSTER_EXHAUSTED, ROSTER_BAD_INPUT
   */
  revoke(key: Uint8Array, reason: string, upTo: number = this.#lastCounterOf(key)): Uint8Array {
    checkKey(key);
    if (new TextEncoder().encode(reason).length > MAX_REASON_BYTES)
      throw new RosterError("ROSTER_BAD_INPUT", `the reason is longer than ${MAX_REASON_BYTES} bytes`);
    if (!Number.isInteger(upTo) || upTo < 0 || upTo > MAX_COUNTER)
      throw new RosterError("ROSTER_BAD_INPUT", `${upTo} is not a valid position; expected 0 to ${MAX_COUNTER}`);
    return this.#issue({ kind: "revocation", key: key.slice(), reason, upTo });
  }

  /** Every statement: for a new neighbour, and for the disk. The order does not depend on the order of arrival. */
  encode(): Uint8Array {
    const parts = this.#all().map(encodeStatement).sort(compareBytes);
    return concat(Uint8Array.of(VERSION), ...parts);
  }

  /**
   * Takes the statements of a message that verify. Those whose signer becomes known only by a later statement of the same
   * message count, too.
   */
  receive(message: Uint8Array): ReceiveResult {
    const refused: Partial<Record<RosterFailure, number>> = {};
    const refuse = (reason: RosterFailure, count = 1) => {
      refused[reason] = (refused[reason] ?? 0) + count;
    };
    const { statements, complete } = readAll(message);
    if (!complete) refuse("malformed");
    const fresh = statements.filter((statement) => !this.#has(statement));
    const genuine = fresh.filter((statement) => this.#verify(statement) || void refuse("signature"));
    const known = knownKeys([...this.#all(), ...genuine], this.#anchors);
    const news: Uint8Array[] = [];
    for (const statement of genuine) {
      if (!known.has(keyText(statement.by))) refuse("unknown signer");
      else if (this.#size >= this.#limit) refuse("full");
      else if (this.#store(statement)) news.push(encodeStatement(statement));
    }
    return { news: news.length > 0 ? concat(Uint8Array.of(VERSION), ...news) : undefined, refused };
  }

  #issue(
    content: Omit<Admission, "by" | "counter" | "signature"> | Omit<Revocation, "by" | "counter" | "signature">,
  ): Uint8Array {
    const { own, operator } = this.#anchors;
    if (operator !== undefined && operator !== own)
      throw new RosterError("ROSTER_NOT_ALLOWED", "only the operator admits and revokes in this network");
    if (this.membership.revoked.has(own))
      throw new RosterError("ROSTER_NOT_ALLOWED", "this host was revoked, so it may not admit or revoke others");
    if (this.#nextCounter > MAX_COUNTER)
      throw new RosterError("ROSTER_EXHAUSTED", `this host has issued ${MAX_COUNTER} statements; rotate its keys`);
    const unsigned = {
      ...content,
      by: this.#own.signKey.slice(),
      counter: this.#nextCounter,
      signature: new Uint8Array(0),
    } as Statement;
    const statement = { ...unsigned, signature: this.#crypto.sign(signedBytes(unsigned)) };
    this.#store(statement);
    return concat(Uint8Array.of(VERSION), encodeStatement(statement));
  }

  #verify(statement: Statement): boolean {
    if (!this.#crypto.verify(statement.by, signedBytes(statement), statement.signature)) return false;
    if (statement.kind === "revocation") return true;
    return this.#crypto.verify(statement.signKey, consentBytes(statement.name, statement), statement.consent);
  }

  #has(statement: Statement): boolean {
    const bytes = encodeStatement(statement);
    return (this.#statements.get(placeOf(statement)) ?? []).some(
      (known) => compareBytes(encodeStatement(known), bytes) === 0,
    );
  }

  /** Keeps the two smallest variants of a position, so that the order of arrival does not matter. */
  #store(statement: Statement): boolean {
    const place = placeOf(statement);
    const before = this.#statements.get(place) ?? [];
    const after = [...before, statement]
      .sort((a, b) => compareBytes(encodeStatement(a), encodeStatement(b)))
      .slice(0, VARIANTS);
    if (!after.includes(statement)) return false;
    this.#statements.set(place, after);
    this.#size += after.length - before.length;
    if (keyText(statement.by) === this.#anchors.own)
      this.#nextCounter = Math.max(this.#nextCounter, statement.counter + 1);
    this.#membership = undefined;
    return true;
  }

  #all(): Statement[] {
    return [...this.#statements.values()].flat();
  }

  #admissions(): Admission[] {
    return this.#all().filter((statement): statement is Admission => statement.kind === "admission");
  }

  #lastCounterOf(key: Uint8Array): number {
    const text = keyText(key);
    const counters = this.#all().flatMap((statement) => (keyText(statement.by) === text ? [statement.counter] : []));
    return Math.max(0, ...counters);
  }
}

function placeOf({ by, counter }: Statement): string {
  return `${keyText(by)}/${counter}`;
}

function checkKey(key: Uint8Array): void {
  if (key.length !== KEY_BYTES)
    throw new RosterError("ROSTER_BAD_INPUT", `a key has ${KEY_BYTES} bytes; this one has ${key.length}`);
}

/** Reads up to the first bytes that are not a statement. */
function readAll(message: Uint8Array): { readonly statements: Statement[]; readonly complete: boolean } {
  const statements: Statement[] = [];
  if (message[0] !== VERSION) return { statements, complete: false };
  const reader = new StatementReader(message.subarray(1));
  while (!reader.done) {
    const statement = reader.next();
    if (!statement) return { statements, complete: false };
    statements.push(statement);
  }
  return { statements, complete: true };
}
