import type { Labels } from "./selector/node.ts";
import { restrictionOf } from "./selector/restriction.ts";
import type { Selector } from "./selector/selector.ts";

/** Something with labels that comes, changes, and goes. */
export interface Labelled {
  readonly id: string;
  readonly labels: Labels;
}

/** A change of what a selector matches. */
export interface MembershipChange {
  /** Canonical text of the selector. */
  readonly selector: string;
  readonly id: string;
  readonly matches: boolean;
}

/**
 * Which of many labelled things each of many selectors matches, kept up to date change by change. The state depends on what
 * was set last and not on the order of changes.
 *
 * A selector that demands one value of a label is asked only about things with that value, so that a change costs what it
 * touches.
 */
export class Membership<T extends Labelled> {
  /** Bounded by: things that were set and not removed. */
  readonly #things = new Map<string, T>();
  /** Bounded by: selectors that are watched. */
  readonly #watched = new Map<string, { readonly selector: Selector; readonly members: Set<string> }>();
  /** Selectors by what they demand, `key=value` or "" for nothing. Bounded by: selectors that are watched. */
  readonly #byDemand = new Map<string, Set<string>>();
  /** Things by `key=value`. Bounded by: labels of all things. */
  readonly #byLabel = new Map<string, Set<string>>();

  /** The thing of an id. */
  get(id: string): T | undefined {
    return this.#things.get(id);
  }

  /** Adds a thing or replaces the one of its id. */
  set(thing: T): MembershipChange[] {
    const before = this.#things.get(thing.id);
    this.#things.set(thing.id, thing);
    this.#relabel(thing.id, before?.labels ?? {}, thing.labels);
    const asked = new Set([...this.#candidates(before?.labels ?? {}), ...this.#candidates(thing.labels)]);
    return [...asked]
      .sort()
      .flatMap((text) => this.#note(text, thing.id, this.#watched.get(text)!.selector.matches(thing.labels)));
  }

  /** Removes a thing; nothing happens when there is none of this id. */
  remove(id: string): MembershipChange[] {
    const before = this.#things.get(id);
    if (!before) return [];
    this.#things.delete(id);
    this.#relabel(id, before.labels, {});
    return [...this.#candidates(before.labels)].sort().flatMap((text) => this.#note(text, id, false));
  }

  /** Begins to follow a selector; returns what it matches now, sorted by id. */
  watch(selector: Selector): readonly T[] {
    const { text } = selector;
    if (!this.#watched.has(text)) {
      const demand = demandOf(selector);
      const pool = demand === "" ? this.#things.keys() : (this.#byLabel.get(demand) ?? []);
      const members = [...pool].filter((id) => selector.matches(this.#things.get(id)!.labels));
      this.#watched.set(text, { selector, members: new Set(members) });
      addTo(this.#byDemand, demand, text);
    }
    return this.members(selector);
  }

  /** Stops following a selector. */
  unwatch(selector: Selector): void {
    if (this.#watched.delete(selector.text)) removeFrom(this.#byDemand, demandOf(selector), selector.text);
  }

  /** What a watched selector matches, sorted by id; empty when it is not watched. */
  members(selector: Selector): readonly T[] {
    const members = this.#watched.get(selector.text)?.members ?? [];
    return [...members].sort().map((id) => this.#things.get(id)!);
  }

  #candidates(labels: Labels): Set<string> {
    const found = new Set(this.#byDemand.get("") ?? []);
    for (const label of labelsOf(labels)) for (const text of this.#byDemand.get(label) ?? []) found.add(text);
    return found;
  }

  #note(text: string, id: string, matches: boolean): MembershipChange[] {
    const { members } = this.#watched.get(text)!;
    if (members.has(id) === matches) return [];
    if (matches) members.add(id);
    else members.delete(id);
    return [{ selector: text, id, matches }];
  }

  #relabel(id: string, before: Labels, after: Labels): void {
    for (const label of labelsOf(before)) removeFrom(this.#byLabel, label, id);
    for (const label of labelsOf(after)) addTo(this.#byLabel, label, id);
  }
}

function demandOf({ node }: Selector): string {
  const demand = restrictionOf(node);
  return demand ? `${demand.key}=${demand.value}` : "";
}

function labelsOf(labels: Labels): string[] {
  return Object.entries(labels).map(([key, value]) => `${key}=${value}`);
}

function addTo(map: Map<string, Set<string>>, key: string, value: string): void {
  const set = map.get(key) ?? new Set();
  map.set(key, set.add(value));
}

function removeFrom(map: Map<string, Set<string>>, key: string, value: string): void {
  const set = map.get(key);
  set?.delete(value);
  if (set?.size === 0) map.delete(key);
}
