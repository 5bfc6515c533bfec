/**
 * Delays what others may see until the change that it follows from is durable.
 *
 * A grant that a peer has heard of must survive our crash, else two peers own the range; an address that a container got must
 * too. So every message and every answer waits for the change before it. While a save runs, changes gather for the next one:
 * a thousand requests at once cost two or three saves.
 */
export class Outbox {
  /** Bounded by: messages and answers made since the running save began. */
  #held: { readonly needs: number; readonly run: () => void }[] = [];
  #revision = 0;
  #durable = 0;
  #saving = false;
  #flushing = false;
  #depth = 0;
  readonly #save: (done: () => void) => void;

  /** @param save - takes a snapshot of everything at once, then calls `done` when it is durable, at once or later */
  constructor(save: (done: () => void) => void) {
    this.#save = save;
  }

  /** Notes that state which must not be lost has changed. */
  changed(): void {
    this.#revision++;
  }

  /** Runs `run` when everything changed so far is durable, in the order of the calls. */
  after(run: () => void): void {
    this.#held.push({ needs: this.#revision, run });
  }

  /** Takes one input to its end: runs `input`, then starts a save if one is due and runs what is due. Inputs may nest. */
  act<T>(input: () => T): T {
    this.#depth++;
    try {
      return input();
    } finally {
      if (--this.#depth === 0) this.#flush();
    }
  }

  #flush(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    try {
      for (;;) {
        while (this.#held.length > 0 && this.#held[0]!.needs <= this.#durable) this.#held.shift()!.run();
        if (this.#saving || this.#durable === this.#revision) return;
        this.#startSave();
        if (this.#saving) return;
      }
    } finally {
      this.#flushing = false;
    }
  }

  #startSave(): void {
    const revision = this.#revision;
    this.#saving = true;
    this.#save(() => {
      this.#saving = false;
      this.#durable = revision;
      this.#flush();
    });
  }
}
