import type { PeerName } from "../ports.ts";
import type { Request } from "./request.ts";
import { describeWait, type Explanation } from "./waiting.ts";

/** How many explanations of finished requests are kept. */
const MOST_FINISHED = 64;

/** Explains why requests wait, or waited. */
export class WaitExplainer {
  readonly #nameOf: (peer: PeerName) => string;
  /** Latest first. Bounded by: {@link MOST_FINISHED}. */
  readonly #finished: Explanation[] = [];

  constructor(nameOf: (peer: PeerName) => string) {
    this.#nameOf = nameOf;
  }

  of({ kind, ident, cidr, since, reason, asked }: Request): Explanation {
    return {
      kind: kind === "prime" ? "allocate" : kind,
      ident,
      since,
      text: reason ? describeWait(reason, this.#nameOf) : "",
      asked: [...asked],
      ...(cidr && { cidr }),
      ...(reason && { reason }),
    };
  }

  /** Keeps the explanation of a finished request that had to wait. */
  finish(request: Request, outcome: NonNullable<Explanation["outcome"]>): void {
    if (!request.reason) return;
    this.#finished.unshift({ ...this.of(request), outcome });
    this.#finished.length = Math.min(this.#finished.length, MOST_FINISHED);
  }

  /** The requests that wait; of one ident, if given, also those that waited. */
  list(waiting: Iterable<Request>, ident: string | undefined): Explanation[] {
    const open = [...waiting].filter(({ kind }) => kind !== "prime").map((request) => this.of(request));
    if (ident === undefined) return open;
    return [...open, ...this.#finished].filter((explanation) => explanation.ident === ident);
  }
}
