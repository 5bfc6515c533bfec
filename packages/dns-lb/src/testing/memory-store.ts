import type { Store } from "../ports.ts";

/** A store that forgets with the process. Values are copied through JSON, as a file would. */
export function createMemoryStore(): Store {
  /** Bounded by: keys that the test uses. */
  const documents = new Map<string, string>();
  return {
    load: async (key) => {
      const text = documents.get(key);
      return text === undefined ? undefined : JSON.parse(text);
    },
    save: async (key, value) => void documents.set(key, JSON.stringify(value)),
  };
}
