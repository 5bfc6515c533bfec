/** Runs what has the same key one after the other: two changes of one link must not see each other half done. */
export function createQueues(): <T>(key: string, act: () => Promise<T>) => Promise<T> {
  /** Bounded by: links being changed at this moment. */
  const tails = new Map<string, Promise<unknown>>();
  return (key, act) => {
    const result = (tails.get(key) ?? Promise.resolve()).then(act, act);
    const settled = result.catch(() => {});
    tails.set(key, settled);
    void settled.then(() => {
      if (tails.get(key) === settled) tails.delete(key);
    });
    return result;
  };
}
