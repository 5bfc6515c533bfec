/**
 * Holds back what others may see until what it follows from is on disk.
 *
 * A grant that a peer has heard of must survive our crash, else two peers own the range; an address that a container got must
 * too. So every message and every answer waits for the change before it. While a save runs, changes gather for the next one:
 * a thousand requests at once cost two or three saves.
 */
export class Outbox {
  /** Bounded by: messages and answers made since the save that is running began. */
  #held: { readonly needs: number; readonly run: () => void }[] = [];
  #revision = 0;
  #durable = 0;
  #saving = false;
  #pumping = false;
  readonly #save: (done: () => void) => void;

  /** @param save - makes a snapshot of everything at once, then calls `done` when it is durable, at once or later */
  constructor(save: (done: () => void) => void) {
    this.#save = save;
  }

  /** State has changed that must not be lost. */
  changed(): void {
    this.#revision++;
  }

  /** Runs `run` when everything changed so far is durable, in the order of asking. */
  after(run: () => void): void {
    this.#held.push({ needs: this.#revision, run });
  }

  /** Starts a save if one is due, runs what is due. Called at the end of every input. */
  pump(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    try {
      for (;;) {
        while (this.#held.length > 0 && this.#held[0]!.needs <= this.#durable) this.#held.shift()!.run();
        if (this.#saving || this.#durable === this.#revision) return;
        this.#startSave();
        if (this.#saving) return;
      }
    } finally {
      this.#pumping = false;
    }
  }

  #startSave(): void {
    const revision = this.#revision;
    this.#saving = true;
    this.#save(() => {
      this.#saving = false;
      this.#durable = revision;
      this.pump();
    });
  }
}
