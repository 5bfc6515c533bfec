import {
  type Cidr,
  formatCidr,
  formatIpv4,
  formatRange,
  hostRange,
  parseIpv4,
  type Range,
  subnetRange,
} from "./address.ts";
import type { AllocatorCore } from "./core.ts";
import { TICK_MS } from "./core.ts";
import { RingError } from "./errors.ts";
import type { PeerName } from "./ports.ts";
import { freeOfOthers } from "./ring.ts";
import { type Asked, describeWait, type Explanation, type WaitReason } from "./waiting.ts";

/** The ident under which an address is filed under its own text, so that it can be released without a name. */
export const NO_IDENT = "_";

/** After this many tries a claim fails if the address's owner cannot be reached (notes, 21). */
const MOST_CLAIM_TRIES = 5;
/** Explanations of finished requests that are kept. */
const MOST_FINISHED = 64;

/** What a request ends with. Called once, when all it depends on is saved. */
export type Settle<T> = (result: { readonly value: T } | { readonly error: RingError }) => void;

/** A request that waits. */
export interface Request {
  readonly kind: "allocate" | "claim" | "prime";
  readonly ident: string;
  readonly cidr?: Cidr;
  readonly since: number;
  readonly isContainer: boolean;
  reason: WaitReason | undefined;
  tries: number;
  /** Bounded by: the last 32. */
  readonly asked: Asked[];
  /** Whether the caller still waits; a claim may go on for the books alone. */
  answered: boolean;
  /** Tries once; true when done. */
  readonly attempt: () => boolean;
  readonly settle: Settle<Cidr>;
}

/** What a request is made with. */
export interface RequestOptions {
  readonly isContainer?: boolean;
  /** For claims: answer success while it is not known whether the address can be had, and keep trying. */
  readonly noErrorOnUnknown?: boolean;
}

/** Requests of this host's containers, and the questions to other peers that they lead to. */
export class Requests {
  readonly #core: AllocatorCore;
  /** Bounded by: callers that wait, plus claims that go on. */
  readonly #waiting = new Set<Request>();
  /** One open question per peer. Bounded by: peers in the ring. */
  readonly #open = new Map<PeerName, Asked>();
  /** Peers that had nothing, until the next tick. Bounded by: peers in the ring. */
  readonly #empty = new Map<PeerName, Asked>();
  /** Bounded by: {@link MOST_FINISHED}. */
  readonly #finished: Explanation[] = [];
  /** Called when the reason of a request changes. */
  onWaiting: ((explanation: Explanation) => void) | undefined;

  constructor(core: AllocatorCore) {
    this.#core = core;
  }

  get pending(): number {
    return this.#waiting.size;
  }

  list(kind: Request["kind"]): Request[] {
    return [...this.#waiting].filter((request) => request.kind === kind);
  }

  /** Asks for an address in a subnet. The returned function cancels. */
  allocate(ident: string, subnet: Cidr, options: RequestOptions, settle: Settle<Cidr>): () => void {
    const range = subnetRange(subnet);
    const request = this.#request("allocate", ident, options, settle, subnet, () =>
      this.#tryAllocate(request, subnet, range),
    );
    return this.#begin(request);
  }

