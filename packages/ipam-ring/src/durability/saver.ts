import type { AllocatorOptions } from "../options.ts";
import { replay, type Snapshot } from "./journal.ts";
import { parseSaved, type Saved, STORE_KEY, toJson } from "./saved.ts";
import type { StoreHealth } from "./store-health.ts";

/** After this many records, in addition to one per ident, the whole document is cheaper to read than the journal. */
const FEWEST_RECORDS = 256;

/** A save that failed is tried again after this long (ms). */
const RETRY_MS = 1000;

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
export function createSaver(
  options: Pick<AllocatorOptions, "store" | "clock" | "logger">,
  health: StoreHealth,
): (snapshot: Snapshot, done: () => void) => void {
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
    const saved = (): void => {
      if (health.recovered()) logger?.info("the address state can be saved again");
      done();
    };
    write(snapshot).then(saved, (error: Error) => {
      // Unsaved state may not be announced, so everything waits until the disk is back. Then the whole document is saved: a record may be torn.
      most = 0;
      if (health.failed(error))
        logger?.error("cannot save the address state; requests fail until it can be saved", { error: error.message });
      clock.after(RETRY_MS, () => save(snapshot, done));
    });
  };
  return save;
}
