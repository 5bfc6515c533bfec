import { executionError } from "./errors.ts";

/** What a template may use up. */
export interface TemplateLimits {
  /** Nodes, fields, and calls that are evaluated; a hundred characters that are made count as one. @defaultValue 150000 */
  readonly steps?: number;
  /** Characters of output, and of everything that functions make on the way. @defaultValue 4194304 */
  readonly characters?: number;
}

/** Characters that cost as much as one step. */
const charactersPerStep = 100;

/** Counts what a run uses up, so that nested loops over a report end in milliseconds. */
export class Budget {
  #steps: number;
  #characters: number;

  constructor({ steps = 150_000, characters = 4 << 20 }: TemplateLimits) {
    this.#steps = steps;
    this.#characters = characters;
  }

  /** @throws TemplateError TEMPLATE_EXECUTION when the steps are used up */
  step(count = 1): void {
    this.#steps -= count;
    if (this.#steps < 0) throw executionError("the template takes too many steps");
  }

  /** @throws TemplateError TEMPLATE_EXECUTION when too much text is made */
  made(text: string): string {
    this.#characters -= text.length;
    this.step(Math.ceil(text.length / charactersPerStep));
    if (this.#characters < 0) throw executionError("the template makes too much text");
    return text;
  }
}
