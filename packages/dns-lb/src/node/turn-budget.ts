/** Keeps work that outsiders ask for from holding the event loop. */

/** How long one turn of the event loop may work for connections. */
const TURN_MS = 10;

/** One budget for all connections of a server: many modest ones hold the loop as long as one greedy one. */
export class TurnBudget {
  readonly #now: () => number;
  #startedAt: number | undefined;
  /** Called in the next turn. Bounded by: connections. */
  #waiting = new Set<() => void>();

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Whether there is time left in this turn; if not, `resume` is called in the next one. */
  hasTime(resume: () => void): boolean {
    if (this.#startedAt === undefined) {
      this.#startedAt = this.#now();
      setImmediate(() => this.#nextTurn());
    }
    if (this.#now() - this.#startedAt < TURN_MS) return true;
    this.#waiting.add(resume);
    return false;
  }

  #nextTurn(): void {
    this.#startedAt = undefined;
    const waiting = this.#waiting;
    this.#waiting = new Set();
    for (const resume of waiting) resume();
  }
}
