import { RingError } from "../errors.ts";
import type { PeerName } from "../ports.ts";
import { ownerOf } from "../ring/ring.ts";
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
import { PendingRequests } from "./pending.ts";
import type { Outcome, Request, RequestOptions, Settle } from "./request.ts";
import type { RequestContext, RequestHost } from "./request-host.ts";
import { SpaceRequests } from "./space-requests.ts";
import type { Asked, Explanation } from "./waiting.ts";

/** Requests of this host's containers, and the space requests to other peers that they lead to. */
export class Requests {
  readonly #context: RequestContext;
  readonly #host: RequestHost;
  readonly #pending: PendingRequests;
  readonly #claiming: Claiming;
  readonly #spaceRequests: SpaceRequests;
  /** Displaced addresses that their owners refused. Bounded by: our allocations. */
  readonly #contested = new Map<number, PeerName>();

  constructor(context: RequestContext, host: RequestHost) {
    this.#context = context;
    this.#host = host;
    this.#pending = new PendingRequests(context, host);
    this.#claiming = new Claiming(context, host, this.#pending);
    this.#spaceRequests = new SpaceRequests(context, host, this.#pending);
  }

  get pending(): number {
    return this.#pending.size;
  }

  list(kind: Request["kind"]): Request[] {
    return this.#pending.list(kind);
  }

