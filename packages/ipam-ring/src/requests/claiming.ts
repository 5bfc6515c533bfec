import type { AllocatorCore } from "../core/core.ts";
import { TICK_MS } from "../core/core-options.ts";
import { RingError } from "../errors.ts";
import type { PeerName } from "../ports.ts";
import { type Cidr, formatCidr } from "../space/address.ts";
import { NO_IDENT, noteAsked, type Request, type Settle } from "./request.ts";

/** After this many tries a claim fails if the address's owner cannot be reached (notes, 21). */
const MOST_TRIES = 5;

/** Where a claim hands in what came of it. */
export interface Desk {
  waits(request: Request): boolean;
  waitForRing(request: Request): false;
  /** Files the address, tells the caller. */
  enter(request: Request, cidr: Cidr): true;
  /** Ends the request. */
  answer(request: Request, result: Parameters<Settle<Cidr>>[0]): true;
  /** Tells the caller, while the claim goes on for the books alone. */
  reply(request: Request, result: Parameters<Settle<Cidr>>[0]): void;
}

interface Wanted {
  readonly address: number;
  readonly lenient: boolean;
}

/** Claims of given addresses: ours, another peer's, or outside the range. */
export class Claiming {
  readonly #core: AllocatorCore;
  readonly #desk: Desk;

  constructor(core: AllocatorCore, desk: Desk) {
    this.#core = core;
    this.#desk = desk;
  }

  /** Tries once; true when done. `lenient` answers success while it is not known whether the address can be had. */
  attempt(request: Request, cidr: Cidr, { address, lenient }: Wanted): boolean {
    const { options, books } = this.#core;
    request.tries++;
    if (address < options.universe.start || address >= options.universe.end)
      return this.#claimOutside(request, cidr, address);
    this.#core.establish();
    // A ring that came about just now has already had this request tried.
    if (!this.#desk.waits(request)) return true;
    books.revive(request.ident);
    const owner = this.#core.ownerOf(address);
    if (owner === undefined) {
      if (lenient) this.#desk.reply(request, { value: cidr });
      return this.#desk.waitForRing(request);
    }
    return owner === options.name
      ? this.#claimOwn(request, cidr, address)
      : this.#claimFrom(request, cidr, { address, lenient, owner });
  }

  #claimFrom(request: Request, cidr: Cidr, from: Wanted & { readonly owner: PeerName }): boolean {
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
    noteAsked(request, { peer: owner, range, at: now, ...(!sent && { answer: "unreachable" as const }) });
    request.reason = sent ? { code: "ASKED", asked: [...request.asked] } : { code: "OWNER_SILENT", owner };
    if (sent) return false;
    if (from.lenient) this.#desk.reply(request, { value: cidr });
    else if (request.tries > MOST_TRIES) return this.deny(request, owner, " - no route to it");
    return false;
  }

  #claimOwn(request: Request, cidr: Cidr, address: number): true {
    const { books, space } = this.#core;
    const { ident } = request;
    const holder = books.holderOf(address);
    if (holder === undefined) {
      if (space.claim(address)) return this.#desk.enter(request, cidr);
      return this.#taken(request, `Address ${cidr.address} is not free to claim`);
    }
    // A stray of our own has come home: it was in the books all the time.
    space.claim(address);
    if (holder === ident || ident === NO_IDENT) return this.#desk.answer(request, { value: cidr });
    if (holder === cidr.address) return this.#taken(request, `address ${formatCidr(cidr)} already in use`);
    return this.#taken(request, `address ${formatCidr(cidr)} is already owned by ${holder}`);
  }

  /** Addresses that no ring looks after are only written down. */
  #claimOutside(request: Request, cidr: Cidr, address: number): true {
    const { books } = this.#core;
    const holder = books.holderOf(address);
    if (holder === undefined) return this.#desk.enter(request, cidr);
    if (holder === request.ident || request.ident === NO_IDENT) return this.#desk.answer(request, { value: cidr });
    if (!books.isDead(holder)) return this.#taken(request, `address ${formatCidr(cidr)} already in use by ${holder}`);
    books.remove(holder, address);
    return this.#desk.enter(request, cidr);
  }

  /** Ends a claim: its address is somebody else's. */
  deny(request: Request, owner: PeerName, why: string): true {
    const nickname = this.#core.acquaintances.nicknames.get(owner);
    const name = this.#core.nameOf(owner).replace(/\(.*/, "");
    const who = nickname === undefined ? name : `${name} (${nickname})`;
    return this.#taken(request, `address ${formatCidr(request.cidr!)} is owned by other peer ${who}${why}`);
  }

  #taken(request: Request, message: string): true {
    return this.#desk.answer(request, { error: new RingError("ADDRESS_TAKEN", message) });
  }
}
