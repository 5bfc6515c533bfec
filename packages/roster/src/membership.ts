import { type Admission, keyText, type Revocation, type Statement } from "./statement.ts";

/** Who belongs to the network, as one set of statements has it. Keys are texts of sign keys. */
export interface Membership {
  /** Admissions that count, of hosts that are not revoked, by sign key. */
  readonly members: ReadonlyMap<string, Admission>;
  /** Revocations that count, by the revoked sign key. */
  readonly revoked: ReadonlyMap<string, Revocation>;
}

/** The keys that this host trusts without a statement: its own, and the operator's if there is one. */
export interface Anchors {
  readonly own: string;
  /** With an operator key, only its statements count. */
  readonly operator?: string | undefined;
}

/**
 * Works out the membership. A pure function of the set of statements, so that two hosts with equal sets agree.
 *
 * - A revocation is void if its signer was itself revoked up to a lower counter. Where two hosts revoke each other, or a
 *   longer circle does, every revocation of the circle counts: the network excludes too many hosts rather than too few.
 * - An admission is void if its signer was revoked up to a lower counter.
 * - The members are the hosts that valid admissions connect with an anchor, in either direction: a host trusts the host
 *   that admitted it. A host that was revoked still connects the hosts that it admitted before.
 */
export function membershipOf(statements: Iterable<Statement>, anchors: Anchors): Membership {
  const admissions: Admission[] = [];
  const revocations: Revocation[] = [];
  for (const statement of statements) {
    if (anchors.operator !== undefined && keyText(statement.by) !== anchors.operator) continue;
    if (statement.kind === "admission") admissions.push(statement);
    else revocations.push(statement);
  }
  const accepted = acceptedRevocations(revocations);
  const valid = admissions.filter((admission) => !isVoid(admission, accepted));
  const connected = connectedKeys(valid, anchors);
  const revoked = new Map<string, Revocation>();
  for (const revocation of accepted) {
    if (!connected.has(keyText(revocation.by))) continue;
    const key = keyText(revocation.key);
    const known = revoked.get(key);
    if (!known || comesBefore(revocation, known)) revoked.set(key, revocation);
  }
  const members = new Map<string, Admission>();
  for (const admission of valid) {
    const key = keyText(admission.signKey);
    if (!connected.has(key) || revoked.has(key)) continue;
    const known = members.get(key);
    if (!known || comesBefore(admission, known)) members.set(key, admission);
  }
  return { members, revoked };
}

/** Every key that statements connect with an anchor, revocations ignored. This set only grows with the statements. */
export function knownKeys(statements: Iterable<Statement>, anchors: Anchors): Set<string> {
  const admissions = [...statements].filter((statement): statement is Admission => statement.kind === "admission");
  return connectedKeys(admissions, anchors);
}

/** The grounded reading of who voids whom; what stays undecided counts. */
function acceptedRevocations(revocations: readonly Revocation[]): Revocation[] {
  const against = new Map<string, Revocation[]>();
  for (const revocation of revocations) {
    const key = keyText(revocation.key);
    against.set(key, [...(against.get(key) ?? []), revocation]);
  }
  const challengers = (revocation: Revocation) =>
    (against.get(keyText(revocation.by)) ?? []).filter((other) => other.upTo < revocation.counter);
  const accepted = new Set<Revocation>();
  const rejected = new Set<Revocation>();
  for (let before = -1; before !== accepted.size + rejected.size; ) {
    before = accepted.size + rejected.size;
    for (const revocation of revocations) {
      if (accepted.has(revocation) || rejected.has(revocation)) continue;
      const left = challengers(revocation);
      if (left.some((other) => accepted.has(other))) rejected.add(revocation);
      else if (left.every((other) => rejected.has(other))) accepted.add(revocation);
    }
  }
  return revocations.filter((revocation) => !rejected.has(revocation));
}

function isVoid(admission: Admission, accepted: readonly Revocation[]): boolean {
  const by = keyText(admission.by);
  return accepted.some((revocation) => revocation.upTo < admission.counter && keyText(revocation.key) === by);
}

function connectedKeys(admissions: readonly Admission[], { own, operator }: Anchors): Set<string> {
  const neighbours = new Map<string, string[]>();
  const link = (from: string, to: string) => {
    const list = neighbours.get(from);
    if (list) list.push(to);
    else neighbours.set(from, [to]);
  };
  for (const admission of admissions) {
    const [by, key] = [keyText(admission.by), keyText(admission.signKey)];
    link(by, key);
    link(key, by);
  }
  const found = new Set(operator === undefined ? [own] : [own, operator]);
  const queue = [...found];
  for (let key = queue.pop(); key !== undefined; key = queue.pop()) {
    for (const next of neighbours.get(key) ?? []) {
      if (found.has(next)) continue;
      found.add(next);
      queue.push(next);
    }
  }
  return found;
}

/** A choice among statements about one key that every host makes alike. */
function comesBefore(a: Statement, b: Statement): boolean {
  const [left, right] = [keyText(a.signature), keyText(b.signature)];
  return left < right;
}
