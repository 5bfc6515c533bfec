import { TICK_MS } from "../core/core-options.ts";
import type { PeerName } from "../ports.ts";
import { freeOfOthers, type Ring } from "../ring/ring.ts";
import type { Range } from "../space/address.ts";
import { noteAsked, type Request } from "./request.ts";
import type { Asked, WaitReason } from "./waiting.ts";

/** What asking needs from the allocator around it. */
export interface Asker {
  readonly us: PeerName;
  readonly ring: () => Ring;
  readonly now: () => number;
  readonly random: () => number;
  /** False if no route leads there. */
  readonly ask: (peer: PeerName, range: Range) => boolean;
  /** Requests whose explanations want the answers. */
  readonly waiting: Iterable<Request>;
}

/** Questions for space: one at a time to a peer; who brought nothing is asked again at the next tick at the earliest. */
export class Questions {
  readonly #asker: Asker;
  /** Bounded by: peers in the ring. */
  readonly #open = new Map<PeerName, Asked>();
  /** Peers that had nothing, until the next tick. Bounded by: peers in the ring. */
  readonly #empty = new Map<PeerName, Asked>();

  constructor(asker: Asker) {
    this.#asker = asker;
  }

  /** What bars asking a peer for now. */
  list(): Asked[] {
    return [...this.#open.values(), ...this.#empty.values()];
  }

  isOpen(peer: PeerName): boolean {
    return this.#open.has(peer);
  }

  /** Forgets what is older than a tick: a question or its answer may have been lost, and space may have come free. */
  expire(): void {
    const now = this.#asker.now();
    for (const questions of [this.#open, this.#empty]) {
      for (const [peer, { at }] of questions) if (now - at >= TICK_MS) questions.delete(peer);
    }
  }

  /**
   * A peer has answered. It is not asked again at once even if it gave something: what came may be of no use, such as the first
   * address of the subnet, which two peers could pass to and fro for ever. See {@link Questions.reopen}.
   */
  close(peer: PeerName, answer: "granted" | "none"): void {
    const open = this.#open.get(peer);
    this.#open.delete(peer);
    for (const { asked } of this.#asker.waiting) {
      for (let i = 0; i < asked.length; i++) {
        if (asked[i]!.peer === peer && asked[i]!.answer === undefined) asked[i] = { ...asked[i]!, answer };
      }
    }
    if (open) this.#empty.set(peer, { ...open, at: this.#asker.now(), answer });
  }

  /** What a peer gave was of use: it may be asked for more. */
  reopen(peer: PeerName): void {
    this.#empty.delete(peer);
  }

  /**
   * Asks one more peer on behalf of a request, the likeliest first (notes, 9.6): those with more free addresses, with some
   * chance for all. Why the request waits.
   */
  askFor(request: Request, range: Range): WaitReason {
    const { ring, us, random } = this.#asker;
    const free = freeOfOthers(ring(), range, us);
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
    const sent = this.#asker.ask(peer, range);
    const asked: Asked = { peer, range, at: this.#asker.now(), ...(!sent && { answer: "unreachable" as const }) };
    noteAsked(request, asked);
    if (sent) this.#open.set(peer, asked);
    return sent;
  }

  #reason(request: Request, anyFree: boolean, unreachable: readonly PeerName[]): WaitReason {
    if (!anyFree) return { code: "FULL" };
    if (this.#open.size > 0) {
      // Several requests may wait for one question.
      const asked = request.asked.some(({ answer }) => answer === undefined) ? request.asked : [...this.#open.values()];
      return { code: "ASKED", asked: [...asked] };
    }
    if (unreachable.length > 0 && this.#empty.size === 0) return { code: "UNREACHABLE", owners: unreachable };
    return { code: "NO_SPACE", asked: [...this.#empty.values()] };
  }
}
