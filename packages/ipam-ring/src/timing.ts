/** A lost message is repeated, and a peer asked again, after this long (ms): Weave Net's tick (docs/protocol/constants.md#21). */
export const TICK_MS = 5000;
/** The addresses of a container that died are kept this long (ms), because a restarted container wants the same ones. */
export const DEAD_GRACE_MS = 30_000;