  /** Requests an address in a subnet. The returned function cancels. */
  allocate(ident: string, subnet: Cidr, options: RequestOptions, settle: Settle<Cidr>): () => void {
    const range = subnetRange(subnet);
    return this.#pending.add({ kind: "allocate", ident, cidr: subnet, options, settle }, (request) =>
      this.#tryAllocate(request, subnet, range),
    );
  }

  /** Requests this very address. */
  claim(ident: string, cidr: Cidr, options: RequestOptions, settle: Settle<Cidr>): () => void {
    const address = parseIpv4(cidr.address);
    if (address === undefined) throw new RingError("INVALID", `invalid CIDR address: ${formatCidr(cidr)}`);
    const target = { cidr, address, lenient: options.noErrorOnUnknown === true, exclusive: options.exclusive === true };
    return this.#pending.add({ kind: "claim", ident, cidr, options, settle }, (request) =>
      this.#claiming.attempt(request, target),
    );
  }

  /** Waits for a ring. */
  prime(settle: (outcome: Outcome<Cidr>) => void): () => void {
    return this.#pending.add({ kind: "prime", ident: "", cidr: undefined, options: {}, settle }, (request) => {
      this.#host.ensureRing();
      if (!this.#pending.has(request)) return true;
      return this.#hasRing() && !this.#host.isStarting()
        ? this.#pending.answer(request, { value: { address: "", prefixLength: 0 } })
        : this.#pending.waitForRing(request);
    });
  }

  /** Releases one address. @throws RingError NOT_HELD */
  release(ident: string, address: number): void {
    const { allocations, space } = this.#context;
    if (!allocations.remove(ident, address)) {
      throw new RingError("NOT_HELD", `Free: address ${formatIpv4(address)} not found for ${ident}`);
    }
    space.release(address);
    this.#freed();
  }

  /** Releases all addresses of an ident; returns how many there were. */
  releaseAll(ident: string): number {
    const { allocations, space } = this.#context;
    const held = allocations.addressesOf(ident);
    for (const { address } of held) {
      allocations.remove(ident, address);
      space.release(address);
    }
    if (held.length > 0) this.#freed();
    return held.length;
  }

  cancelFor(ident: string): void {
    for (const request of [...this.#pending]) if (request.ident === ident) this.#pending.cancel(request);
  }

  /** Cancels every request, and those made from now on. */
  close(): void {
    this.#pending.close();
  }

  /** Tries everything that waits: claims before allocations, so that a claimed address is not given to another container. */
  retryAll(): void {
    this.#spaceRequests.expire();
    for (const kind of ["prime", "claim", "allocate"] as const) {
      for (const request of this.list(kind)) this.#pending.retry(request);
    }
  }

  /** A peer has sent its ring, which `learn` merges: that answers whatever the peer was asked. */
  answered(peer: PeerName, learn: () => void): void {
    if (!this.#spaceRequests.isOpen(peer)) return learn();
    // Before merging, which may finish a request: its explanation should have this answer.
    this.#spaceRequests.close(peer, "granted");
    const before = this.pending;
    learn();
    this.retryAll();
    if (this.pending < before) {
      this.#spaceRequests.reopen(peer);
      this.retryAll();
    }
  }

  /** A peer has no space in a range. */
  denied(peer: PeerName, range: Range): void {
    this.#spaceRequests.close(peer, "none");
    for (const request of this.list("claim")) {
      const address = parseIpv4(request.cidr!.address)!;
      if (address < range.start || address >= range.end) continue;
      // A reserved address follows its workload: it is free as soon as the previous host releases it.
      if (this.#context.reservations.get(request.workload) === address) continue;
      this.#claiming.deny(request, peer, "");
      this.#pending.end(request);
    }
    this.retryAll();
  }

  /** Claims our allocations that lie in other peers' ranges; returns them. */
  claimDisplaced(done?: (address: number, isKept: boolean) => void): number[] {
    const claimed = new Set(this.list("claim").map(({ ident, cidr }) => `${ident} ${cidr!.address}`));
    const displaced = this.#displaced().filter(({ ident, cidr }) => !claimed.has(`${ident} ${cidr.address}`));
    for (const { ident, isContainer, address, cidr, owner } of displaced) {
      const settle: Settle<Cidr> = (outcome) => {
        if ("value" in outcome) this.#contested.delete(address);
        else if (outcome.error.code === "ADDRESS_TAKEN") this.#contested.set(address, owner);
        done?.(address, "value" in outcome);
      };
      const target = { cidr, address, lenient: false, exclusive: false };
      const draft = { kind: "claim", ident, cidr, options: { isContainer }, settle, isQuiet: true } as const;
      this.#pending.add(draft, (request) => this.#claiming.attempt(request, target));
    }
    return displaced.map(({ address }) => address);
  }

  /** Our allocations that another peer owns and refused to us: it uses the address, too. */
  contested(): { readonly address: number; readonly ident: string; readonly owner: PeerName }[] {
    const displaced = this.#displaced();
    for (const address of this.#contested.keys()) {
      if (!displaced.some((each) => each.address === address)) this.#contested.delete(address);
    }
    return displaced.filter(({ address }) => this.#contested.has(address));
  }

  /** Our allocations that lie in other peers' ranges. */
  #displaced(): { address: number; ident: string; isContainer: boolean; cidr: Cidr; owner: PeerName }[] {
    const { allocations, space, universe, us } = this.#context;
    if (!this.#hasRing() || allocations.size === space.used) return [];
    const found: { address: number; ident: string; isContainer: boolean; cidr: Cidr; owner: PeerName }[] = [];
    for (const { ident, isContainer, addresses } of allocations.list()) {
      for (const cidr of addresses) {
        const address = parseIpv4(cidr.address)!;
        const owner = ownerOf(this.#host.ring(), address)!;
        const inRange = address >= universe.start && address < universe.end;
        if (inRange && owner !== us) found.push({ address, ident, isContainer, cidr, owner });
      }
    }
    return found;
  }

  /** Space requests that bar asking a peer again for now: open ones, and those that brought nothing. */
  spaceRequests(): Asked[] {
    return this.#spaceRequests.list();
  }

  /** Why an ident's requests wait, or waited. */
  explain(ident?: string): Explanation[] {
    return this.#pending.explain(ident);
  }

  /** Sets what is called when the reason of a request changes. */
  set onWaiting(fn: (explanation: Explanation) => void) {
    this.#pending.onWaiting = fn;
  }

  #hasRing(): boolean {
    return this.#host.ring().entries.length > 0;
  }

  #tryAllocate(request: Request, subnet: Cidr, range: Range): boolean {
    const { allocations, space, universe, reservations, avoid } = this.#context;
    const { prefixLength } = subnet;
    const [held] = allocations.addressesOf(request.ident, range);
    if (held) {
      allocations.revive(request.ident);
      return this.#pending.answer(request, { value: { address: held.cidr.address, prefixLength } });
    }
    const reserved = reservations.get(request.workload);
    if (reserved !== undefined && reserved >= range.start && reserved < range.end) {
      const cidr = { address: formatIpv4(reserved), prefixLength };
      return this.#claiming.attempt(request, { cidr, address: reserved, lenient: false, exclusive: false });
    }
    if (range.start >= universe.end || range.end <= universe.start) {
      const message = `range ${formatCidr(subnet)} out of bounds: ${formatRange(universe)}`;
      return this.#pending.answer(request, { error: new RingError("OUT_OF_RANGE", message) });
    }
    this.#host.ensureRing();
    // A ring that came about just now has already had this request tried.
    if (!this.#pending.has(request)) return true;
    if (this.#host.isStarting() || !this.#hasRing()) return this.#pending.waitForRing(request);
    const address = space.allocate(hostRange(range), avoid);
    if (address === undefined) {
      request.reason = this.#spaceRequests.askFor(request, range);
      return false;
    }
    return this.#pending.enter(request, { address: formatIpv4(address), prefixLength });
  }

  #freed(): void {
    this.#host.changed();
    if (this.pending > 0) this.retryAll();
  }
}
