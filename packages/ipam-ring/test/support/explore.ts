import { hash } from "node:crypto";
import { type Global, SmallWorld } from "./small-world.ts";

/** What an exploration has found. */
export interface Exploration {
  /** New states at each depth, the start first. */
  readonly states: readonly number[];
  /** Steps tried. */
  readonly transitions: number;
  /** Steps of which the real allocator worked out what they do; all others were repetitions for the peer concerned. */
  readonly worked: number;
  /** Steps that lead to a violation, and which. */
  readonly violation?: { readonly steps: readonly string[]; readonly message: string };
}

interface Place {
  readonly world: Global;
  readonly before: Place | undefined;
  readonly step: string;
}

/** Breadth first, each state once, so that the first violation found is a shortest one. */
export function explore(
  depth: number,
  onLevel?: (depth: number, fresh: number, transitions: number) => void,
): Exploration {
  const small = new SmallWorld();
  const seen = new Fingerprints();
  const start = small.start();
  seen.add(small.canonical(start));
  let frontier: Place[] = [{ world: start, before: undefined, step: "" }];
  const states = [1];
  let transitions = 0;
  for (let level = 1; level <= depth; level++) {
    const next: Place[] = [];
    let fresh = 0;
    for (const place of frontier) {
      for (const { step, to, violation } of small.steps(place.world)) {
        transitions++;
        const reached = { world: to, before: place, step };
        if (violation !== undefined) {
          return {
            states,
            transitions,
            worked: small.worked,
            violation: { steps: stepsTo(reached), message: violation },
          };
        }
        if (!seen.add(small.canonical(to))) continue;
        fresh++;
        if (level < depth) next.push(reached);
      }
    }
    frontier = next;
    states.push(fresh);
    onLevel?.(level, fresh, transitions);
  }
  return { states, transitions, worked: small.worked };
}

function stepsTo(place: Place): string[] {
  const steps: string[] = [];
  for (let at: Place | undefined = place; at?.before; at = at.before) steps.push(at.step);
  return steps.reverse();
}

/** A set of texts, 64 bits of SHA-1 of each: two of ten million are taken for one with a probability below 10^-5. */
class Fingerprints {
  #slots = new Uint32Array(2 ** 17);
  #size = 0;

  /** Whether it was new. */
  add(text: string): boolean {
    const digest = hash("sha1", text, "buffer");
    // Zero marks a free slot.
    if (!this.#insert(digest.readUInt32LE(0), digest.readUInt32LE(4) || 1)) return false;
    if (++this.#size * 4 > this.#slots.length) this.#grow();
    return true;
  }

  #insert(high: number, low: number): boolean {
    const slots = this.#slots;
    for (let at = (high * 2) % slots.length; ; at = (at + 2) % slots.length) {
      if (slots[at + 1] === 0) {
        slots[at] = high;
        slots[at + 1] = low;
        return true;
      }
      if (slots[at] === high && slots[at + 1] === low) return false;
    }
  }

  #grow(): void {
    const old = this.#slots;
    this.#slots = new Uint32Array(old.length * 2);
    for (let at = 0; at < old.length; at += 2) if (old[at + 1] !== 0) this.#insert(old[at]!, old[at + 1]!);
  }
}