  /** Asks for this very address. */
  claim(ident: string, cidr: Cidr, options: RequestOptions, settle: Settle<Cidr>): () => void {
    const address = parseIpv4(cidr.address);
    if (address === undefined) throw new RingError("INVALID", `invalid CIDR address: ${formatCidr(cidr)}`);
    const lenient = options.noErrorOnUnknown === true;
    const request = this.#request("claim", ident, options, settle, cidr, () =>
      this.#tryClaim(request, cidr, { address, lenient }),
    );
    return this.#begin(request);
  }

  /** Waits for a ring. */
  prime(settle: Settle<Cidr>): () => void {
    const request = this.#request("prime", "", {}, settle, undefined, () => {
      this.#core.establish();
      if (!this.#waiting.has(request)) return true;
      return this.#core.hasRing
        ? this.#answer(request, { value: { address: "", prefixLength: 0 } })
        : this.#waitForRing(request);
    });
    return this.#begin(request);
  }

  /** Releases one address. @throws RingError NOT_HELD */
  release(ident: string, address: number): void {
    if (!this.#core.books.remove(ident, address)) {
      throw new RingError("NOT_HELD", `Free: address ${formatIpv4(address)} not found for ${ident}`);
    }
    this.#core.space.release(address);
    this.#freed();
  }

  /** Releases all addresses of an ident; how many there were. */
  releaseAll(ident: string): number {
    const held = this.#core.books.addressesOf(ident);
    for (const { address } of held) {
      this.#core.books.remove(ident, address);
      this.#core.space.release(address);
    }
    if (held.length > 0) this.#freed();
    return held.length;
  }

  cancelAll(): void {
    for (const request of [...this.#waiting]) this.#cancel(request);
  }

  cancelFor(ident: string): void {
    for (const request of [...this.#waiting]) if (request.ident === ident) this.#cancel(request);
  }

  /** Tries everything that waits: claims before allocations, so that an address somebody has is not given to another. */
  retryAll(): void {
    const now = this.#core.options.now();
    for (const [peer, asked] of this.#open) if (now - asked.at >= TICK_MS) this.#open.delete(peer);
    for (const [peer, asked] of this.#empty) if (now - asked.at >= TICK_MS) this.#empty.delete(peer);
    for (const kind of ["prime", "claim", "allocate"] as const) {
      for (const request of this.list(kind)) this.#try(request);
    }
  }

  /** A peer has sent its ring, which `learn` merges: whatever it was asked is answered. */
  answered(peer: PeerName, learn: () => void): void {
    const open = this.#open.get(peer);
    if (!open) return learn();
    // Before merging, which may finish a request: its explanation should have this answer.
    this.#note(peer, "granted");
    // What came may be of no use, such as the first address of the subnet: then this peer is not asked again at once, or two
    // peers could pass that address to and fro for ever.
    this.#empty.set(peer, { ...open, at: this.#core.options.now(), answer: "granted" });
    const before = this.pending;
    learn();
    this.retryAll();
    if (this.pending < before) {
      this.#empty.delete(peer);
      this.retryAll();
    }
  }

  /** A peer has no space in a range. */
  denied(peer: PeerName, range: Range): void {
    const open = this.#open.get(peer);
    this.#note(peer, "none");
    if (open) this.#empty.set(peer, { ...open, at: this.#core.options.now(), answer: "none" });
    for (const request of this.list("claim")) {
      const address = parseIpv4(request.cidr!.address)!;
      if (address < range.start || address >= range.end) continue;
      // A reserved address follows its workload: it is free as soon as the old host lets go.
      if (this.#core.options.reservations.get(request.ident) === address) continue;
      this.#deny(request, peer, "");
      this.#waiting.delete(request);
    }
    this.retryAll();
  }

  /** Claims the addresses that our books have outside our ranges; which. */
  reclaimStrays(done?: (address: number, kept: boolean) => void): number[] {
    const { books, options } = this.#core;
    const strays: number[] = [];
    for (const { ident, isContainer, addresses } of books.list()) {
      for (const cidr of addresses) {
        const address = parseIpv4(cidr.address)!;
        const inRange = address >= options.universe.start && address < options.universe.end;
        if (!inRange || this.#core.ownerOf(address) === options.name) continue;
        strays.push(address);
        this.claim(ident, cidr, { isContainer }, (result) => done?.(address, "value" in result));
      }
    }
    return strays;
  }

  /** Questions to peers that bar asking them again for now: open ones, and those that brought nothing. */
  questions(): Asked[] {
    return [...this.#open.values(), ...this.#empty.values()];
  }

  /** Why an ident's requests wait, or waited. */
  explain(ident?: string): Explanation[] {
    const waiting = [...this.#waiting]
      .filter((request) => request.kind !== "prime")
      .map((request) => this.#explanation(request));
    return [...waiting, ...this.#finished].filter((explanation) => ident === undefined || explanation.ident === ident);
  }

  #request(
    kind: Request["kind"],
    ident: string,
    { isContainer = false }: RequestOptions,
    settle: Settle<Cidr>,
    cidr: Cidr | undefined,
    attempt: () => boolean,
  ): Request {
    const since = this.#core.options.now();
    const base = {
      kind,
      ident,
      since,
      isContainer,
      tries: 0,
      asked: [],
      answered: false,
      reason: undefined,
      attempt,
      settle,
    };
    return cidr ? { ...base, cidr } : base;
  }

  #begin(request: Request): () => void {
    if (this.#core.leaving) this.#cancel(request);
    else {
      this.#waiting.add(request);
      this.#try(request);
    }
    this.#core.outbox.pump();
    return () => {
      if (this.#waiting.has(request)) this.#cancel(request);
      this.#core.outbox.pump();
    };
  }

  #try(request: Request): void {
    if (!this.#waiting.has(request)) return;
    const before = request.reason;
    if (request.attempt()) this.#waiting.delete(request);
    else if (JSON.stringify(request.reason) !== JSON.stringify(before)) this.onWaiting?.(this.#explanation(request));
  }

  #tryAllocate(request: Request, subnet: Cidr, range: Range): boolean {
    const { books, space, options, avoid } = this.#core;
    const [held] = books.addressesOf(request.ident, range);
    if (held) {
      books.revive(request.ident);
      return this.#answer(request, { value: { address: held.cidr.address, prefixLength: subnet.prefixLength } });
    }
    const reserved = options.reservations.get(request.ident);
    if (reserved !== undefined && reserved >= range.start && reserved < range.end) {
      const cidr = { address: formatIpv4(reserved), prefixLength: subnet.prefixLength };
      return this.#tryClaim(request, cidr, { address: reserved, lenient: false });
    }
    if (range.start >= options.universe.end || range.end <= options.universe.start) {
      const universe = formatRange(options.universe);
      const message = `range ${formatCidr(subnet)} out of bounds: ${universe}`;
      return this.#answer(request, { error: new RingError("OUT_OF_RANGE", message) });
    }
    this.#core.establish();
    // A ring that came about just now has already had this request tried.
    if (!this.#waiting.has(request)) return true;
    if (!this.#core.hasRing) return this.#waitForRing(request);
    const address = space.allocate(hostRange(range), avoid);
    if (address === undefined) return this.#askForSpace(request, range);
    const cidr = { address: formatIpv4(address), prefixLength: subnet.prefixLength };
    return this.#enter(request, cidr);
  }

  /** Files the address, tells the caller. */
  #enter(request: Request, cidr: Cidr): true {
    const ident = request.ident === NO_IDENT ? cidr.address : request.ident;
    this.#core.books.add(ident, cidr, request.isContainer);
    this.#core.outbox.changed();
    return this.#answer(request, { value: cidr });
  }

  /** Asks one more peer, the likeliest first (notes, 9.6): those with more free addresses, with some chance for all. */
  #askForSpace(request: Request, range: Range): false {
    const { ring, options } = this.#core;
    const free = freeOfOthers(ring, range, options.name);
    const open = [...this.#open.values()].some(
      (asked) => asked.range.start === range.start && asked.range.end === range.end,
    );
    const unreachable: PeerName[] = [];
    if (!open) {
      const ranked = [...free].map(([peer, count]) => ({ peer, weight: count * options.random() }));
      for (const { peer } of ranked.sort((a, b) => b.weight - a.weight)) {
        if (this.#empty.has(peer) || this.#open.has(peer)) continue;
        if (this.#ask(request, peer, range)) break;
        unreachable.push(peer);
      }
    }
    request.reason = this.#spaceReason(request, [...free.keys()], unreachable);
    return false;
  }

  #spaceReason(request: Request, owners: readonly PeerName[], unreachable: readonly PeerName[]): WaitReason {
    if (owners.length === 0) return { code: "FULL" };
    if (this.#open.size > 0) {
      // Several requests may wait for one question.
      const asked = request.asked.some(({ answer }) => answer === undefined) ? request.asked : [...this.#open.values()];
      return { code: "ASKED", asked: [...asked] };
    }
    if (unreachable.length > 0 && this.#empty.size === 0) return { code: "UNREACHABLE", owners: unreachable };
    return { code: "NO_SPACE", asked: [...this.#empty.values()] };
  }

  #ask(request: Request, peer: PeerName, range: Range): boolean {
    const { options } = this.#core;
    const sent = this.#core.ask(peer, range);
    const asked: Asked = { peer, range, at: options.now(), ...(!sent && { answer: "unreachable" as const }) };
    request.asked.push(asked);
    if (request.asked.length > 32) request.asked.shift();
    if (sent) this.#open.set(peer, asked);
    return sent;
  }

  #note(peer: PeerName, answer: "granted" | "none"): void {
    this.#open.delete(peer);
    for (const { asked } of this.#waiting) {
      for (let i = 0; i < asked.length; i++) {
        if (asked[i]!.peer === peer && asked[i]!.answer === undefined) asked[i] = { ...asked[i]!, answer };
      }
    }
  }

  #tryClaim(request: Request, cidr: Cidr, { address, lenient }: { address: number; lenient: boolean }): boolean {
    const { options, books } = this.#core;
    request.tries++;
    if (address < options.universe.start || address >= options.universe.end)
      return this.#claimOutside(request, cidr, address);
    this.#core.establish();
    if (!this.#waiting.has(request)) return true;
    books.revive(request.ident);
    const owner = this.#core.ownerOf(address);
    if (owner === undefined) {
      if (lenient) this.#reply(request, { value: cidr });
      return this.#waitForRing(request);
    }
    return owner === options.name
      ? this.#claimOwn(request, cidr, address)
      : this.#claimFrom(request, cidr, { address, lenient, owner });
  }

  #claimFrom(request: Request, cidr: Cidr, from: { address: number; lenient: boolean; owner: PeerName }): boolean {
    const { owner, address } = from;
    const now = this.#core.options.now();
    const asked = request.asked.at(-1);
    // Once a tick, whatever the answer was: asking again upon a refusal would go to and fro at the speed of the network.
    if (asked?.peer === owner && asked.answer !== "unreachable" && now - asked.at < TICK_MS) {
      request.reason = { code: asked.answer === undefined ? "ASKED" : "NO_SPACE", asked: [...request.asked] };
      return false;
    }
    const range = { start: address, end: address + 1 };
    // Not among the open questions: a claim asks for its own address, whatever else is under way.
    const sent = this.#core.ask(owner, range);
    request.asked.push({ peer: owner, range, at: now, ...(!sent && { answer: "unreachable" as const }) });
    if (request.asked.length > 32) request.asked.shift();
    request.reason = sent ? { code: "ASKED", asked: [...request.asked] } : { code: "OWNER_SILENT", owner };
    if (sent) return false;
    if (from.lenient) this.#reply(request, { value: cidr });
    else if (request.tries > MOST_CLAIM_TRIES) return this.#deny(request, owner, " - no route to it");
    return false;
  }

  #claimOwn(request: Request, cidr: Cidr, address: number): true {
    const { books, space } = this.#core;
    const { ident } = request;
    const holder = books.holderOf(address);
    if (holder === undefined) {
      if (space.claim(address)) return this.#enter(request, cidr);
      return this.#taken(request, `Address ${cidr.address} is not free to claim`);
    }
    // A stray of our own has come home: it was in the books all the time.
    space.claim(address);
    if (holder === ident || ident === NO_IDENT) return this.#answer(request, { value: cidr });
    if (holder === cidr.address) return this.#taken(request, `address ${formatCidr(cidr)} already in use`);
    return this.#taken(request, `address ${formatCidr(cidr)} is already owned by ${holder}`);
  }

  /** Addresses that no ring looks after are only written down. */
  #claimOutside(request: Request, cidr: Cidr, address: number): true {
    const { books } = this.#core;
    const holder = books.holderOf(address);
    if (holder === undefined) return this.#enter(request, cidr);
    if (holder === request.ident || request.ident === NO_IDENT) return this.#answer(request, { value: cidr });
    if (!books.isDead(holder)) return this.#taken(request, `address ${formatCidr(cidr)} already in use by ${holder}`);
    books.remove(holder, address);
    return this.#enter(request, cidr);
  }

  #waitForRing(request: Request): false {
    const { paxos } = this.#core;
    request.reason = paxos
      ? { code: "CONSENSUS", quorum: paxos.quorum, votes: paxos.supporters() }
      : { code: "OBSERVER" };
    return false;
  }

  #deny(request: Request, owner: PeerName, why: string): true {
    const nickname = this.#core.nicknames.get(owner);
    const name = this.#core.nameOf(owner).replace(/\(.*/, "");
    const who = nickname === undefined ? name : `${name} (${nickname})`;
    return this.#taken(request, `address ${formatCidr(request.cidr!)} is owned by other peer ${who}${why}`);
  }

  #taken(request: Request, message: string): true {
    return this.#answer(request, { error: new RingError("ADDRESS_TAKEN", message) });
  }

  #cancel(request: Request): void {
    this.#waiting.delete(request);
    this.#answer(request, { error: cancelled(request) });
  }

  #answer(request: Request, result: Parameters<Settle<Cidr>>[0]): true {
    const outcome = "value" in result ? "done" : result.error.code === "CANCELLED" ? "cancelled" : "failed";
    // Only what somebody waited for is worth explaining later.
    if (request.reason) {
      this.#finished.unshift({ ...this.#explanation(request), outcome });
      this.#finished.length = Math.min(this.#finished.length, MOST_FINISHED);
    }
    this.#reply(request, result);
    return true;
  }

  #reply(request: Request, result: Parameters<Settle<Cidr>>[0]): void {
    if (request.answered) return;
    request.answered = true;
    this.#core.outbox.after(() => request.settle(this.#stillTrue(request, result)));
  }

  /** The address may have been released while the answer waited for the disk; then it may be somebody else's by now. */
  #stillTrue(request: Request, result: Parameters<Settle<Cidr>>[0]): Parameters<Settle<Cidr>>[0] {
    if ("error" in result || request.kind === "prime") return result;
    const { books } = this.#core;
    const holder = books.holderOf(parseIpv4(result.value.address)!);
    // An anonymous claim is content whoever holds it; a lenient one is answered before anybody does.
    const fine = holder === request.ident || request.ident === NO_IDENT || this.#waiting.has(request);
    return fine ? result : { error: cancelled(request) };
  }

  #explanation({ kind, ident, cidr, since, reason, asked }: Request): Explanation {
    const text = reason ? describeWait(reason, (peer) => this.#core.nameOf(peer)) : "";
    return {
      kind: kind === "prime" ? "allocate" : kind,
      ident,
      since,
      text,
      asked: [...asked],
      ...(cidr && { cidr }),
      ...(reason && { reason }),
    };
  }

  #freed(): void {
    this.#core.outbox.changed();
    if (this.#waiting.size > 0) this.retryAll();
    this.#core.outbox.pump();
  }
}

function cancelled({ kind, ident }: Request): RingError {
  const what = kind === "allocate" ? "Allocate" : kind === "claim" ? "Claim" : "Prime";
  return new RingError("CANCELLED", `${what} request for ${ident} cancelled`);
}
