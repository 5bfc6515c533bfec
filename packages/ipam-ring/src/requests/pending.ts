import { type Cidr, parseIpv4 } from "../space/address.ts";
import { WaitExplainer } from "./explainer.ts";
import { cancelled, NO_IDENT, type Outcome, type Request, type RequestOptions, type Settle } from "./request.ts";
import type { RequestContext, RequestHost } from "./request-host.ts";
import type { Explanation } from "./waiting.ts";

/** What a new request is made of. */
export interface Draft {
  readonly kind: Request["kind"];
  readonly ident: string;
  readonly cidr: Cidr | undefined;
  readonly options: RequestOptions;
  readonly settle: Settle<Cidr>;
  /** Not made by a caller, so that no explanation is kept of it. @defaultValue false */
  readonly isQuiet?: boolean;
}

/** The requests that wait, and the one place where a request gets its answer. */
export class PendingRequests {
  readonly #context: RequestContext;
  readonly #host: RequestHost;
  /** Bounded by: callers that wait, plus lenient claims that go on. */
  readonly #waiting = new Set<Request>();
  readonly #explainer: WaitExplainer;
  #closed = false;
  /** Called when the reason of a request changes. */
  onWaiting: ((explanation: Explanation) => void) | undefined;

  constructor(context: RequestContext, host: RequestHost) {
    this.#context = context;
    this.#host = host;
    this.#explainer = new WaitExplainer(context.nameOf);
  }

  get size(): number {
    return this.#waiting.size;
  }

  [Symbol.iterator](): Iterator<Request> {
    return this.#waiting[Symbol.iterator]();
  }

  has(request: Request): boolean {
    return this.#waiting.has(request);
  }

  list(kind: Request["kind"]): Request[] {
    return [...this.#waiting].filter((request) => request.kind === kind);
  }

  /** Tries a new request, and again with every {@link retry} until it is done. The returned function cancels it. */
  add(
    { kind, ident, cidr, options, settle, isQuiet = false }: Draft,
    attempt: (request: Request) => boolean,
  ): () => void {
    const { isContainer = false, workload = ident } = options;
    const since = this.#context.now();
    const fresh = { tries: 0, asked: [], answered: false, reason: undefined };
    const request: Request = {
      ...fresh,
      kind,
      ident,
      cidr,
      since,
      isContainer,
      workload,
      isQuiet,
      settle,
      attempt: () => attempt(request),
    };
    if (this.#closed) this.cancel(request);
    else {
      this.#waiting.add(request);
      this.retry(request);
    }
    return () => {
      if (this.#waiting.has(request)) this.cancel(request);
    };
  }

  /** Tries a request that waits; says why if it waits for something else now. */
  retry(request: Request): void {
    if (!this.#waiting.has(request)) return;
    const before = request.reason;
    if (request.attempt()) this.#waiting.delete(request);
    else if (JSON.stringify(request.reason) !== JSON.stringify(before)) this.onWaiting?.(this.#explainer.of(request));
  }

  /** Ends a request that waits from outside of its own attempts. */
  end(request: Request): void {
    this.#waiting.delete(request);
  }

  cancel(request: Request): void {
    this.#waiting.delete(request);
    this.answer(request, { error: cancelled(request) });
  }

  /** Cancels every request, and those made from now on. */
  close(): void {
    this.#closed = true;
    for (const request of [...this.#waiting]) this.cancel(request);
  }

  /** Files the address and answers the caller. */
  enter(request: Request, cidr: Cidr): true {
    const ident = request.ident === NO_IDENT ? cidr.address : request.ident;
    this.#context.allocations.add(ident, cidr, request.isContainer);
    this.#host.changed();
    return this.answer(request, { value: cidr });
  }

  /** Leaves a request waiting for the start, or for the ring. */
  waitForRing(request: Request): false {
    request.reason = this.#host.whyWaiting();
    return false;
  }

  /** Ends a request with an outcome. */
  answer(request: Request, outcome: Outcome<Cidr>): true {
    const word = "value" in outcome ? "done" : outcome.error.code === "CANCELLED" ? "cancelled" : "failed";
    if (!request.isQuiet) this.#explainer.finish(request, word);
    this.reply(request, outcome);
    return true;
  }

  /** Answers the caller, while the request itself may go on. */
  reply(request: Request, outcome: Outcome<Cidr>): void {
    if (request.answered) return;
    request.answered = true;
    this.#host.afterSave(() => request.settle(this.#stillTrue(request, outcome)));
  }

  /** Why requests wait, or waited; those of one ident, if given. */
  explain(ident?: string): Explanation[] {
    return this.#explainer.list(this.#waiting, ident);
  }

  /** The address may have been released while the answer waited for the disk; then another ident may hold it by now. */
  #stillTrue(request: Request, outcome: Outcome<Cidr>): Outcome<Cidr> {
    if ("error" in outcome || request.kind === "prime") return outcome;
    const holder = this.#context.allocations.holderOf(parseIpv4(outcome.value.address)!);
    // An anonymous claim holds whoever has the address; a lenient one is answered before any ident has it.
    const holds = holder === request.ident || request.ident === NO_IDENT || this.#waiting.has(request);
    return holds ? outcome : { error: cancelled(request) };
  }
}
