/** Runs tasks of the same key one after the other: two changes of one link must not see each other half done. */
export type Queues = <T>(key: string, act: () => Promise<T>) => Promise<T>;

/** A set of queues that are independent of each other. */
export function createQueues(): Queues {
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
