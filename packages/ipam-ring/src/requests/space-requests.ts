import type { PeerName } from "../ports.ts";
import { freeOfOthers } from "../ring/ring.ts";
import type { Range } from "../space/address.ts";
import { TICK_MS } from "../timing.ts";
import { noteAsked, type Request } from "./request.ts";
import type { RequestContext, RequestHost } from "./request-host.ts";
import type { Asked, WaitReason } from "./waiting.ts";

/** Space requests to other peers: one at a time to each; a peer that brought nothing is asked again at the next tick at the earliest. */
export class SpaceRequests {
  readonly #context: RequestContext;
  readonly #host: RequestHost;
  /** Requests whose explanations get the answers. */
  readonly #waiting: Iterable<Request>;
  /** Bounded by: peers in the ring. */
  readonly #open = new Map<PeerName, Asked>();
  /** Peers that had nothing, until the next tick. Bounded by: peers in the ring. */
  readonly #empty = new Map<PeerName, Asked>();

  constructor(context: RequestContext, host: RequestHost, waiting: Iterable<Request>) {
    this.#context = context;
    this.#host = host;
    this.#waiting = waiting;
  }

  /** What bars asking a peer for now. */
  list(): Asked[] {
    return [...this.#open.values(), ...this.#empty.values()];
  }

  isOpen(peer: PeerName): boolean {
    return this.#open.has(peer);
  }

  /** Forgets what is older than a tick: a request or its answer may have been lost, and space may have come free. */
  expire(): void {
    const now = this.#context.now();
    for (const requests of [this.#open, this.#empty]) {
      for (const [peer, { at }] of requests) if (now - at >= TICK_MS) requests.delete(peer);
    }
  }

  /**
   * Records a peer's answer. The peer is not asked again at once even if it granted something: the grant may be of no use, such as
   * the first address of the subnet, which two peers could pass to and fro without end. See {@link SpaceRequests.reopen}.
   */
  close(peer: PeerName, answer: "granted" | "none"): void {
    const open = this.#open.get(peer);
    this.#open.delete(peer);
    for (const { asked } of this.#waiting) {
      for (let i = 0; i < asked.length; i++) {
        if (asked[i]!.peer === peer && asked[i]!.answer === undefined) asked[i] = { ...asked[i]!, answer };
      }
    }
    if (open) this.#empty.set(peer, { ...open, at: this.#context.now(), answer });
  }

  /** A peer's grant was of use: it may be asked for more. */
  reopen(peer: PeerName): void {
    this.#empty.delete(peer);
  }

  /**
   * Asks one more peer on behalf of a request, the likeliest first (docs/protocol/ipam.md#9.6): peers with more free addresses, with some
   * chance for all. Returns why the request waits.
   */
  askFor(request: Request, range: Range): WaitReason {
    const { us, random } = this.#context;
    const free = freeOfOthers(this.#host.ring(), range, us);
    const same = (asked: Asked): boolean => asked.range.start === range.start && asked.range.end === range.end;
    const unreachable: PeerName[] = [];
    if (![...this.#open.values()].some(same)) {
      const ranked = [...free].map(([peer, count]) => ({ peer, weight: count * random() }));
      for (const { peer } of ranked.sort((a, b) => b.weight - a.weight)) {
        if (this.#empty.has(peer) || this.#open.has(peer)) continue;
        if (this.#ask(request, peer, range)) break;
        unreachable.push(peer);
      }
    }
    return this.#reason(request, free.size > 0, unreachable);
  }

  #ask(request: Request, peer: PeerName, range: Range): boolean {
    const sent = this.#host.ask(peer, range);
    const asked: Asked = { peer, range, at: this.#context.now(), ...(!sent && { answer: "unreachable" as const }) };
    noteAsked(request, asked);
    if (sent) this.#open.set(peer, asked);
    return sent;
  }

  #reason(request: Request, anyFree: boolean, unreachable: readonly PeerName[]): WaitReason {
    if (!anyFree) return { code: "FULL" };
    if (this.#open.size > 0) {
      // Several requests may wait for one answer.
      const asked = request.asked.some(({ answer }) => answer === undefined) ? request.asked : [...this.#open.values()];
      return { code: "ASKED", asked: [...asked] };
    }
    if (unreachable.length > 0 && this.#empty.size === 0) return { code: "UNREACHABLE", owners: unreachable };
    return { code: "NO_SPACE", asked: [...this.#empty.values()] };
  }
}
