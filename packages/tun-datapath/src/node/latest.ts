/**
 * Carries out a task again and again, one run at a time. Wishes that come in during a run are served by one more run, which sees the
 * latest state.
 */
export class Latest {
  readonly #task: () => Promise<void>;
  #wanted = false;
  #work: Promise<void> | undefined;

  /** `task` must not reject. */
  constructor(task: () => Promise<void>) {
    this.#task = task;
  }

  request(): void {
    this.#wanted = true;
    this.#work ??= this.#run();
  }

  async #run(): Promise<void> {
    while (this.#wanted) {
      this.#wanted = false;
      await this.#task();
    }
    // In the same turn as the last look: a later request starts a new run.
    this.#work = undefined;
  }

  /** Resolves when everything requested so far has been carried out. */
  async settled(): Promise<void> {
    await this.#work;
  }
}
