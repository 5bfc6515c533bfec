import { RingError } from "../errors.ts";
import { formatPeer } from "../peer-name.ts";
import type { PeerName } from "../ports.ts";
import { ownerOf } from "../ring/ring.ts";
import { type Cidr, formatCidr } from "../space/address.ts";
import { TICK_MS } from "../timing.ts";
import type { PendingRequests } from "./pending.ts";
import { NO_IDENT, noteAsked, type Request } from "./request.ts";
import type { RequestContext, RequestHost } from "./request-host.ts";

/** After this many tries a claim fails if the address's owner cannot be reached (docs/protocol/constants.md#21). */
const MOST_TRIES = 5;

/** The address that a request claims. */
export interface Target {
  readonly cidr: Cidr;
  readonly address: number;
  /** Fail if any ident holds the address, this one included. */
  readonly exclusive: boolean;
  /** Answer success while it is not known whether the address can be had. */
  readonly lenient: boolean;
}

/** Claims of given addresses: ours, another peer's, or outside the range. */
export class Claiming {
  readonly #context: RequestContext;
  readonly #host: RequestHost;
  readonly #pending: PendingRequests;

  constructor(context: RequestContext, host: RequestHost, pending: PendingRequests) {
    this.#context = context;
    this.#host = host;
    this.#pending = pending;
  }

  /** Tries once; true when done. */
  attempt(request: Request, target: Target): boolean {
    const { universe, allocations, us } = this.#context;
    const { address, cidr } = target;
    request.tries++;
    if (address < universe.start || address >= universe.end) return this.#claimOutside(request, target);
    this.#host.ensureRing();
    // A ring that came about just now has already had this request tried.
    if (!this.#pending.has(request)) return true;
    allocations.revive(request.ident);
    const owner = ownerOf(this.#host.ring(), address);
    if (owner === undefined) {
      if (target.lenient) this.#pending.reply(request, { value: cidr });
      return this.#pending.waitForRing(request);
    }
    return owner === us ? this.#claimOwn(request, target) : this.#claimFrom(owner, request, target);
  }

  /** Ends a claim: its address belongs to another peer. */
  deny(request: Request, owner: PeerName, why: string): true {
    const nickname = this.#context.nicknameOf(owner);
    const name = formatPeer(owner) + (nickname === undefined ? "" : ` (${nickname})`);
    return this.#taken(request, `address ${formatCidr(request.cidr!)} is owned by other peer ${name}${why}`);
  }

  #claimFrom(owner: PeerName, request: Request, { address, cidr, lenient }: Target): boolean {
    const now = this.#context.now();
    const asked = request.asked.at(-1);
    // Once a tick, whatever the answer was: asking again upon a refusal would go to and fro at the speed of the network.
    if (asked?.peer === owner && asked.answer !== "unreachable" && now - asked.at < TICK_MS) {
      request.reason = { code: asked.answer === undefined ? "ASKED" : "NO_SPACE", asked: [...request.asked] };
      return false;
    }
    const range = { start: address, end: address + 1 };
    // Not among the open space requests: a claim asks for its own address, whatever else is under way.
    const sent = this.#host.ask(owner, range);
    noteAsked(request, { peer: owner, range, at: now, ...(!sent && { answer: "unreachable" as const }) });
    request.reason = sent ? { code: "ASKED", asked: [...request.asked] } : { code: "OWNER_SILENT", owner };
    if (sent) return false;
    if (lenient) this.#pending.reply(request, { value: cidr });
    else if (request.tries > MOST_TRIES) return this.deny(request, owner, " - no route to it");
    return false;
  }

  #claimOwn(request: Request, { address, cidr, exclusive }: Target): true {
    const { allocations, space } = this.#context;
    const { ident } = request;
    const holder = allocations.holderOf(address);
    if (holder === undefined) {
      if (space.claim(address)) return this.#pending.enter(request, cidr);
      return this.#taken(request, `Address ${cidr.address} is not free to claim`);
    }
    // A displaced address whose range is ours again has been allocated all the time.
    space.claim(address);
    if (exclusive) return this.#taken(request, `Address already in use: ${formatCidr(cidr)} is held by ${holder}`);
    if (holder === ident || ident === NO_IDENT) return this.#pending.answer(request, { value: cidr });
    if (holder === cidr.address) return this.#taken(request, `address ${formatCidr(cidr)} already in use`);
    return this.#taken(request, `address ${formatCidr(cidr)} is already owned by ${holder}`);
  }

  /** No ring covers these addresses, so they are only recorded. */
  #claimOutside(request: Request, { address, cidr, exclusive }: Target): true {
    const { allocations } = this.#context;
    const holder = allocations.holderOf(address);
    if (holder === undefined) return this.#pending.enter(request, cidr);
    if (exclusive && !allocations.isDead(holder))
      return this.#taken(request, `Address already in use: ${formatCidr(cidr)} is held by ${holder}`);
    if (holder === request.ident || request.ident === NO_IDENT) return this.#pending.answer(request, { value: cidr });
    if (!allocations.isDead(holder))
      return this.#taken(request, `address ${formatCidr(cidr)} already in use by ${holder}`);
    allocations.remove(holder, address);
    return this.#pending.enter(request, cidr);
  }

  #taken(request: Request, message: string): true {
    return this.#pending.answer(request, { error: new RingError("ADDRESS_TAKEN", message) });
  }
}
