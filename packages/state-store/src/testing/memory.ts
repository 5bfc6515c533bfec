import { StateError } from "../errors.ts";
import type { Store } from "../store.ts";

/** A store in memory. */
export interface MemoryStore extends Store {
  /** Makes saves and appends fail from now on, as a full disk does; `undefined` makes them work again. */
  failWith(message: string | undefined): void;
}

/** Makes an empty store. Values are copied on the way in and out, as through a file. */
export function createMemoryStore(): MemoryStore {
  /** Bounded by: the keys that a test uses. */
  const documents = new Map<string, string>();
  const journals = new Map<string, string[]>();
  let failure: string | undefined;
  const check = () => {
    if (failure !== undefined) throw new StateError("STATE_UNWRITABLE", failure);
  };
  return {
    failWith(message) {
      failure = message;
    },
    async load(key) {
      const text = documents.get(key);
      return text === undefined ? undefined : JSON.parse(text);
    },
    async save(key, value) {
      check();
      documents.set(key, JSON.stringify(value));
      journals.delete(key);
    },
    async append(key, record) {
      check();
      if (!documents.has(key)) throw new TypeError(`no document ${key} for its journal to extend`);
      journals.set(key, [...(journals.get(key) ?? []), JSON.stringify(record)]);
    },
    async journal(key) {
      return (journals.get(key) ?? []).map((text) => JSON.parse(text));
    },
    async close() {},
    async clear() {
      documents.clear();
      journals.clear();
    },
  };
}
