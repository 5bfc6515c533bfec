/** Small documents that survive a crash, one file each: `<prefix>-<key>.json`, with a journal beside it where one is kept. */
export interface Store {
  /**
   * The value last saved, or undefined when there is none.
   *
   * @throws StateError when there is a file that cannot be used
   */
  load(key: string): Promise<unknown>;
  /**
   * Resolves when the value is on disk. Saves of one key are written in order; of several waiting ones only the last is written,
   * and all of them resolve with it.
   *
   * @throws StateError STATE_UNWRITABLE; the value before it is still there
   */
  save(key: string, value: unknown): Promise<void>;
  /**
   * Adds a record to the journal of a document that was loaded or saved before; resolves when it is on disk. A save of the
   * document empties its journal. After a failure only a save may follow. Not to be called while a save or an append is under way.
   *
   * @throws StateError STATE_UNWRITABLE
   */
  append(key: string, record: unknown): Promise<void>;
  /** The records since the last save of a document that was loaded before. @throws StateError */
  journal(key: string): Promise<unknown[]>;
  /** Closes the journals' files; the next append opens its own again. */
  close(): Promise<void>;
  /** Forgets everything. */
  clear(): Promise<void>;
}
