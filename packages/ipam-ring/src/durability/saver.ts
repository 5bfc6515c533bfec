import type { AllocatorOptions } from "../options.ts";
import { replay, type Snapshot } from "./journal.ts";
import { parseSaved, type Saved, STORE_KEY, toJson } from "./saved.ts";

/** After this many records, in addition to one per ident, the whole document is cheaper to read than the journal. */
const FEWEST_RECORDS = 256;

/** Reads the state of an earlier life. @throws RingError STATE_UNUSABLE */
export async function loadSaved({ store }: Pick<AllocatorOptions, "store">): Promise<Saved | undefined> {
  const saved = parseSaved(await store.load(STORE_KEY));
  const records = saved && store.journal ? await store.journal(STORE_KEY) : [];
  return saved && replay(saved, records);
}

/**
 * Makes snapshots durable: a record for an allocation, the whole document for any other change, so that the cost of an allocation
 * does not grow with the addresses in use.
 */
export function createSaver(options: AllocatorOptions): (snapshot: Snapshot, done: () => void) => void {
  const { store, clock, logger } = options;
  let records = 0;
  /** Records that may follow; none before the first save of this life, which starts a new journal. */
  let most = 0;
  const write = async (snapshot: Snapshot): Promise<void> => {
    if (snapshot.patch && store.append && records < most) {
      records++;
      return store.append(STORE_KEY, snapshot.patch);
    }
    const saved = snapshot.full();
    await store.save(STORE_KEY, toJson(saved));
    records = 0;
    most = FEWEST_RECORDS + saved.owned.length;
  };
  const save = (snapshot: Snapshot, done: () => void): void => {
    write(snapshot).then(done, (error: Error) => {
      // Unsaved state may not be announced, so everything waits until the disk is back. Then the whole document is saved: a record may be torn.
      most = 0;
      logger?.error("cannot save the address state; answers wait until it can be saved", { error: error.message });
      clock.after(1000, () => save(snapshot, done));
    });
  };
  return save;
}
