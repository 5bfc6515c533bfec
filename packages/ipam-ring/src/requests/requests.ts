import type { AllocatorCore } from "../core/core.ts";
import { RingError } from "../errors.ts";
import type { PeerName } from "../ports.ts";
import {
  type Cidr,
  formatCidr,
  formatIpv4,
  formatRange,
  hostRange,
  parseIpv4,
  type Range,
  subnetRange,
} from "../space/address.ts";
import { Claiming } from "./claiming.ts";
import { Explainer } from "./explainer.ts";
import { Questions } from "./questions.ts";
import { cancelled, NO_IDENT, type Request, type RequestOptions, type Settle } from "./request.ts";
import type { Asked, Explanation } from "./waiting.ts";

/** Requests of this host's containers, and the questions to other peers that they lead to. */
export class Requests {
  readonly #core: AllocatorCore;
  /** Bounded by: callers that wait, plus claims that go on. */
  readonly #waiting = new Set<Request>();
  readonly #questions: Questions;
  readonly #claiming: Claiming;
  readonly #explainer: Explainer;
  /** Called when the reason of a request changes. */
  onWaiting: ((explanation: Explanation) => void) | undefined;

  constructor(core: AllocatorCore) {
    this.#core = core;
    this.#explainer = new Explainer((peer) => core.nameOf(peer));
    const { name: us, now, random } = core.options;
    const ask = (peer: PeerName, range: Range): boolean => core.ask(peer, range);
    this.#questions = new Questions({ us, now, random, ask, ring: () => core.ring, waiting: this.#waiting });
    this.#claiming = new Claiming(core, {
      waits: (request) => this.#waiting.has(request),
      waitForRing: (request) => this.#waitForRing(request),
      enter: (request, cidr) => this.#enter(request, cidr),
      answer: (request, result) => this.#answer(request, result),
      reply: (request, result) => this.#reply(request, result),
    });
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
      this.#claiming.attempt(request, cidr, { address, lenient }),
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
    this.#questions.expire();
    for (const kind of ["prime", "claim", "allocate"] as const) {
      for (const request of this.list(kind)) this.#try(request);
    }
  }

  /** A peer has sent its ring, which `learn` merges: whatever it was asked is answered. */
  answered(peer: PeerName, learn: () => void): void {
    if (!this.#questions.isOpen(peer)) return learn();
    // Before merging, which may finish a request: its explanation should have this answer.
    this.#questions.close(peer, "granted");
    const before = this.pending;
    learn();
    this.retryAll();
    if (this.pending < before) {
      this.#questions.reopen(peer);
      this.retryAll();
    }
  }

  /** A peer has no space in a range. */
  denied(peer: PeerName, range: Range): void {
    this.#questions.close(peer, "none");
    for (const request of this.list("claim")) {
      const address = parseIpv4(request.cidr!.address)!;
      if (address < range.start || address >= range.end) continue;
      // A reserved address follows its workload: it is free as soon as the old host lets go.
      if (this.#core.options.reservations.get(request.workload) === address) continue;
      this.#claiming.deny(request, peer, "");
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
    return this.#questions.list();
  }

  /** Why an ident's requests wait, or waited. */
  explain(ident?: string): Explanation[] {
    return this.#explainer.list(this.#waiting, ident);
  }

  #request(
    kind: Request["kind"],
    ident: string,
    { isContainer = false, workload = ident }: RequestOptions,
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
      workload,
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
    else if (JSON.stringify(request.reason) !== JSON.stringify(before)) this.onWaiting?.(this.#explainer.of(request));
  }

  #tryAllocate(request: Request, subnet: Cidr, range: Range): boolean {
    const { books, space, options, avoid } = this.#core;
    const [held] = books.addressesOf(request.ident, range);
    if (held) {
      books.revive(request.ident);
      return this.#answer(request, { value: { address: held.cidr.address, prefixLength: subnet.prefixLength } });
    }
    const reserved = options.reservations.get(request.workload);
    if (reserved !== undefined && reserved >= range.start && reserved < range.end) {
      const cidr = { address: formatIpv4(reserved), prefixLength: subnet.prefixLength };
      return this.#claiming.attempt(request, cidr, { address: reserved, lenient: false });
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
    if (address === undefined) {
      request.reason = this.#questions.askFor(request, range);
      return false;
    }
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

  #waitForRing(request: Request): false {
    const { paxos } = this.#core.founding;
    request.reason = paxos
      ? { code: "CONSENSUS", quorum: paxos.quorum, votes: paxos.supporters() }
      : { code: "OBSERVER" };
    return false;
  }

  #cancel(request: Request): void {
    this.#waiting.delete(request);
    this.#answer(request, { error: cancelled(request) });
  }

  #answer(request: Request, result: Parameters<Settle<Cidr>>[0]): true {
    const outcome = "value" in result ? "done" : result.error.code === "CANCELLED" ? "cancelled" : "failed";
    this.#explainer.finish(request, outcome);
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

  #freed(): void {
    this.#core.outbox.changed();
    if (this.#waiting.size > 0) this.retryAll();
    this.#core.outbox.pump();
  }
}
